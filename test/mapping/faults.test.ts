// How a fault is reported: by fault, check(), checked(), onFault, the diagnostics channel, read()
// and write().

import { channel } from 'node:diagnostics_channel'
import fs from 'node:fs'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import {
  adviceSupported,
  type FaultMessage,
  faultGuardActive,
  type MappingFault,
  MappingFaultError,
  mapAnonymous,
  mapFile,
  pageSize,
} from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../support/files.js'
import { run } from '../support/processes.js'

const scratch = scratchDirectory()

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await delay(5)
}

function truncatedMapping(name: string, onFault?: (fault: MappingFault) => void) {
  const file = scratch.file(name, pattern(3 * pageSize))
  const mapping = mapFile(file, onFault === undefined ? {} : { onFault })
  fs.truncateSync(file, pageSize)
  return { file, mapping }
}

describe('a read-only page that is written to', () => {
  it('keeps its content, takes the store and leaves the file alone', () => {
    const content = pattern(2 * pageSize)
    const file = scratch.file('read-only', content)
    using mapping = mapFile(file)
    mapping.bytes()[pageSize + 3] = 0
    expect(mapping.fault).toEqual({ kind: 'read-only', offset: pageSize + 3, count: 1 })
    const seen = Buffer.from(mapping.bytes())
    expect(seen[pageSize + 3]).toBe(0)
    seen[pageSize + 3] = content[pageSize + 3] ?? 0
    expect(seen.equals(content)).toBe(true)
    expect(fs.readFileSync(file).equals(content)).toBe(true)
  })
})

describe('fault and check()', () => {
  it('count, keep the first and can be cleared', () => {
    const { file, mapping } = truncatedMapping('count')
    expect(mapping.fault).toBeNull()
    expect(() => mapping.check()).not.toThrow()
    const view = mapping.bytes()
    expect(view[2 * pageSize + 1]).toBe(0)
    expect(view[pageSize]).toBe(0)
    const fault = { kind: 'truncated', offset: 2 * pageSize + 1, count: 2 }
    expect(mapping.fault).toEqual(fault)
    expect(() => mapping.check()).toThrow(
      expect.objectContaining({
        name: 'MappingFaultError',
        code: 'ERR_MAPPING_FAULT',
        fault,
        path: file,
      }),
    )
    expect(mapping.clearFault()).toEqual(fault)
    expect(mapping.fault).toBeNull()
    expect(mapping.clearFault()).toBeNull()
    mapping.check()
    mapping.unmap()
    expect(mapping.fault).toBeNull()
  })

  it('outlives unmap()', () => {
    const { mapping } = truncatedMapping('outlives')
    mapping.bytes(pageSize, 1)[0]
    mapping.unmap()
    expect(mapping.fault).toEqual({ kind: 'truncated', offset: pageSize, count: 1 })
  })

  it('give offsets from the start of an unaligned mapping', () => {
    const file = scratch.file('unaligned', pattern(3 * pageSize))
    using mapping = mapFile(file, { offset: pageSize - 3 })
    fs.truncateSync(file, 0)
    expect(mapping.bytes()[1]).toBe(0)
    expect(mapping.fault).toMatchObject({ offset: 1 })
  })
})

describe('checked()', () => {
  it('returns what its body returns', () => {
    using mapping = mapAnonymous(10)
    expect(mapping.checked(() => 42)).toBe(42)
  })

  it('turns a fault inside into an exception, and lets other exceptions pass', () => {
    const { mapping } = truncatedMapping('guard')
    expect(() => mapping.checked(() => mapping.bytes()[pageSize])).toThrow(MappingFaultError)
    const parser = new Error('zeros make no sense')
    const misled = () => {
      mapping.bytes()[pageSize]
      throw parser
    }
    expect(() => mapping.checked(misled)).toThrow(
      expect.objectContaining({ code: 'ERR_MAPPING_FAULT', cause: parser }),
    )
    mapping.clearFault()
    const own = new Error('own')
    expect(() =>
      mapping.checked(() => {
        throw own
      }),
    ).toThrow(own)
    expect(() => mapping.checked(() => mapping.unmap())).toThrow(
      expect.objectContaining({ code: 'ERR_MAPPING_CLOSED' }),
    )
  })

  it('awaits a promise first', async () => {
    using mapping = mapAnonymous(10)
    await expect(mapping.checked(async () => 42)).resolves.toBe(42)
    const { mapping: cut } = truncatedMapping('checked-async')
    const later = cut.checked(async () => {
      await null
      return cut.bytes()[pageSize]
    })
    await expect(later).rejects.toBeInstanceOf(MappingFaultError)
    const parser = new Error('zeros make no sense')
    await expect(cut.checked(() => Promise.reject(parser))).rejects.toMatchObject({
      code: 'ERR_MAPPING_FAULT',
      cause: parser,
    })
    cut.clearFault()
    await expect(cut.checked(() => Promise.reject(parser))).rejects.toBe(parser)
  })
})

