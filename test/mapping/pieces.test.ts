// Long work goes piece by piece; nothing may show where two pieces meet.

import fs from 'node:fs'
import fc from 'fast-check'
import { MappingFaultError, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { thrownBy } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'

const scratch = scratchDirectory()
const MiB = 2 ** 20
// Pieces begin with 1 MiB and grow: their ends are multiples of that.
const length = 9 * MiB + 3 * pageSize

function sparse(marks: Record<number, string>) {
  const mapping = mapAnonymous(length)
  for (const [offset, mark] of Object.entries(marks)) mapping.write(Number(offset), mark)
  return mapping
}

describe('a search finds a needle that lies across the end of a piece', () => {
  it.each([1, 3, 7])('%i MiB from the start', (place) => {
    for (let before = 0; before <= 6; before++) {
      const at = place * MiB - before
      using mapping = sparse({ [at]: 'needle' })
      expect([mapping.indexOf('needle'), mapping.lastIndexOf('needle')]).toEqual([at, at])
      expect(mapping.indexOf('needle', at + 1)).toBe(-1)
      expect(mapping.lastIndexOf('needle', at - 1)).toBe(-1)
    }
  })

  it('of several, the first and the last, and those that overlap', () => {
    const one = 3 * MiB - 2
    const other = 7 * MiB - 3
    using mapping = sparse({ [one]: 'aaaaa', [other]: 'aaaaa' })
    expect(mapping.indexOf('aaa')).toBe(one)
    expect(mapping.lastIndexOf('aaa')).toBe(other + 2)
    expect(mapping.lastIndexOf('aaa', other - 1)).toBe(one + 2)
    expect(mapping.indexOf('aaa', one + 3)).toBe(other)
  })

  it('of a mapping that does not begin with a page', () => {
    const path = scratch.file('lead', '')
    fs.truncateSync(path, length)
    const offset = 100
    using mapping = mapFile(path, { access: 'read-write', offset })
    for (const place of [MiB, MiB - offset, 4 * MiB - offset - 3]) {
      mapping.write(place - 2, 'needle')
      expect([mapping.indexOf('needle'), mapping.lastIndexOf('needle')]).toEqual([
        place - 2,
        place - 2,
      ])
      mapping.write(place - 2, '\0\0\0\0\0\0')
    }
  })

  it('with a needle longer than a piece', () => {
    const content = pattern(length)
    using mapping = mapAnonymous(length)
    mapping.write(0, content)
    const needle = content.subarray(MiB - 7, 4 * MiB)
    expect(mapping.indexOf(needle)).toBe(content.indexOf(needle))
    expect(mapping.lastIndexOf(needle)).toBe(content.lastIndexOf(needle))
    expect(mapping.indexOf(Buffer.concat([needle, Buffer.from('no')]))).toBe(-1)
  })
})

describe('a fault ends the work where the range would have ended in one piece', () => {
  function cut() {
    const path = scratch.file('cut', '')
    fs.truncateSync(path, length)
    const mapping = mapFile(path, { access: 'read-write' })
    fs.truncateSync(path, 5 * MiB)
    return mapping
  }

  it('in searches', () => {
    using mapping = cut()
    const last = mapping.byteLength - pageSize
    const first = thrownBy(() => mapping.indexOf('x')) as MappingFaultError
    expect(first.fault).toEqual({ kind: 'truncated', offset: 5 * MiB, count: 1 })
    const backward = thrownBy(() => mapping.lastIndexOf('x')) as MappingFaultError
    expect(backward.fault).toEqual({ kind: 'truncated', offset: last, count: 1 })
    expect(mapping.clearFault()?.count).toBe(2)
    expect(mapping.indexOf('x', 0, 5 * MiB)).toBe(-1)
  })

  it('in copies, and what lies before it was copied', () => {
    using mapping = cut()
    mapping.write(5 * MiB - 3, 'end')
    const target = Buffer.alloc(length, 7)
    const { fault } = thrownBy(() => mapping.readInto(target)) as MappingFaultError
    expect(fault).toEqual({ kind: 'truncated', offset: 5 * MiB, count: 1 })
    expect(target.toString('latin1', 5 * MiB - 3, 5 * MiB)).toBe('end')
    expect(thrownBy(() => mapping.write(MiB, target.subarray(MiB)))).toBeInstanceOf(
      MappingFaultError,
    )
  })
})

describe('copies of many pieces', () => {
  it('are equal to those of one, also onto themselves', () => {
    const content = pattern(length)
    using mapping = mapAnonymous(length)
    const shift = fc.integer({ min: -3 * MiB, max: 3 * MiB })
    const property = fc.property(shift, fc.nat(2 * MiB), (by, start) => {
      mapping.write(0, content)
      const to = Math.max(0, start + by)
      const count = length - Math.max(start, to)
      mapping.write(to, mapping.bytes(start, count))
      const expected = Buffer.from(content)
      content.copy(expected, to, start, start + count)
      expect(mapping.read(0, length).equals(expected)).toBe(true)
    })
    fc.assert(property, {
      numRuns: 20,
      examples: [
        [1, 0],
        [-1, 1],
        [pageSize, 0],
        [0, 5],
      ],
    })
  })
})

it('residency() counts each page once', () => {
  const path = scratch.file('residency', '')
  const long = 200 * MiB + pageSize
  fs.truncateSync(path, long + 100)
  using mapping = mapFile(path, { access: 'read-write', offset: 100 })
  const resident = [0, 64 * MiB - 1, 64 * MiB, 130 * MiB, long - 1]
  for (const offset of resident) mapping.write(offset, 'x')
  const { pages, vector, resident: count } = mapping.residency()
  expect(vector.length).toBe(pages)
  expect(vector.reduce((sum, page) => sum + page, 0)).toBe(count)
  for (const offset of resident) expect(vector[Math.floor((offset + 100) / pageSize)]).toBe(1)
})

it('flushSync(), populateSync(), discard() and lockSync() of many pieces do what one does', () => {
  const path = scratch.file('long', '')
  const long = 40 * MiB + 5
  fs.truncateSync(path, long)
  using mapping = mapFile(path, { access: 'copy-on-write' })
  mapping.write(0, Buffer.alloc(long, 1))
  mapping.populateSync({ offset: 3, length: long - 3 })
  expect(mapping.residency().resident).toBe(mapping.residency().pages)
  mapping.discard()
  expect(mapping.indexOf(1)).toBe(-1)
  using shared = mapFile(path, { access: 'read-write' })
  shared.write(long - 5, 'bytes')
  shared.flushSync()
  expect(fs.readFileSync(path).indexOf('bytes')).toBe(long - 5)
  shared.lockSync({ offset: 0, length: 5 * MiB })
  const status = fs.readFileSync('/proc/self/smaps', 'utf8')
  expect(status).toMatch(/Locked: +[1-9]/)
})
