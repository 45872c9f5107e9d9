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
