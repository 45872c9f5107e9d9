// readAsync() and prefetch().

import fs from 'node:fs'
import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { native } from '../../dist/internals.js'
import { drop, pagesMayGo, vectorOf } from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'
import { run, runForJson } from '../support/processes.js'
import { threadsThatEnd } from '../support/threads.js'
import { liveRegions } from '../support/traces.js'

const scratch = scratchDirectory()
const pages = 64
const content = pattern(pages * pageSize)
const disk = drop(scratch.file('probe', 'x'))
const code = (value: string) => expect.objectContaining({ code: value })

describe('readAsync()', () => {
  it.each([
    [0, 0],
    [0, 1],
    [pageSize - 1, 2],
    [5, pages * pageSize - 5],
    [pages * pageSize, 0],
  ])('gives the bytes from %i on, %i of them', async (offset, length) => {
    const file = scratch.file('read', content)
    using mapping = mapFile(file)
    const read = await mapping.readAsync(offset, length)
    expect(read.equals(content.subarray(offset, offset + length))).toBe(true)
  })

  it('reads in what is not in memory', pagesMayGo, async ({ skip }) => {
    if (!disk) skip(noDisk)
    const file = scratch.file('cold', content)
    drop(file)
    using mapping = mapFile(file, { advice: 'random' })
    const read = await mapping.readAsync(3 * pageSize, 2 * pageSize)
    expect(read.equals(content.subarray(3 * pageSize, 5 * pageSize))).toBe(true)
    expect(mapping.residency(3 * pageSize, 2 * pageSize).resident).toBe(2)
  })

  it('gives more than one job copies, and reads on where the last one ends', async () => {
    const bytes = pattern((5 << 20) + 3)
    using mapping = mapFile(scratch.file('large', bytes))
    drop(scratch.file('large'))
    const read = await mapping.readAsync(1, bytes.length - 1)
    expect(read.equals(bytes.subarray(1))).toBe(true)
    for (const length of [1, pageSize, 300_000]) {
      drop(scratch.file('large'))
      for (let at = 0; at < 2 << 20; at += length * 7) {
        const parts = [0, 1, 2].map((part) => mapping.readAsync(at + part * length, length))
        const read = Buffer.concat(await Promise.all(parts))
        expect(read.equals(bytes.subarray(at, at + 3 * length))).toBe(true)
        if (length === 1 && at > 100) break
      }
    }
  })

  it('reads no more than it is asked for', pagesMayGo, async ({ skip }) => {
    if (!disk) skip(noDisk)
    const file = scratch.file('exact', content)
    drop(file)
    using mapping = mapFile(file)
    for (const page of [9, 50, 20]) await mapping.readAsync(page * pageSize + 1, 10)
    const { vector } = mapping.residency()
    expect([...vector.entries()].filter(([, is]) => is === 1).map(([page]) => page)).toEqual([
      9, 20, 50,
    ])
  })

  // A page that goes between the question and the copy, within a microsecond, is beyond a test.
  it(
    'never waits for a disk on the event loop, whatever is dropped',
    pagesMayGo,
    async ({ skip }) => {
      if (!disk) skip(noDisk)
      const file = scratch.file('dropped', content)
      const seen = await runForJson(`
      import fs from 'node:fs'
      import { mapFile, pageSize } from 'posix-mmap'
      import { native } from './dist/internals.js'
      const majorFaults = () =>
        Number(fs.readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ')[9])
      const fd = fs.openSync('${file}')
      fs.fsyncSync(fd)
      const mapping = mapFile(fd)
      const drop = () => {
        mapping.advise('pageout')
        native.fileAdvice(fd, 0, 0, native.constants.POSIX_FADV_DONTNEED)
      }
      const pages = mapping.byteLength / pageSize
      let dropped = 0
      let wrong = 0
      const run = async (times) => {
        for (let i = 0; i < times; i++) {
          const page = Math.floor(Math.random() * pages)
          if (Math.random() < 0.2) { drop(); if (mapping.residency().resident === 0) dropped++ }
          const read = mapping.readAsync(page * pageSize, pageSize)
          if (Math.random() < 0.2) drop()
          const [byte] = await read
          if (byte !== ((page * pageSize) % 251) + 1) wrong++
        }
      }
      await run(50)
      const before = majorFaults()
      await run(1000)
      console.log(JSON.stringify({ majorFaults: majorFaults() - before, dropped: dropped > 100, wrong }))`)
      expect(seen).toEqual({ majorFaults: 0, dropped: true, wrong: 0 })
    },
  )

  it('believes nothing of what the kernel says of a file of somebody else', async ({ skip }) => {
    if (!disk) skip(noDisk)
    if (process.getuid?.() !== 0) skip('needs root, to become somebody else')
    const file = scratch.file('of-root', content)
    fs.chmodSync(file, 0o644)
    fs.chmodSync(scratch.directory, 0o755)
    drop(file)
    const seen = await runForJson(`
      import fs from 'node:fs'
      import { mapFile, pageSize } from 'posix-mmap'
      const majorFaults = () =>
        Number(fs.readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ')[9])
      process.setgroups([])
      process.setgid(65534)
      process.setuid(65534)
      const mapping = mapFile('${file}')
      mapping.advise('random')
      const { pages, resident } = mapping.residency()
      await mapping.readAsync(9 * pageSize, 1)
      const before = majorFaults()
      for (const page of [3, 30, 40]) await mapping.readAsync(page * pageSize, 1)
      await mapping.prefetch([{ offset: 50 * pageSize, length: 1 }])
      console.log(JSON.stringify({ told: resident === pages, majorFaults: majorFaults() - before }))`)
    expect(seen).toEqual({ told: true, majorFaults: 0 })
    const there = () => [...vectorOf(file).entries()].filter(([, is]) => is === 1)
    await expect.poll(() => there().map(([page]) => page)).toEqual([3, 9, 30, 40, 50])
  })

  it('gives the bytes although unmap() comes first, and closes no other', async () => {
    const file = scratch.file('unmapped', content)
    drop(file)
    const mapping = mapFile(file)
    const before = liveRegions()
    const reads = [0, 7, 33].map((page) => mapping.readAsync(page * pageSize, pageSize))
    mapping.unmap()
    const [first, second, third] = await Promise.all(reads)
    expect(first?.equals(content.subarray(0, pageSize))).toBe(true)
    expect(second?.equals(content.subarray(7 * pageSize, 8 * pageSize))).toBe(true)
    expect(third?.equals(content.subarray(33 * pageSize, 34 * pageSize))).toBe(true)
    expect(liveRegions()).toBeLessThanOrEqual(before)
  })

  it('is a fault where the bytes are gone', async () => {
    const file = scratch.file('gone', content)
    using mapping = mapFile(file)
    fs.truncateSync(file, pageSize + 7)
    await expect(mapping.readAsync(pageSize, 100)).rejects.toMatchObject({
      code: 'ERR_MAPPING_FAULT',
      fault: { kind: 'truncated', offset: pageSize + 7 },
    })
    await expect(mapping.readAsync(5 * pageSize, 1)).rejects.toThrow(code('ERR_MAPPING_FAULT'))
  })

  it('checks what it is given', async () => {
    using mapping = mapAnonymous(10)
    await expect(mapping.readAsync(0, 11)).rejects.toThrow(code('ERR_OUT_OF_RANGE'))
    await expect(mapping.readAsync(-1, 1)).rejects.toThrow(code('ERR_OUT_OF_RANGE'))
    await expect(mapping.readAsync('0' as never, 1)).rejects.toThrow(code('ERR_INVALID_ARG_TYPE'))
    await expect(mapping.readAsync(0, 1, { sginal: 1 } as object)).rejects.toThrow(/'signal'/)
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(mapping.readAsync(0, 1, { signal })).rejects.toThrow('enough')
    mapping.unmap()
    await expect(mapping.readAsync(0, 0)).rejects.toThrow(code('ERR_MAPPING_CLOSED'))
  })
})

