// sharedBuffer: a mapping as a SharedArrayBuffer, in this thread and in others.

import { mapAnonymous, mapFile, pageSize, SharedMemory } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../../support/files.js'
import { run, runForJson } from '../../support/processes.js'
import { externalSharedBuffers, threadScript } from '../../support/threads.js'

const scratch = scratchDirectory()
const unavailable = expect.objectContaining({ code: 'ERR_EXTERNAL_BUFFERS' })

if (!externalSharedBuffers) {
  console.log(`not tested: Node ${process.version} makes no SharedArrayBuffer over foreign memory`)
}

describe('sharedBuffer of shared memory', () => {
  it('is one SharedArrayBuffer over the same pages', () => {
    using memory = SharedMemory.create(2 * pageSize + 5)
    const { sharedBuffer } = memory
    expect(sharedBuffer).toBeInstanceOf(SharedArrayBuffer)
    expect(sharedBuffer.byteLength).toBe(2 * pageSize + 5)
    expect(memory.sharedBuffer).toBe(sharedBuffer)
    const shared = new Uint8Array(sharedBuffer, 0, 2 * pageSize + 5)
    shared[2 * pageSize + 4] = 7
    memory.bytes()[3] = 9
    expect([memory.read(2 * pageSize + 4, 1)[0], shared[3]]).toEqual([7, 9])
    using other = SharedMemory.open(memory.fd)
    expect(other.read(3, 1)[0]).toBe(9)
  })

  it('reads zeros after unmap(), and stores reach nothing', () => {
    using memory = SharedMemory.create(pageSize)
    using other = SharedMemory.open(memory.fd)
    const shared = new Uint8Array(memory.sharedBuffer, 0, pageSize)
    shared.fill(5)
    memory.unmap()
    expect(shared.length).toBe(pageSize)
    expect(shared.every((byte) => byte === 0)).toBe(true)
    shared.fill(6)
    expect(other.read(0, pageSize).equals(Buffer.alloc(pageSize, 5))).toBe(true)
  })

  it('is empty for an empty mapping', () => {
    using mapping = mapAnonymous(0)
    expect(mapping.sharedBuffer.byteLength).toBe(0)
  })

  it('can be posted to other threads and waited on, without a copy', async () => {
    const seen = await runForJson(`${threadScript}
      const memory = SharedMemory.create(pageSize)
      const words = new Int32Array(memory.sharedBuffer, 0, 4)
      const worker = start(() => {
        const words = new Int32Array(workerData, 0, 4)
        parentPort.postMessage('ready')
        const outcome = Atomics.wait(words, 0, 0)
        Atomics.store(words, 1, 42)
        parentPort.postMessage(outcome)
      }, memory.sharedBuffer)
      await next(worker)
      const arrived = next(worker)
      while (Atomics.notify(words, 0) === 0) await delay(1)
      print([await arrived, memory.view(Int32Array)[1]])`)
    expect(seen).toEqual(['ok', 42])
  })

  it('outlives the thread that made it', async () => {
    const seen = await runForJson(
      `${threadScript}
      const worker = start(() => {
        const memory = SharedMemory.create(8 * pageSize)
        memory.bytes().fill(3)
        parentPort.postMessage(memory.sharedBuffer)
      })
      let [buffer] = await Promise.all([next(worker), ended(worker)])
      await collect()
      const all = new Uint8Array(buffer, 0, buffer.byteLength)
      const sum = all.reduce((a, b) => a + b, 0)
      all[0] = 1
      const posted = structuredClone(buffer)
      print([sum === 3 * 8 * pageSize, new Uint8Array(posted, 0, 1)[0], mapped('memfd:posix-mmap')])`,
      '--expose-gc',
    )
    expect(seen).toEqual([true, 1, 1])
  })

  it('is freed when the last thread drops it', async () => {
    const seen = await runForJson(
      `${threadScript}
      const memory = SharedMemory.create(8 * pageSize)
      const worker = start(() => { parentPort.once('message', () => {}) }, memory.sharedBuffer)
      memory.unmap()
      worker.postMessage('end')
      await ended(worker)
      await collect()
      print([mapped('memfd:posix-mmap'), native.regionCounts()[0]])`,
      '--expose-gc',
    )
    expect(seen).toEqual([0, 0])
  })

  it('survives unmap() while threads use it, and terminated threads', async () => {
    const finished = await run(`${threadScript}
      for (let round = 0; round < 20; round++) {
        const memory = SharedMemory.create(64 * pageSize)
        const workers = Array.from({ length: 3 }, () => start(() => {
          const words = new Int32Array(workerData, 0, workerData.byteLength / 4)
          parentPort.postMessage('ready')
          for (let i = 0; ; i = (i + 1) % words.length) Atomics.add(words, i, 1)
        }, memory.sharedBuffer))
        await Promise.all(workers.map(next))
        await delay(round % 7)
        if (round % 2 === 0) memory.unmap()
        await delay(round % 5)
        await Promise.all(workers.map((worker) => worker.terminate()))
      }
      console.log('end')`)
    expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'end\n' })
  })
})

describe.runIf(externalSharedBuffers)('sharedBuffer of any mapping', () => {
  it('shows a file at an unaligned offset', () => {
    const file = scratch.file('unaligned', pattern(2 * pageSize))
    using mapping = mapFile(file, { access: 'read-write', offset: 5 })
    const shared = new Uint8Array(mapping.sharedBuffer)
    expect(Buffer.from(shared).equals(pattern(2 * pageSize).subarray(5))).toBe(true)
  })

  it('reports faults like other views', async () => {
    const file = scratch.file('faults', pattern(2 * pageSize))
    const seen = await runForJson(`${threadScript}
      const mapping = mapFile('${file}')
      const bytes = new Uint8Array(mapping.sharedBuffer)
      bytes[0] = 77
      const first = mapping.clearFault()
      fs.truncateSync('${file}', pageSize)
      const worker = start(() => {
        parentPort.postMessage(new Uint8Array(workerData)[pageSize])
      }, mapping.sharedBuffer)
      const zero = await next(worker)
      print([bytes[0], first.kind, zero, mapping.fault.kind])`)
    expect(seen).toEqual([77, 'read-only', 0, 'truncated'])
  })

  it('keeps the memory of a dropped mapping for as long as it is reachable', async () => {
    const file = scratch.file('dropped', pattern(pageSize))
    const seen = await runForJson(
      `${threadScript}
      let buffer = mapFile('${file}').sharedBuffer
      await collect()
      const before = [mapped('${file}'), new Uint8Array(buffer)[9]]
      buffer = undefined
      await collect()
      print([before, mapped('${file}')])`,
      '--expose-gc',
    )
    expect(seen).toEqual([[1, 10], 0])
  })
})

describe.runIf(!externalSharedBuffers)('sharedBuffer where the runtime cannot make one', () => {
  it.each([
    ['a file', () => mapFile(scratch.file('file', pattern(10)), { access: 'read-write' })],
    ['anonymous memory', () => mapAnonymous(pageSize)],
    ['unsealed memory', () => SharedMemory.create(pageSize, { seal: false })],
    ['memory for reading', () => SharedMemory.create(pageSize).readOnly()],
  ])('is refused for %s, where a fault could not be repaired', (_name, make) => {
    using mapping = make()
    expect(() => mapping.sharedBuffer).toThrow(unavailable as Error)
    expect(mapping.bytes().length).toBe(mapping.byteLength)
  })
})
