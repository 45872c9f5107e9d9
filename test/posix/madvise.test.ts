// madvise(2)

import fs from 'node:fs'
import { adviceSupported } from 'posix-mmap'
import { Madvise, madvise, mincore, mmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, systemError, thrownBy } from '../support/errors.js'
import { expectContent, pattern } from '../support/files.js'
import { guardPagesSupported } from '../support/kernel-view.js'
import { everything, partsWithNeighbours } from '../support/mappings.js'
import {
  anonymousMemory,
  content,
  expectEachThrown,
  file,
  filledAnonymous,
  mmapFile,
  noInt32,
  noNumber,
  PRIVATE,
  page,
  READ,
  scratch,
  size,
  WRITE,
} from './fixture.js'

describe('madvise', () => {
  const destructive = [
    Madvise.DONTNEED,
    Madvise.FREE,
    Madvise.REMOVE,
    Madvise.GUARD_INSTALL,
    Madvise.GUARD_REMOVE,
  ]
  const harmless = Object.entries(Madvise).filter(
    (entry): entry is [string, Madvise] =>
      typeof entry[1] === 'number' && !destructive.includes(entry[1]),
  )

  // Ranges of a mapping of 3 pages and 100 bytes, and the pages that they fill. A range that
  // reaches the end of the mapping fills its last page.
  const ranges: [offset: number | undefined, length: number | undefined, filled: number[]][] = [
    [undefined, undefined, [0, 1, 2, 3]],
    [0, page, [0]],
    [page, 2 * page, [1, 2]],
    [1, 2 * page, [1]],
    [page - 1, 2, []],
    [page + 5, 10, []],
    [page - 7, page + 20, [1]],
    [2 * page + 1, page + 99, [3]],
    [3 * page, 99, []],
    [page, 0, []],
  ]

  function zeroed(pages: number[]): Buffer {
    const bytes = Buffer.from(content)
    for (const index of pages) bytes.fill(0, index * page, Math.min(size, (index + 1) * page))
    return bytes
  }

  it.each(harmless)('%s keeps every byte', (_name, advice) => {
    const path = file()
    const mappings = [
      filledAnonymous(),
      mmapFile(path, 'r+', { prot: READ | WRITE }),
      mmapFile(path, 'r', { prot: READ | WRITE, flags: PRIVATE }),
    ]
    for (const mapping of mappings) {
      try {
        madvise(mapping, advice, page - 1, 2n)
      } catch (error) {
        // Some kernels do not know an advice, or refuse it for some kinds of memory.
        expect(error).toMatchObject({ code: expect.toBeOneOf(['EINVAL', 'ENOMEM', 'EAGAIN']) })
      }
      expect(everything(mapping).equals(content)).toBe(true)
      mapping.unmap()
    }
  })

  it('of a value that keeps data acts on every page that the range touches', ({ skip }) => {
    if (!adviceSupported('populate-write')) skip('needs MADV_POPULATE_WRITE, Linux 5.14')
    using mapping = mmap({ length: size, ...anonymousMemory })
    madvise(mapping, Madvise.NOHUGEPAGE)
    madvise(mapping, Madvise.POPULATE_WRITE, page - 1, 2)
    expect([...mincore(mapping)]).toEqual([1, 1, 0, 0])
  })

  it.each(ranges)('DONTNEED (%s, %s) zeroes the pages %o of anonymous memory', (...row) => {
    const [offset, length, filled] = row
    using mapping = filledAnonymous()
    madvise(mapping, Madvise.DONTNEED, offset, length)
    expect(everything(mapping).equals(zeroed(filled))).toBe(true)
  })

  it.each(ranges)(
    'DONTNEED (%s, %s) makes the pages %o of a private mapping show the file',
    (...row) => {
      const [offset, length, filled] = row
      const path = file()
      using mapping = mmapFile(path, 'r', { prot: READ | WRITE, flags: PRIVATE })
      const kept = Buffer.alloc(size, 255)
      mapping.bytes().set(kept)
      madvise(mapping, Madvise.DONTNEED, offset, length)
      for (const index of filled) content.copy(kept, index * page, index * page, (index + 1) * page)
      expect(everything(mapping).equals(kept)).toBe(true)
      expect(fs.readFileSync(path).equals(content)).toBe(true)
    },
  )

  it.each(ranges)('FREE (%s, %s) keeps all bytes outside the pages %o', (...row) => {
    const [offset, length, filled] = row
    using mapping = filledAnonymous()
    madvise(mapping, Madvise.FREE, offset, length)
    // The kernel may free the pages at any time, or never.
    const bytes = everything(mapping)
    for (const index of [0, 1, 2, 3]) {
      const part = bytes.subarray(index * page, (index + 1) * page)
      const whole = content.subarray(index * page, (index + 1) * page)
      const gone = filled.includes(index) && part.every((byte) => byte === 0)
      expect(gone || part.equals(whole)).toBe(true)
    }
  })

  it.each<[number, number, number[]]>([
    [0, 4 * page, [0, 1, 2, 3]],
    [page, 2 * page, [1, 2]],
    [1, 2 * page, [1]],
    [page - 1, 2, []],
    [page - 7, page + 20, [1]],
    [2 * page + 1, 2 * page - 1, [3]],
    [3 * page, page - 1, []],
    [page, 0, []],
  ])('REMOVE (%i, %i) frees the pages %o of a shared file', (offset, length, filled) => {
    const whole = pattern(4 * page)
    const path = scratch.file('whole', whole)
    using mapping = mmapFile(path, 'r+', { length: 4 * page, prot: READ | WRITE })
    madvise(mapping, Madvise.REMOVE, offset, length)
    for (const index of filled) whole.fill(0, index * page, (index + 1) * page)
    expect(fs.readFileSync(path).equals(whole)).toBe(true)
    expect(everything(mapping).equals(whole)).toBe(true)
  })

  it.each(partsWithNeighbours)(
    'REMOVE of a mapping of part of a file ($offset, $length) leaves the rest of it',
    (part) => {
      const path = file()
      using mapping = mmapFile(path, 'r+', { prot: READ | WRITE, ...part })
      madvise(mapping, Madvise.REMOVE)
      expectContent(path, content, (at) => at < part.offset || at >= part.offset + part.length)
    },
  )

  it.for(ranges)('GUARD_INSTALL (%s, %s) guards the pages %o', (row, { skip }) => {
    if (!guardPagesSupported) skip('needs guard pages, Linux 6.13')
    const [offset, length, filled] = row
    using mapping = filledAnonymous()
    madvise(mapping, Madvise.GUARD_INSTALL, offset, length)
    for (const index of [0, 1, 2, 3]) {
      const read = () => mapping.read(index * page + 9, 1)[0]
      if (!filled.includes(index)) expect(read()).toBe(content[index * page + 9])
      else expect(thrownBy(read)).toMatchObject({ fault: { kind: 'no-access' } })
    }
    madvise(mapping, Madvise.GUARD_REMOVE)
    expect(everything(mapping).equals(zeroed(filled))).toBe(true)
  })

  it('refuses unknown advice, and passes errors of the kernel on', () => {
    using mapping = mmapFile(file(), 'r')
    expectEachThrown((value) => madvise(mapping, value), noNumber, invalidType)
    expectEachThrown((value) => madvise(mapping, value), noInt32, outOfRange)
    expectEachThrown((value) => madvise(mapping, value), [5, 100, 101, 2 ** 31 - 1], invalidValue)
    const free = () => madvise(mapping, Madvise.FREE)
    expect(free).toThrow(systemError('EINVAL', 'madvise') as Error)
    const remove = () => madvise(mapping, Madvise.REMOVE)
    expect(remove).toThrow(systemError('EACCES', 'madvise') as Error)
    expect(everything(mapping).equals(content)).toBe(true)
  })
})