describe('prefetch()', () => {
  it('has the kernel read the ranges, and no others', pagesMayGo, async ({ skip }) => {
    if (!disk) skip(noDisk)
    const file = scratch.file('prefetched', content)
    drop(file)
    using mapping = mapFile(file, { advice: 'random' })
    await mapping.prefetch([
      { offset: 0, length: 1 },
      { offset: 40 * pageSize + 9, length: pageSize },
    ])
    const there = (page: number) => mapping.residency(page * pageSize, 1).resident === 1
    await expect.poll(() => [0, 40, 41].every(there)).toBe(true)
    expect([20, 60].some(there)).toBe(false)
  })

  it.each([[false], [true]])(
    'reads thousands of ranges (without process_madvise: %s)',
    pagesMayGo,
    async (forbidden) => {
      const count = 5000
      const file = scratch.file('thousands', pattern(count * pageSize))
      const dropped = drop(file)
      using mapping = mapFile(file)
      native.forbidProcessMadvise(forbidden)
      try {
        const wanted = Array.from({ length: count / 2 }, (_, i) => 2 * i)
        await mapping.prefetch(
          wanted.map((page) => ({ offset: page * pageSize, length: pageSize })),
        )
        const resident = () => [...mapping.residency().vector]
        await expect.poll(() => resident().filter((_, page) => page % 2 === 0)).not.toContain(0)
        if (dropped) expect(resident().filter((_, page) => page % 2 === 1)).not.toContain(1)
      } finally {
        native.forbidProcessMadvise(false)
      }
    },
  )

  it(
    'reads all of a range that is longer than the read-ahead of the device',
    pagesMayGo,
    async () => {
      const file = scratch.file('whole', pattern(40 << 20))
      drop(file)
      using mapping = mapFile(file, { offset: 5 })
      await mapping.prefetch([{ offset: 0, length: mapping.byteLength }])
      await expect
        .poll(() => mapping.residency().pages - mapping.residency().resident, { timeout: 10_000 })
        .toBe(0)
    },
  )

  it('ends by its signal, and harmlessly when the memory goes', async () => {
    const file = scratch.file('ended', content)
    const ranges = Array.from({ length: 200_000 }, (_, i) => ({
      offset: (i % pages) * pageSize,
      length: 1,
    }))
    const mapping = mapFile(file, { access: 'read-write' })
    const controller = new AbortController()
    const aborted = mapping.prefetch(ranges, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    const resized = mapping.prefetch(ranges)
    mapping.resize(pageSize)
    await resized
    await expect(mapping.prefetch(ranges)).rejects.toThrow(code('ERR_OUT_OF_RANGE'))
    mapping.resize(pages * pageSize)
    const cut = mapping.prefetch(ranges)
    fs.truncateSync(file, 0)
    await cut
    const before = liveRegions()
    const unmapped = mapping.prefetch(ranges)
    mapping.unmap()
    await unmapped
    expect(liveRegions()).toBeLessThan(before)
  })

  it('checks what it is given', async () => {
    const file = scratch.file('checked', content)
    using mapping = mapFile(file)
    const range = { offset: 0, length: 1 }
    await expect(mapping.prefetch(range as never)).rejects.toThrow(code('ERR_INVALID_ARG_TYPE'))
    await expect(mapping.prefetch([1 as never])).rejects.toThrow(/ranges\[0\]/)
    await expect(mapping.prefetch([range, { offset: 0, length: 2 ** 40 }])).rejects.toThrow(
      /ranges\[1\]\.length/,
    )
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(mapping.prefetch([range], { signal })).rejects.toThrow('enough')
    await mapping.prefetch([])
    await mapping.prefetch(new Set([range]))
    mapping.unmap()
    await expect(mapping.prefetch([range])).rejects.toThrow(code('ERR_MAPPING_CLOSED'))
  })
})

describe('indexOfAsync()', () => {
  const needle = 'the needle'
  const large = Buffer.alloc((9 << 20) + 5, 'x')
  const places = [0, 77, (4 << 20) - 3, 4 << 20, (8 << 20) + 1, large.length - needle.length]

  it.each(places)('finds what stands at %i', async (at) => {
    const bytes = Buffer.from(large)
    bytes.write(needle, at)
    using mapping = mapFile(scratch.file('searched', bytes))
    expect(await mapping.indexOfAsync(needle)).toBe(at)
    expect(await mapping.indexOfAsync(needle, at)).toBe(at)
    expect(await mapping.indexOfAsync(needle, at + 1)).toBe(-1)
    expect(await mapping.indexOfAsync(needle, 0, at + needle.length)).toBe(at)
    expect(await mapping.indexOfAsync(needle, 0, at + needle.length - 1)).toBe(-1)
  })

  it('answers as indexOf() does at the edges', async () => {
    using mapping = mapFile(scratch.file('edges', pattern(100)))
    const edges = [undefined, 0, 1, 50, 99, 100, 101, 2 ** 40]
    for (const what of ['', 'zz', 7, Uint8Array.of(0)]) {
      for (const from of edges) {
        for (const end of edges) {
          const found = await mapping.indexOfAsync(what, from, end)
          expect([what, from, end, found]).toEqual([
            what,
            from,
            end,
            mapping.indexOf(what, from, end),
          ])
        }
      }
    }
  })

  it('lets the event loop turn, and ends when it is told to', async () => {
    using mapping = mapFile(scratch.file('long', large))
    const controller = new AbortController()
    setImmediate(() => controller.abort(new Error('enough')))
    const found = mapping.indexOfAsync('none', 0, undefined, { signal: controller.signal })
    await expect(found).rejects.toThrow('enough')
  })

  it('is a fault where the answer is gone', async () => {
    const file = scratch.file('cut', large)
    using mapping = mapFile(file)
    fs.truncateSync(file, 5 << 20)
    await expect(mapping.indexOfAsync('none')).rejects.toThrow(code('ERR_MAPPING_FAULT'))
    mapping.unmap()
    await expect(mapping.indexOfAsync('none')).rejects.toThrow(code('ERR_MAPPING_CLOSED'))
  })
})

it('reads in flight end harmlessly with their thread, and with the process', async () => {
  const file = scratch.file('in-flight', Buffer.alloc(8 << 20, 1))
  const finished = await run(`
    import fs from 'node:fs'
    import { Worker } from 'node:worker_threads'
    import { mapFile } from 'posix-mmap'
    import { native } from './dist/internals.js'
    const fd = fs.openSync('${file}')
    fs.fsyncSync(fd)
    ${threadsThatEnd(
      `
      const { mapFile } = require('posix-mmap')
      const mapping = mapFile('${file}')
      const pages = Array.from({ length: 100 }, (_, i) => ({ offset: i * 80_000, length: 1 }))
      mapping.prefetch(pages).catch(() => {})
      for (const { offset } of pages) mapping.readAsync(offset, 9).catch(() => {})
      mapping.readAsync(0, mapping.byteLength).catch(() => {})
      require('node:worker_threads').parentPort.postMessage(0)`,
      'native.fileAdvice(fd, 0, 0, native.constants.POSIX_FADV_DONTNEED)',
    )}
    mapFile('${file}').readAsync(0, 8 << 20)
    process.exit(7)`)
  expect(finished).toMatchObject({ code: 7, signal: null, stderr: '' })
})

it('a stream ends with its signal', async () => {
  using mapping = mapFile(scratch.file('stream', content))
  const controller = new AbortController()
  const stream = mapping.createReadStream({ signal: controller.signal, highWaterMark: 16 })
  const chunks = (async () => {
    for await (const _ of stream) controller.abort()
  })()
  await expect(chunks).rejects.toMatchObject({ name: 'AbortError' })
})