describe('onFault and the diagnostics channel', () => {
  it('are called from the event loop, and not before', async () => {
    const heard: MappingFault[] = []
    const messages: FaultMessage[] = []
    const listen = (message: unknown) => messages.push(message as FaultMessage)
    channel('posix-mmap:fault').subscribe(listen)
    const { file, mapping } = truncatedMapping('listener', (fault) => heard.push(fault))
    mapping.bytes()[pageSize]
    expect(heard).toEqual([])
    await until(() => heard.length > 0)
    channel('posix-mmap:fault').unsubscribe(listen)
    const fault = { kind: 'truncated', offset: pageSize, count: 1 }
    expect(heard).toEqual([fault])
    expect(messages.filter((message) => message.path === file)).toEqual([{ fault, path: file }])
    mapping.unmap()
  })

  it('receive a fault although the mapping was closed right after it', async () => {
    const heard: MappingFault[] = []
    const { mapping } = truncatedMapping('late', (fault) => heard.push(fault))
    mapping.bytes()[pageSize]
    mapping.unmap()
    expect(heard).toEqual([])
    await until(() => heard.length > 0)
    expect(heard).toHaveLength(1)
  })

  it('receive a fault that happened in another thread', async () => {
    const { code, signal, stdout } = await run(`
      import { Worker, isMainThread } from 'node:worker_threads'
      import fs from 'node:fs'
      import { mapFile, pageSize } from 'posix-mmap'
      const source = ${JSON.stringify(`
        const { parentPort, workerData } = require('node:worker_threads')
        const fs = require('node:fs')
        const { mapFile, pageSize } = require('posix-mmap')
        const mapping = mapFile(workerData, { onFault: (fault) => parentPort.postMessage(fault) })
        fs.truncateSync(workerData, 0)
        mapping.bytes()[0]
        setTimeout(() => {}, 300)`)}
      const file = '${scratch.file('thread')}'
      fs.writeFileSync(file, Buffer.alloc(pageSize))
      const worker = new Worker(source, { eval: true, workerData: file, execArgv: [] })
      worker.on('message', (fault) => console.log(JSON.stringify(fault)))`)
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(JSON.parse(stdout)).toEqual({ kind: 'truncated', offset: 0, count: 1 })
  })

  it('do not keep the process alive, which may end with an unreported fault', async () => {
    const finished = await run(`
      import { mapAnonymous } from 'posix-mmap'
      const mapping = mapAnonymous(10, { onFault: () => {} })
      mapping.protect('none')
      mapping.bytes()[0]`)
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('report an exception of the listener as uncaught', async () => {
    const finished = await run(`
      import { mapAnonymous } from 'posix-mmap'
      process.on('uncaughtException', (error) => { console.log(error.message); clearInterval(timer) })
      const timer = setInterval(() => {}, 10)
      const mapping = mapAnonymous(10, { onFault: () => { throw new Error('from the listener') } })
      mapping.protect('none')
      mapping.bytes()[0]`)
    expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'from the listener\n' })
  })
})

