// share() and attach(): one mapping in several threads, as ArrayBuffers.

import { Mapping, mapAnonymous, mapFile, pageSize, SharedMemory } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, mappingClosed, untyped } from '../../support/errors.js'
import { pattern, scratchDirectory } from '../../support/files.js'
import { run, runForJson } from '../../support/processes.js'
import { threadScript } from '../../support/threads.js'

const scratch = scratchDirectory()

describe('attach() in the same thread', () => {
  it('gives another mapping of the same memory', () => {
    const first = mapFile(scratch.file('same', pattern(100)), {
      access: 'copy-on-write',
      offset: 3,
    })
    const second = Mapping.attach(structuredClone(first.share()))
    expect(second).toMatchObject({
      byteLength: 97,
      access: 'copy-on-write',
      protection: 'read-write',
      fileOffset: 3,
      path: first.path,
    })
    first.bytes()[5] = 200
    expect(second.bytes()[5]).toBe(200)
    first.unmap()
    expect(second.read(5, 1)[0]).toBe(200)
    second.unmap()
    expect(second.closed).toBe(true)
  })

  it('is a SharedMemory with a descriptor of its own for shared memory', () => {
    const first = SharedMemory.create(pageSize)
    const second = Mapping.attach(first.share())
    expect(second).toBeInstanceOf(SharedMemory)
    const memory = second as SharedMemory
    expect(memory.fd).not.toBe(first.fd)
    expect(memory.seals).toEqual(first.seals)
    first.unmap()
    using third = SharedMemory.open(memory.fd)
    memory.bytes()[1] = 4
    expect(third.read(1, 1)[0]).toBe(4)
    memory.unmap()
  })

  it('works for an empty mapping', () => {
    using first = mapAnonymous(0)
    using second = Mapping.attach(first.share())
    expect(second.byteLength).toBe(0)
  })

  it('throws ERR_MAPPING_CLOSED after the memory was unmapped', () => {
    const mapping = mapAnonymous(pageSize)
    const handle = mapping.share()
    mapping.unmap()
    using other = mapAnonymous(pageSize) // may get the same address and the same entry of the table
    expect(() => Mapping.attach(handle)).toThrow(mappingClosed)
    expect(other.closed).toBe(false)
  })

  it.each([undefined, null, 1, 'handle', Symbol('handle')])('refuses %s', (value) => {
    expect(() => Mapping.attach(untyped(value))).toThrow(invalidType)
  })

  it('refuses an object that looks like a handle', () => {
    using mapping = mapAnonymous(pageSize)
    const handle = mapping.share()
    for (const wrong of [
      {},
      { ...handle, type: 'other' },
      { ...handle, ticket: '1' },
      { ...handle, office: handle.office + 1 },
      { ...handle, path: 5 },
      { ...handle, access: 'everything' },
    ]) {
      expect(() => Mapping.attach(untyped(wrong))).toThrow(invalidValue)
    }
    for (const ticket of [handle.ticket + 1, -1, 0, 2 ** 53 - 1]) {
      expect(() => Mapping.attach({ ...handle, ticket })).toThrow(mappingClosed)
    }
    expect(() => Mapping.attach(handle, untyped({ onFault: 1 }))).toThrow(invalidType)
  })
})

describe('a handle put together from two', () => {
  it('is refused, since memory that it claims cannot fault could', () => {
    const file = scratch.file('two', pattern(2 * pageSize))
    using mapping = mapFile(file, { access: 'read-write' })
    using memory = SharedMemory.create(pageSize)
    const mixed = { ...mapping.share(), shared: memory.share().shared }
    expect(() => Mapping.attach(mixed)).toThrow(invalidValue)
    expect(mapping.read(0, 1)[0]).toBe(1)
  })
})

