// flush(), lock() and populate() return promises, and the event loop goes on meanwhile.

import fs from 'node:fs'
import { adviceSupported, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, mappingClosed, outOfRange, untyped } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { lockedBytes, mapsOf } from '../support/kernel-view.js'
import { run, runForJson } from '../support/processes.js'
import { threadsThatEnd } from '../support/threads.js'
import { liveRegions } from '../support/traces.js'

const scratch = scratchDirectory()
const piece = 4 << 20

type Twin = 'flush' | 'lock' | 'populate'
const twins: readonly Twin[] = ['flush', 'lock', 'populate']

function memory(pieces: number) {
  return mapAnonymous(pieces * piece + 3)
}

describe('flush()', () => {
  it('resolves when the bytes are on the disk', async () => {
    const file = scratch.file('flush', Buffer.alloc(3 * pageSize))
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.bytes().fill(5)
    expect(await mapping.flush()).toBeUndefined()
    await mapping.flush({ mode: 'async', invalidate: true, offset: 1, length: 2 })
    expect(fs.readFileSync(file).every((byte) => byte === 5)).toBe(true)
  })

  it('still writes everything if unmap() comes before its end, and then frees the memory', async () => {
    const file = scratch.file('unmapped', '')
    const mapping = mapFile(file, { access: 'read-write', size: 80 << 20 })
    mapping.bytes().fill(9)
    const before = liveRegions()
    const flushed = mapping.flush()
    const view = mapping.bytes()
    mapping.unmap()
    expect([view.length, mapping.closed]).toEqual([0, true])
    await flushed
    expect(mapsOf(file)).toHaveLength(0)
    expect(liveRegions()).toBeLessThanOrEqual(before)
  })
})

