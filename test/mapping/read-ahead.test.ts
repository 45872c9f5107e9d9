// readAsync() and prefetch().

import fs from 'node:fs'
import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { drop, pagesMayGo } from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'

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

it('a stream ends with its signal', async () => {
  using mapping = mapFile(scratch.file('stream', content))
  const controller = new AbortController()
  const stream = mapping.createReadStream({ signal: controller.signal, highWaterMark: 16 })
  const chunks = (async () => {
    for await (const _ of stream) controller.abort()
  })()
  await expect(chunks).rejects.toMatchObject({ name: 'AbortError' })
})