describe('read() and write()', () => {
  it('throw instead of giving zeros, and replace no page', () => {
    const { file, mapping } = truncatedMapping('copies')
    const content = pattern(3 * pageSize)
    expect(() => mapping.read(pageSize - 2, 4)).toThrow(
      expect.objectContaining({
        fault: { kind: 'truncated', offset: pageSize, count: 1 },
        path: file,
      }),
    )
    fs.writeFileSync(file, content)
    expect(mapping.read(pageSize - 2, 4)).toEqual(content.subarray(pageSize - 2, pageSize + 2))
    mapping.unmap()
  })

  it('go on throwing for a page that was replaced, even when the file has grown again', () => {
    const { file, mapping } = truncatedMapping('replaced')
    mapping.bytes()[pageSize]
    mapping.clearFault()
    fs.writeFileSync(file, pattern(3 * pageSize))
    expect(() => mapping.read(0, 3 * pageSize)).toThrow(
      expect.objectContaining({ fault: { kind: 'truncated', offset: pageSize, count: 1 } }),
    )
    expect(mapping.read(0, pageSize)).toEqual(pattern(pageSize))
    expect(mapping.read(2 * pageSize, pageSize)).toEqual(
      pattern(3 * pageSize).subarray(2 * pageSize),
    )
    mapping.unmap()
  })

  it('report a store that is not allowed', () => {
    const file = scratch.file('store', pattern(pageSize))
    using mapping = mapFile(file)
    expect(() => mapping.write(7, 'x')).toThrow(
      expect.objectContaining({ fault: { kind: 'read-only', offset: 7, count: 1 } }),
    )
    expect(mapping.read(0, pageSize)).toEqual(pattern(pageSize))
    mapping.protect('none')
    expect(() => mapping.read(1, 1)).toThrow(
      expect.objectContaining({ fault: { kind: 'no-access', offset: 1, count: 1 } }),
    )
  })

  it('name the source if the fault is in the mapping that is copied from', () => {
    const { mapping } = truncatedMapping('source')
    using target = mapAnonymous(3 * pageSize)
    expect(() => target.write(0, mapping.bytes())).toThrow(
      expect.objectContaining({ fault: expect.objectContaining({ kind: 'truncated' }) }),
    )
    expect(target.fault).toBeNull()
    mapping.unmap()
  })

  it('throw for a replaced page of anonymous memory, until it is discarded', () => {
    using mapping = mapAnonymous(2 * pageSize)
    mapping.write(0, pattern(2 * pageSize))
    mapping.protect('none', 0, pageSize)
    expect(mapping.bytes()[1]).toBe(0)
    mapping.protect('read-write')
    expect(() => mapping.read(0, 2)).toThrow(MappingFaultError)
    mapping.discard(0, pageSize)
    expect(mapping.read(0, 2)).toEqual(Buffer.alloc(2))
  })
})

describe('guard pages', () => {
  it('become faults of kind no-access', async () => {
    using mapping = mapAnonymous(4 * pageSize)
    if (process.platform !== 'linux' || !adviceSupported('populate-read')) return
    mapping.bytes().fill(1)
    try {
      mapping.installGuard(pageSize, 2 * pageSize)
    } catch (error) {
      expect(error).toMatchObject({ code: 'EINVAL' })
      console.log('not tested: this kernel has no MADV_GUARD_INSTALL (Linux 6.13)')
      return
    }
    expect(() => mapping.read(pageSize, 1)).toThrow(
      expect.objectContaining({ fault: { kind: 'no-access', offset: pageSize, count: 1 } }),
    )
    expect(mapping.bytes()[2 * pageSize]).toBe(0)
    expect(mapping.bytes()[3 * pageSize]).toBe(1)
    mapping.removeGuard(pageSize, 2 * pageSize)
    expect(mapping.read(pageSize, 1)[0]).toBe(0)
    await turn()
  })
})

describe('faultGuardActive()', () => {
  it('is true after the first mapping', () => {
    using _mapping = mapAnonymous(1)
    expect(faultGuardActive()).toBe(true)
  })

  it('is false before the first mapping and after something else has taken the signal', async () => {
    const finished = await run(`
      import { faultGuardActive, mapAnonymous } from 'posix-mmap'
      const states = [faultGuardActive()]
      mapAnonymous(1)
      states.push(faultGuardActive())
      process.on('SIGBUS', () => {})
      states.push(faultGuardActive())
      console.log(states.join())`)
    expect(finished).toMatchObject({ signal: null, stdout: 'false,true,false\n' })
  })
})
