// share() and attach(): one mapping in several threads, as ArrayBuffers.

import fs from 'node:fs'
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

  it('refuses a listener that is not a function', () => {
    using mapping = mapAnonymous(pageSize)
    expect(() => Mapping.attach(mapping.share(), untyped({ onFault: 1 }))).toThrow(invalidType)
  })
})

describe('a handle that share() did not return', () => {
  const file = scratch.file('forged', pattern(4 * pageSize))

  it.each<[string, (handle: Record<string, unknown>) => unknown]>([
    ['nothing', () => ({})],
    ['another offset', (handle) => ({ ...handle, fileOffset: 0 })],
    ['another access', (handle) => ({ ...handle, access: 'read-write' })],
    ['shared memory', (handle) => ({ ...handle, shared: { fd: 0, identity: '1:2', name: null } })],
    ['a symbol', (handle) => ({ ...handle, [Symbol('more')]: 1 })],
    ['a token that is not text', () => ({ token: 1 })],
    ['an empty token', () => ({ token: '' })],
    ['a token with more behind it', ({ token }) => ({ token: `${token}0` })],
    ['a token in capitals', ({ token }) => ({ token: String(token).toUpperCase() })],
    ['a token of zeros', ({ token }) => ({ token: String(token).replaceAll(/./g, '0') })],
    ['a token of a counter', ({ token }) => ({ token: '1'.padStart(String(token).length, '0') })],
  ])('is refused with %s, and the file is as it was', (_name, forge) => {
    using mapping = mapFile(file, { access: 'read-write', offset: pageSize })
    expect(() => Mapping.attach(untyped(forge({ ...mapping.share() })))).toThrow(invalidValue)
    expect(fs.statSync(file).size).toBe(4 * pageSize)
  })

  it('cannot be guessed from others, digit by digit', () => {
    using first = mapFile(file)
    using second = mapFile(file)
    const tokens = [first.share().token, second.share().token]
    const [a = '', b = ''] = tokens
    let attached = 0
    const tried = new Set<string>()
    for (let i = 0; i < a.length; i++) {
      for (const digit of '0123456789abcdef') tried.add(a.slice(0, i) + digit + a.slice(i + 1))
      tried.add(a.slice(0, i) + b.slice(i))
    }
    for (const token of tokens) tried.delete(token)
    for (const token of tried) {
      try {
        Mapping.attach({ token }).unmap()
        attached++
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
      }
    }
    expect({ attached, tried: tried.size > 500 }).toEqual({ attached: 0, tried: true })
  })

  it('says no more than it must: neither the path nor the offset', () => {
    using mapping = mapFile(file, { offset: pageSize })
    const handle = mapping.share()
    expect(Object.keys(handle)).toEqual(['token'])
    expect(handle.token).toMatch(/^[0-9a-f]{48}$/)
    expect(mapping.share()).toEqual(handle)
  })
})

describe('a handle', () => {
  it('serves for as long as any thread has the memory, also when the first has unmapped', () => {
    const first = SharedMemory.create(pageSize)
    const handle = first.share()
    using second = Mapping.attach(handle)
    first.unmap()
    using third = Mapping.attach(handle)
    second.bytes()[9] = 7
    expect(third.read(9, 1)[0]).toBe(7)
    expect(third).toBeInstanceOf(SharedMemory)
  })

  it('leaves no descriptor behind', () => {
    const before = fs.readdirSync('/proc/self/fd').length
    for (let i = 0; i < 50; i++) {
      const memory = SharedMemory.create(pageSize)
      Mapping.attach(memory.share()).unmap()
      memory.unmap()
    }
    expect(fs.readdirSync('/proc/self/fd').length).toBeLessThan(before + 20)
  })

  it('is still good after a resize() that was refused, and void after one that moved it', () => {
    using mapping = mapAnonymous(pageSize)
    const handle = mapping.share()
    using other = Mapping.attach(handle)
    expect(() => mapping.resize(2 * pageSize)).toThrow(expect.objectContaining({ code: 'EBUSY' }))
    Mapping.attach(handle).unmap()
    other.unmap()
    mapping.resize(2 * pageSize)
    expect(() => Mapping.attach(handle)).toThrow(mappingClosed)
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
        // Collected, it would hear nothing.
        globalThis.attached = Mapping.attach(workerData, {
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
