// What happens to a mapping whose buffer is transferred, cloned or posted.

import { describe, expect, it } from 'vitest'
import { run, runForJson, scriptHelpers } from '../../support/processes.js'

const head = `${scriptHelpers}
  import { MessageChannel, Worker } from 'node:worker_threads'
  import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
`

describe('structuredClone and postMessage', () => {
  it('copy without a transfer list', async () => {
    const seen = await runForJson(`${head}
      const mapping = mapAnonymous(100)
      mapping.bytes().fill(3)
      const clone = structuredClone(mapping.buffer)
      const { port1, port2 } = new MessageChannel()
      const arrived = new Promise((resolve) => port2.once('message', resolve))
      port1.postMessage(mapping.bytes(10, 5))
      const message = await arrived
      port1.close()
      mapping.unmap()
      console.log(JSON.stringify([clone.byteLength, new Uint8Array(clone)[99], [...message]]))`)
    expect(seen).toEqual([100, 3, [3, 3, 3, 3, 3]])
  })

  it('with a transfer list copy or throw, and leave the memory to the mapping', async () => {
    const seen = await runForJson(
      `${head}
      const mapping = mapAnonymous(100)
      mapping.bytes().fill(3)
      let outcome
      try {
        const taken = structuredClone(mapping.buffer, { transfer: [mapping.buffer] })
        outcome = [taken.byteLength, new Uint8Array(taken)[99]]
      } catch (error) { outcome = error.name }
      await collect()
      const usable = codeOf(() => mapping.bytes()[0])
      mapping.unmap()
      await collect()
      console.log(JSON.stringify({ outcome, usable, live: native.regionCounts()[0] }))`,
      '--expose-gc',
    )
    expect(seen).toMatchObject({ live: 0 })
    const { outcome } = seen as { outcome: unknown }
    expect([JSON.stringify([100, 3]), JSON.stringify('DataCloneError')]).toContain(
      JSON.stringify(outcome),
    )
  })
})

const hasTransfer = 'transfer' in ArrayBuffer.prototype
if (!hasTransfer) console.log('not tested: this Node has no ArrayBuffer.prototype.transfer()')

describe.runIf(hasTransfer)('ArrayBuffer.prototype.transfer()', () => {
  it('moves the memory to the new ArrayBuffer, and unmap() leaves it there', async () => {
    const seen = await runForJson(
      `${head}
      const mapping = mapAnonymous(pageSize)
      mapping.bytes().fill(5)
      let taken = mapping.buffer.transfer()
      const again = [mapping.buffer === mapping.buffer, mapping.bytes()[0], mapping.buffer === taken]
      mapping.bytes()[1] = 6
      const read = [mapping.read(0, 1)[0], new Uint8Array(taken)[1]]
      new Uint8Array(taken)[1] = 5
      const lengthAfter = (view) => { mapping.unmap(); return view.length }
      const length = lengthAfter(mapping.bytes())
      await collect()
      const still = new Uint8Array(taken).every((byte) => byte === 5)
      const before = native.regionCounts()[0]
      taken = undefined
      await collect()
      console.log(JSON.stringify({ again, read, length, still, before, after: native.regionCounts()[0] }))`,
      '--expose-gc',
    )
    expect(seen).toEqual({
      again: [true, 5, false],
      read: [5, 6],
      length: 0,
      still: true,
      before: 1,
      after: 0,
    })
  })

  it('of the buffer of a part moves that part', async () => {
    const seen = await runForJson(
      `${head}
      const mapping = mapAnonymous(2 ** 28, { noReserve: true })
      mapping.bytes(2 ** 27, 100).fill(5)
      let taken = mapping.bytes(2 ** 27, 100).buffer.transfer()
      const again = [mapping.bytes(2 ** 27, 1)[0], mapping.bytes(0, 1)[0], mapping.buffer.byteLength]
      const resized = codeOf(() => mapping.resize(2 ** 29))
      mapping.unmap()
      await collect()
      const still = new Uint8Array(taken, 0, 100).every((byte) => byte === 5)
      const before = native.regionCounts()[0]
      taken = undefined
      await collect()
      console.log(JSON.stringify({ again, resized, still, before, after: native.regionCounts()[0] }))`,
      '--expose-gc',
    )
    expect(seen).toEqual({
      again: [5, 0, 2 ** 28],
      resized: 'EBUSY',
      still: true,
      before: 1,
      after: 0,
    })
  })

  it('keeps the memory when the mapping was dropped', async () => {
    const seen = await runForJson(
      `${head}
      const take = () => { const m = mapAnonymous(pageSize); m.bytes().fill(6); return m.buffer.transfer() }
      const taken = take()
      await collect()
      console.log(JSON.stringify(new Uint8Array(taken).every((byte) => byte === 6)))`,
      '--expose-gc',
    )
    expect(seen).toBe(true)
  })

  it.each(['kept', 'collected'])(
    'in a worker that posts it and exits, the mapping %s',
    async (fate) => {
      const worker = `
      const { parentPort } = require('node:worker_threads')
      const { mapAnonymous, pageSize } = require('posix-mmap')
      const main = async () => {
        const sent = (() => {
          const mapping = mapAnonymous(64 * pageSize)
          mapping.bytes().fill(9)
          ${fate === 'kept' ? 'globalThis.mapping = mapping' : ''}
          return mapping.buffer.transfer()
        })()
        for (let i = 0; i < 4; i++) { globalThis.gc?.(); await new Promise(setImmediate) }
        parentPort.postMessage(sent, [sent])
      }
      main()`
      const seen = await runForJson(
        `${head}
      const source = ${JSON.stringify(worker)}
      const received = []
      for (let i = 0; i < 8; i++) {
        const worker = new Worker(source, { eval: true, execArgv: [] })
        worker.on('message', (buffer) => received.push(buffer))
        await new Promise((resolve) => worker.once('exit', resolve))
      }
      await collect()
      // These would get the addresses of the buffers, if those had been given back.
      const others = Array.from({ length: 200 }, () => mapAnonymous(64 * pageSize))
      for (const other of others) other.bytes().fill(1)
      console.log(JSON.stringify({ received: received.length,
        intact: received.every((buffer) => new Uint8Array(buffer).every((byte) => byte === 9)) }))`,
        '--expose-gc',
      )
      expect(seen).toEqual({ received: 8, intact: true })
    },
  )
})