describe('populate()', () => {
  it('faults everything in, and reports its progress', async ({ skip }) => {
    if (!adviceSupported('populate-write')) skip('needs MADV_POPULATE_WRITE, Linux 5.14')
    using mapping = memory(5)
    const seen: number[] = []
    const total = mapping.byteLength
    const onProgress = (progress: { done: number; total: number }) => {
      expect(progress.total).toBe(total)
      seen.push(progress.done)
    }
    await mapping.populate({ write: true, onProgress })
    const { pages, resident } = mapping.residency()
    expect(resident).toBe(pages)
    expect(seen.at(-1)).toBe(total)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('accepts a part of a mapping', async () => {
    using mapping = memory(2)
    await mapping.populate({ write: true, offset: 5 * pageSize + 1, length: pageSize })
    const { vector } = mapping.residency(4 * pageSize, 4 * pageSize)
    expect([...vector]).toEqual([0, 1, 1, 0])
  })

  it('is a MappingFaultError for what the file has not', async () => {
    const file = scratch.file('short', pattern(4 * pageSize))
    using mapping = mapFile(file)
    fs.truncateSync(file, pageSize)
    const fault = { kind: 'truncated', offset: pageSize, count: 1 }
    await expect(mapping.populate()).rejects.toMatchObject({
      name: 'MappingFaultError',
      fault,
      path: file,
    })
    expect(mapping.fault).toEqual(fault)
  })

  it('keeps the context of the caller for onProgress', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks')
    const storage = new AsyncLocalStorage<string>()
    using mapping = memory(2)
    const seen = new Set<string | undefined>()
    await storage.run('mine', () =>
      mapping.populate({ write: true, onProgress: () => seen.add(storage.getStore()) }),
    )
    expect([...seen]).toEqual(['mine'])
  })
})

describe('lock()', () => {
  it('locks, and unlocks again what it has locked when it is stopped or fails', async () => {
    using mapping = mapAnonymous(4 * pageSize)
    const before = lockedBytes()
    await mapping.lock({ offset: pageSize, length: pageSize })
    expect(lockedBytes()).toBe(before + pageSize)
    mapping.unlock()
    await mapping.lock({ onDemand: true })
    expect(lockedBytes()).toBe(before + 4 * pageSize)
    mapping.unlock()
    using large = memory(16)
    const controller = new AbortController()
    const locking = large.lock({
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    } as never)
    await expect(locking).rejects.toThrow('enough')
    expect(lockedBytes()).toBe(before)
  })
})

describe.each(twins)('%s()', (twin) => {
  it('rejects, and never throws, for bad arguments', async () => {
    using mapping = mapAnonymous(10)
    const outcomes: [object, unknown][] = [
      [{ offset: -1 }, outOfRange],
      [{ offset: 11 }, outOfRange],
      [{ length: 11 }, outOfRange],
      [{ offset: '1' }, invalidType],
      [{ signal: {} }, invalidType],
      [{ onProgress: 1 }, invalidType],
    ]
    if (twin === 'flush') outcomes.push([{ mode: 'later' }, invalidValue])
    for (const [options, error] of outcomes) {
      await expect(mapping[twin](untyped(options))).rejects.toEqual(error)
    }
    await expect(mapping[twin](untyped(1))).rejects.toEqual(invalidType)
    mapping.unmap()
    await expect(mapping[twin]()).rejects.toEqual(mappingClosed)
  })

  it('resolves for an empty mapping and an empty range', async () => {
    using empty = mapAnonymous(0)
    using mapping = mapAnonymous(10)
    expect(await empty[twin]()).toBeUndefined()
    expect(await mapping[twin]({ offset: 10 })).toBeUndefined()
  })

  it('rejects with the reason of a signal', async () => {
    using mapping = memory(20)
    const reason = new Error('stop')
    await expect(mapping[twin]({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const promise = mapping[twin]({ signal: controller.signal })
    controller.abort(reason)
    // The job may have ended before the signal.
    expect([undefined, reason]).toContain(await promise.catch((error) => error))
    const finished = new AbortController()
    await mapping[twin]({ signal: finished.signal, length: 1 })
    finished.abort(reason)
  })

  it('is stopped by a signal from its own progress', async () => {
    using mapping = memory(20)
    const controller = new AbortController()
    let done = 0
    const options = {
      signal: controller.signal,
      onProgress: (progress: { done: number }) => {
        done = progress.done
        controller.abort()
      },
    }
    const error = await mapping[twin](options).catch((caught) => caught)
    if (done < mapping.byteLength) expect(error).toMatchObject({ name: 'AbortError' })
  })

  it('runs any number at once, on at most four threads', async () => {
    const seen = await runForJson(`
      import fs from 'node:fs'
      import { mapAnonymous } from 'posix-mmap'
      const count = () => fs.readdirSync('/proc/self/task').length
      const mapping = mapAnonymous(64 << 20)
      await new Promise((resolve) => fs.stat('/', resolve)) // starts libuv's pool
      const before = count()
      const work = Array.from({ length: 100 }, () => mapping.${twin}())
      const during = count()
      await Promise.all(work)
      console.log(during - before)`)
    expect(seen).toBeGreaterThanOrEqual(1)
    expect(seen).toBeLessThanOrEqual(4)
  })

  it('keeps the process alive while it runs, and no longer', async () => {
    const script = `
      import { mapAnonymous } from 'posix-mmap'
      mapAnonymous(64 << 20).${twin}().then(() => console.log('done'))`
    expect(await run(script)).toMatchObject({ code: 0, signal: null, stdout: 'done\n' })
  })

  it('ends harmlessly with its process, and with its thread', async () => {
    const finished = await run(`
      import { Worker } from 'node:worker_threads'
      import { mapAnonymous } from 'posix-mmap'
      ${threadsThatEnd(`
        const { mapAnonymous } = require('posix-mmap')
        const mappings = Array.from({ length: 8 }, () => mapAnonymous(64 << 20))
        for (const mapping of mappings) mapping.${twin}().catch(() => {})
        require('node:worker_threads').parentPort.postMessage(0)
        mappings[0].unmap()`)}
      mapAnonymous(256 << 20).${twin}()
      process.exit(7)`)
    expect(finished).toMatchObject({ code: 7, signal: null, stderr: '' })
  })
})