describe('attach() in another thread', () => {
  it('has the same pages, and the last user frees them', async () => {
    const file = scratch.file('threads', pattern(4 * pageSize))
    const seen = await runForJson(`${threadScript}
      const mapping = mapFile('${file}', { access: 'read-write' })
      const worker = start(() => {
        const attached = Mapping.attach(workerData)
        Atomics.add(attached.view(Int32Array, 0, 1), 0, 1)
        parentPort.postMessage(attached.bytes()[4])
        parentPort.once('message', () => {
          attached.bytes()[4] = 99
          attached.flushSync()
          parentPort.postMessage(attached.read(4, 1)[0])
          attached.unmap()
        })
      }, mapping.share())
      const before = mapping.view(Int32Array, 0, 1)[0]
      const first = await next(worker)
      mapping.unmap()
      const between = mapped('${file}')
      worker.postMessage('go on')
      const second = await next(worker)
      await ended(worker)
      print([first, between, second, mapped('${file}'), native.regionCounts()[0], fs.readFileSync('${file}')[4]])`)
    expect(seen).toEqual([5, 1, 99, 0, expect.any(Number), 99])
  })

  it('reports a fault to every thread', async () => {
    const file = scratch.file('reported', pattern(2 * pageSize))
    const seen = await runForJson(`${threadScript}
      const heard = []
      const mapping = mapFile('${file}', { onFault: (fault) => heard.push(fault.kind) })
      const worker = start(() => {
        const attached = Mapping.attach(workerData, {
          onFault: (fault) => { parentPort.postMessage(['heard', fault.kind]); parentPort.unref() },
        })
        parentPort.once('message', () => {})
        parentPort.postMessage('attached')
        parentPort.ref()
      }, mapping.share())
      await next(worker)
      fs.truncateSync('${file}', 0)
      const report = next(worker)
      mapping.bytes()[pageSize]
      const answer = await report
      while (heard.length === 0) await delay(1)
      print([answer, mapping.fault.offset, heard])
      process.exit(0)`)
    expect(seen).toEqual([['heard', 'truncated'], pageSize, ['truncated']])
  })

  it('sees the protection that another thread has set', async () => {
    const seen = await runForJson(`${threadScript}
      const mapping = mapAnonymous(pageSize)
      const worker = start(() => {
        const attached = Mapping.attach(workerData)
        attached.protect('read')
        attached.unmap()
        parentPort.postMessage(0)
      }, mapping.share())
      await next(worker)
      mapping.bytes()[0] = 1
      print([mapping.protection, mapping.fault.kind])`)
    expect(seen).toEqual(['read', 'read-only'])
  })

  it('keeps the memory after the thread that mapped it has ended, until it is collected itself', async () => {
    const file = scratch.file('orphan', pattern(pageSize))
    const seen = await runForJson(
      `${threadScript}
      const worker = start(() => {
        globalThis.mapping = mapFile(workerData)
        parentPort.postMessage(globalThis.mapping.share())
        parentPort.once('message', () => process.exit(0))
      }, '${file}')
      let attached = Mapping.attach(await next(worker))
      worker.postMessage('end')
      await ended(worker)
      const byte = attached.bytes()[7]
      const before = mapped('${file}')
      attached = undefined
      await collect()
      print([byte, before, mapped('${file}')])`,
      '--expose-gc',
    )
    expect(seen).toEqual([8, 1, 0])
  })

  it('survives storms of attaching, unmapping and terminating', async () => {
    const file = scratch.file('storm', pattern(16 * pageSize))
    const finished = await run(`${threadScript}
      for (let round = 0; round < 15; round++) {
        const mapping = mapFile('${file}', { access: 'read-write' })
        const workers = Array.from({ length: 3 }, () => start(() => {
          let turns = 0
          for (;;) {
            try {
              const attached = Mapping.attach(workerData)
              attached.bytes()[turns % attached.byteLength] = turns
              if (turns % 3 !== 0) attached.unmap()
            } catch (error) {
              if (error.code !== 'ERR_MAPPING_CLOSED') throw error
            }
            if (turns++ === 0) parentPort.postMessage('ready')
            if (turns > 20_000) break
          }
        }, mapping.share()))
        await Promise.all(workers.map(next))
        await delay(round % 7)
        mapping.unmap()
        await delay(round % 5)
        await Promise.all(workers.map((worker) => worker.terminate()))
      }
      console.log('mapped', mapped('${file}') < 100_000)`)
    expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'mapped true\n' })
  })

  it('refuses the handle of another process', async () => {
    using mapping = mapAnonymous(pageSize)
    const code = await runForJson(`
      import { Mapping } from 'posix-mmap'
      try { Mapping.attach(${JSON.stringify(mapping.share())}) }
      catch (error) { console.log(JSON.stringify(error.code)) }`)
    expect(code).toBe('ERR_INVALID_ARG_VALUE')
  })
})