it('a program that detaches in every way it can ends without a signal', async () => {
  const finished = await run(
    `${head}
    for (let i = 0; i < 200; i++) {
      const mapping = mapAnonymous(pageSize)
      const buffer = mapping.buffer
      try { structuredClone(buffer, { transfer: [buffer] }) } catch {}
      try { new MessageChannel().port1.postMessage(buffer, [buffer]) } catch {}
      try { buffer.transfer?.(10) } catch {}
      try { buffer.transferToFixedLength?.() } catch {}
      if (i % 2 === 0) mapping.unmap()
      if (i % 10 === 0) { globalThis.gc?.(); await delay(0) }
    }
    process.exit(0)`,
    '--expose-gc',
  )
  expect(finished).toMatchObject({ code: 0, signal: null })
})

describe('byte streams, which transfer their chunks on every Node', () => {
  it('can read a whole mapping several times', async () => {
    const seen = await runForJson(`${head}
      import { buffer } from 'node:stream/consumers'
      const mapping = mapAnonymous(5 * pageSize + 7)
      const content = Buffer.from(mapping.bytes().map((_, index) => index % 251))
      mapping.write(0, content)
      const stream = () => {
        let at = 0
        return new ReadableStream({ type: 'bytes', pull(controller) {
          if (at >= content.length) return controller.close()
          const length = Math.min(pageSize, content.length - at)
          controller.enqueue(mapping.bytes(at, length))
          at += length
        } })
      }
      const passes = []
      for (let i = 0; i < 3; i++) passes.push((await buffer(stream())).equals(content))
      console.log(JSON.stringify([passes, mapping.read(0, content.length).equals(content)]))`)
    expect(seen).toEqual([[true, true, true], true])
  })

  it.each(['kept', 'dropped'])(
    'in a worker that posts a chunk and ends, the mapping %s',
    async (fate) => {
      const worker = `
      process.env.POSIX_MMAP_LEAVE_NODE_ALONE = '1' // or the stream would have bytes of its own
      const { parentPort } = require('node:worker_threads')
      const { mapAnonymous, pageSize } = require('posix-mmap')
      const main = async () => {
        const mapping = mapAnonymous(16 * pageSize)
        mapping.bytes().fill(7)
        ${fate === 'kept' ? 'globalThis.kept = mapping' : ''}
        const stream = new ReadableStream({ type: 'bytes', pull: ({ byobRequest }) => byobRequest.respond(byobRequest.view.byteLength) })
        const { value } = await stream.getReader({ mode: 'byob' }).read(mapping.bytes())
        parentPort.postMessage(value.buffer, [value.buffer])
      }
      main()`
      const seen = await runForJson(
        `${head}
      const received = []
      for (let i = 0; i < 6; i++) {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] })
        worker.on('message', (buffer) => received.push(buffer))
        await new Promise((resolve) => worker.once('exit', resolve))
      }
      await collect()
      const others = Array.from({ length: 200 }, () => mapAnonymous(16 * pageSize))
      for (const other of others) other.bytes().fill(1)
      for (const buffer of received) new Uint8Array(buffer)[0] = 7
      console.log(JSON.stringify([received.length, received.every((buffer) => new Uint8Array(buffer).every((byte) => byte === 7))]))`,
        '--expose-gc',
      )
      expect(seen).toEqual([6, true])
    },
  )
})

describe('a buffer that was marked as untransferable', () => {
  it.each(['unmap()', 'resize()', 'collection'])('survives %s', async (end) => {
    const finished = await run(
      `${head}
      import { markAsUntransferable } from 'node:worker_threads'
      const memory = mapAnonymous(4 * pageSize)
      memory.bytes().fill(9)
      const view = memory.bytes()
      markAsUntransferable(memory.buffer)
      if (${JSON.stringify(end)} === 'unmap()') memory.unmap()
      if (${JSON.stringify(end)} === 'resize()') { memory.resize(8 * pageSize); console.error(memory.bytes()[0]) }
      // The buffer is detached where the runtime gives it no key, and reads zeros where it does.
      if (${JSON.stringify(end)} !== 'collection') console.log(view.length === 0 || view.every((byte) => byte === 0))
      for (let i = 0; i < 20; i++) {
        const dropped = mapAnonymous(pageSize)
        markAsUntransferable(dropped.buffer)
      }
      await collect()`,
      '--expose-gc',
    )
    expect(finished).toMatchObject({ code: 0, signal: null })
    expect(finished.stdout).toBe(end === 'collection' ? '' : 'true\n')
    expect(finished.stderr).toBe(end === 'resize()' ? '9\n' : '')
  })
})
