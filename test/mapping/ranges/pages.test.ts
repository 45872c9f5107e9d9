import fs from 'node:fs'
import {
  type FlushOptions,
  limits,
  type Mapping,
  mapAnonymous,
  mapFile,
  type Protection,
  pageSize,
} from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { systemError, thrownBy } from '../../support/errors.js'
import {
  blockBytes,
  expectContent,
  isOnDisk,
  noDisk,
  pattern,
  scratchDirectory,
} from '../../support/files.js'
import {
  dirtyBytes,
  guardPagesSupported,
  lockedBytes,
  permissionsOf,
  smapsOf,
} from '../../support/kernel-view.js'
import { accesses, everything, partsWithNeighbours } from '../../support/mappings.js'
import { runForJson } from '../../support/processes.js'

const scratch = scratchDirectory()
const page = pageSize
const size = 3 * page + 100
const content = pattern(size)

function file(): string {
  return scratch.file('file', content)
}

function filledAnonymous(): Mapping {
  const mapping = mapAnonymous(size)
  mapping.bytes().set(content)
  return mapping
}

function zeroed(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes).fill(0, start, end)
}

describe('flushSync', () => {
  function dirtyMapping(): Mapping {
    const mapping = mapFile(file(), { access: 'read-write' })
    mapping.flushSync()
    mapping.bytes().fill(1)
    expect(dirtyBytes(mapping)).toBe(4 * page)
    return mapping
  }

  it.for<[FlushOptions | undefined, number]>([
    [undefined, 0],
    [{ mode: 'sync' }, 0],
    [{ invalidate: true }, 0],
    [{ offset: page, length: page }, 3],
    [{ offset: page + 10, length: 1 }, 3],
    [{ offset: BigInt(page - 1), length: 2n }, 2],
    [{ offset: 3 * page }, 3],
  ])('%o leaves at most %i of 4 pages to be written', ([options, left], { skip }) => {
    if (!isOnDisk(scratch)) skip(noDisk)
    using mapping = dirtyMapping()
    mapping.flushSync(options)
    // Fewer if the file system writes neighbouring pages together.
    expect(dirtyBytes(mapping)).toBeLessThanOrEqual(left * page)
  })

  it('of no bytes writes nothing', ({ skip }) => {
    if (!isOnDisk(scratch)) skip(noDisk)
    using mapping = dirtyMapping()
    mapping.flushSync({ offset: page, length: 0 })
    expect(dirtyBytes(mapping)).toBe(4 * page)
  })

  it.each<FlushOptions>([{ mode: 'async' }, { mode: 'async', invalidate: true }])(
    '%o is accepted by the kernel for every kind of memory',
    (options) => {
      for (const access of accesses) {
        using mapping = mapFile(file(), { access })
        mapping.flushSync(options)
        expect(everything(mapping).equals(content)).toBe(true)
      }
      using anonymous = filledAnonymous()
      anonymous.flushSync(options)
      expect(everything(anonymous).equals(content)).toBe(true)
    },
  )

  it('with invalidate is EBUSY when pages are locked', () => {
    const path = file()
    using mapping = mapFile(path, { access: 'read-write', lock: true })
    const call = () => mapping.flushSync({ invalidate: true })
    expect(call).toThrow(systemError('EBUSY', 'msync', path))
    mapping.unlock()
    call()
  })
})

describe('protect', () => {
  const kinds: [string, string, () => Mapping][] = [
    ['read-write', 's', () => mapFile(file(), { access: 'read-write' })],
    ['copy-on-write', 'p', () => mapFile(file(), { access: 'copy-on-write' })],
    ['anonymous', 'p', filledAnonymous],
  ]
  const steps: [Protection, string][] = [
    ['none', '---'],
    ['read', 'r--'],
    ['read-write', 'rw-'],
  ]

  it.each(kinds)('sets the permissions of every page, %s', (_kind, sharing, make) => {
    using mapping = make()
    const { access } = mapping
    for (const [protection, permissions] of steps) {
      mapping.protect(protection)
      expect(permissionsOf(mapping)).toEqual(Array(4).fill(permissions + sharing))
      expect(mapping).toMatchObject({ protection, access })
    }
    mapping.write(0, 'again')
    expect(mapping.fault).toBeNull()
  })

  it.each<[Parameters<Mapping['protect']>, string[]]>([
    [
      ['none', page, page],
      ['rw-s', '---s', 'rw-s', 'rw-s'],
    ],
    [
      ['none', page + 1, 1],
      ['rw-s', '---s', 'rw-s', 'rw-s'],
    ],
    [
      ['read', page - 1, 2],
      ['r--s', 'r--s', 'rw-s', 'rw-s'],
    ],
    [
      ['read', 3 * page],
      ['rw-s', 'rw-s', 'rw-s', 'r--s'],
    ],
    [
      ['none', BigInt(size - 1), 1n],
      ['rw-s', 'rw-s', 'rw-s', '---s'],
    ],
    [
      ['none', page, 0],
      ['rw-s', 'rw-s', 'rw-s', 'rw-s'],
    ],
  ])('%o reaches each page that the range touches', (args, permissions) => {
    using mapping = mapFile(file(), { access: 'read-write' })
    mapping.protect(...args)
    expect(permissionsOf(mapping)).toEqual(permissions)
    expect(mapping.protection).toBe('read-write')
  })

  it('starts at the page of an unaligned file offset', () => {
    using mapping = mapFile(file(), { access: 'copy-on-write', offset: page - 3 })
    mapping.protect('none', 0, 3)
    expect(permissionsOf(mapping)).toEqual(['---p', 'rw-p', 'rw-p', 'rw-p'])
  })

  it('read-write is EACCES for a file that was opened for reading', () => {
    const path = file()
    using mapping = mapFile(path)
    const call = () => mapping.protect('read-write')
    expect(call).toThrow(systemError('EACCES', 'mprotect', path))
    expect(mapping.protection).toBe('read')
    expect(permissionsOf(mapping)).toEqual(Array(4).fill('r--s'))
  })
})

describe('lockSync and unlock', () => {
  const tooLow = `needs a RLIMIT_MEMLOCK of ${size} bytes`
  const enough = limits().lockedBytes >= size

  it('act on whole pages of a range', ({ skip }) => {
    if (!enough) skip(tooLow)
    const before = lockedBytes()
    using mapping = filledAnonymous()
    const locked = () => (lockedBytes() - before) / page
    mapping.lockSync({ offset: page - 1, length: 2 })
    expect(locked()).toBe(2)
    mapping.lockSync()
    expect(locked()).toBe(4)
    mapping.unlock(BigInt(2 * page), 1n)
    expect(locked()).toBe(3)
    mapping.unlock()
    expect(locked()).toBe(0)
  })

  it('read pages in, with onDemand only those that are touched', ({ skip }) => {
    if (!enough) skip(tooLow)
    using eager = mapAnonymous(size)
    eager.lockSync()
    expect(eager.residency().resident).toBe(4)
    using lazy = mapAnonymous(size)
    lazy.lockSync({ onDemand: true })
    expect(smapsOf(lazy).flags).toContain('lo')
    expect(lazy.residency().resident).toBe(0)
  })

  it('beyond RLIMIT_MEMLOCK is an error that leaves nothing locked or mapped', async () => {
    // Root has the capability to lock more.
    const script = `
      import { limits, mapAnonymous } from 'posix-mmap'
      import { native } from './dist/internals.js'
      if (process.getuid() === 0) process.setuid(65534)
      const length = limits().lockedBytes + 1
      const codeOf = (call) => { try { call() } catch (error) { return [error.code, error.syscall] } }
      const mapping = mapAnonymous(length, { noReserve: true })
      console.log(JSON.stringify([
        codeOf(() => mapping.lockSync({ onDemand: true })),
        codeOf(() => mapAnonymous(length, { noReserve: true, lock: true })),
        native.regionCounts()[0],
      ]))`
    expect(await runForJson(script)).toEqual([['ENOMEM', 'mlock2'], ['ENOMEM', 'mlock2'], 1])
  })
})

describe('populateSync', () => {
  const pages = 16

  it.each([
    ...accesses.map((access) => ({ name: access, make: () => mapHole(access) })),
    { name: 'anonymous', make: () => mapAnonymous(pages * page) },
  ])('reads pages in, $name', ({ name, make }) => {
    using mapping = make()
    expect(mapping.residency().resident).toBe(0)
    mapping.populateSync({ offset: 5 * page - 1, length: 2, write: name === 'anonymous' })
    expect(mapping.residency(4 * page, 2 * page).resident).toBe(2)
    mapping.populateSync()
    expect(mapping.residency().resident).toBe(pages)
  })

  it('for writing gives a copy-on-write mapping its own pages', () => {
    using mapping = mapFile(file(), { access: 'copy-on-write' })
    expect(smapsOf(mapping).bytes('Anonymous')).toBe(0)
    mapping.populateSync({ write: true, offset: BigInt(page), length: 1n })
    expect(smapsOf(mapping).bytes('Anonymous')).toBe(page)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('for writing is refused for memory that may only be read', () => {
    using mapping = mapFile(file())
    const error = thrownBy(() => mapping.populateSync({ write: true }))
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'madvise' })
  })

  it('past the end of a file that shrank is a MappingFaultError and no signal', () => {
    const path = file()
    using mapping = mapFile(path)
    fs.truncateSync(path, page)
    mapping.populateSync({ length: page })
    const fault = { kind: 'truncated', offset: page, count: 1 }
    expect(thrownBy(() => mapping.populateSync())).toMatchObject({
      name: 'MappingFaultError',
      fault,
      path,
    })
    expect(mapping.fault).toEqual(fault)
  })

  function mapHole(access: (typeof accesses)[number]): Mapping {
    return mapFile(scratch.hole('hole', pages * page), { access })
  }
})

describe('residency', () => {
  it('has a byte for each page', () => {
    using mapping = mapAnonymous(size)
    mapping.advise('nohugepage')
    mapping.write(page, 'x')
    mapping.write(size - 1, 'x')
    expect(mapping.residency()).toEqual({
      pageSize: page,
      pages: 4,
      resident: 2,
      vector: Uint8Array.of(0, 1, 0, 1),
    })
  })

  it.each<[Parameters<Mapping['residency']>, number[]]>([
    [[page], [1, 0, 1]],
    [[page, page], [1]],
    [
      [page - 1, 2],
      [0, 1],
    ],
    [[BigInt(page + 1), 1n], [1]],
    [
      [2 * page + 1, page],
      [0, 1],
    ],
    [[size], []],
    [[0, 0], []],
  ])('%o', (args, vector) => {
    using mapping = mapAnonymous(size)
    mapping.advise('nohugepage')
    mapping.write(page, 'x')
    mapping.write(size - 1, 'x')
    const residency = mapping.residency(...args)
    expect([...residency.vector]).toEqual(vector)
    expect(residency.pages).toBe(vector.length)
    expect(residency.resident).toBe(vector.filter((byte) => byte === 1).length)
  })

  it('of guarded pages is that of the file behind them, and none of anonymous memory', ({
    skip,
  }) => {
    if (!guardPagesSupported) skip('needs guard pages, Linux 6.13')
    const guarded = (mapping: Mapping) => {
      mapping.advise('nohugepage')
      mapping.populateSync({ write: mapping.fileOffset === null })
      mapping.installGuard(page, 2 * page)
      const before = [...mapping.residency().vector]
      expect(mapping.bytes()[page]).toBe(0)
      expect(mapping.fault).toEqual({ kind: 'no-access', offset: page, count: 1 })
      return before
    }
    using anonymous = filledAnonymous()
    expect(guarded(anonymous)).toEqual([1, 0, 0, 1])
    for (const access of accesses) {
      using mapping = mapFile(file(), { access })
      try {
        mapping.installGuard(page, page)
      } catch (error) {
        // Linux 6.13 and 6.14 can guard only anonymous memory.
        expect(error).toMatchObject({ code: 'EINVAL', syscall: 'madvise' })
        console.log(`not tested: this kernel guards no pages of a file with access ${access}`)
        continue
      }
      mapping.removeGuard(page, page)
      expect(guarded(mapping)).toEqual([1, 1, 1, 1])
    }
  })
})

describe('discard', () => {
  const ranges: [offset: number | undefined, length: number | undefined][] = [
    [undefined, undefined],
    [0, size],
    [0, page],
    [page, 2 * page],
    [1, 2 * page],
    [page - 1, 2],
    [page + 5, 10],
    [2 * page - 7, page + 20],
    [3 * page, 100],
    [3 * page, 99],
    [3 * page + 1, 99],
    [page, 0],
    [size, 0],
  ]

  it.each(ranges)('anonymous, (%s, %s): every byte of the range is zero', (offset, length) => {
    using mapping = filledAnonymous()
    mapping.discard(offset, length)
    const start = offset ?? 0
    const end = start + (length ?? size - start)
    expect(everything(mapping).equals(zeroed(content, start, end))).toBe(true)
  })

  it.each(ranges)('copy-on-write, (%s, %s): pages inside show the file', (offset, length) => {
    const path = file()
    using mapping = mapFile(path, { access: 'copy-on-write' })
    mapping.bytes().fill(0)
    mapping.discard(offset, length)
    const start = offset ?? 0
    const end = start + (length ?? size - start)
    const expected = Buffer.alloc(size)
    for (let at = 0; at < size; at += page) {
      const next = Math.min(at + page, size)
      if (start <= at && next <= end) content.copy(expected, at, at, next)
    }
    expect(everything(mapping).equals(expected)).toBe(true)
    expect(fs.readFileSync(path).equals(content)).toBe(true)
  })

  it('copy-on-write, at an unaligned file offset: the first page is the one that it starts in', () => {
    using mapping = mapFile(file(), { access: 'copy-on-write', offset: page - 3 })
    mapping.bytes().fill(0)
    mapping.discard(0, 3)
    const expected = Buffer.alloc(size - page + 3)
    content.copy(expected, 0, page - 3, page)
    expect(everything(mapping).equals(expected)).toBe(true)
  })

  it('accepts bigints and frees memory', () => {
    using mapping = filledAnonymous()
    mapping.discard(BigInt(page), BigInt(page))
    expect([...mapping.residency().vector]).toEqual([1, 0, 1, 1])
  })

  const shared = (['read', 'read-write'] as const).flatMap((access) =>
    [[0, size] as const, [page, page] as const, [5, 10] as const].map(([offset, length]) => ({
      access,
      offset,
      length,
    })),
  )
  it.each(shared)('is EINVAL for shared memory: $access ($offset, $length)', (row) => {
    const path = file()
    using mapping = mapFile(path, { access: row.access })
    const call = () => mapping.discard(row.offset, row.length)
    expect(call).toThrow(systemError('EINVAL', 'madvise', path))
    expect(everything(mapping).equals(content)).toBe(true)
  })
})

describe('punchHole', () => {
  const ranges: [offset: number, length: number, pages: number][] = [
    [0, size, 3],
    [0, page, 1],
    [page, 2 * page, 2],
    [1, 2 * page, 1],
    [page - 1, 2, 0],
    [page + 5, 10, 0],
    [2 * page - 7, page + 20, 1],
    [3 * page, 100, 0],
    [3 * page + 1, 99, 0],
    [0, 0, 0],
  ]

  it.each(ranges)(
    '(%i, %i) zeroes exactly these bytes and frees at least %i pages',
    (offset, length, pages) => {
      const path = file()
      using mapping = mapFile(path, { access: 'read-write' })
      mapping.flushSync()
      const before = blockBytes(path)
      mapping.punchHole(offset, length)
      // Asked first, since reading a hole of tmpfs through the mapping fills it.
      expect(before - blockBytes(path)).toBeGreaterThanOrEqual(pages * page)
      const expected = zeroed(content, offset, offset + length)
      expect(everything(mapping).equals(expected)).toBe(true)
      expect(fs.readFileSync(path).equals(expected)).toBe(true)
    },
  )

  it.each(partsWithNeighbours)(
    'of a mapping of part of a file ($offset, $length) leaves the rest of the file',
    (part) => {
      const path = file()
      using mapping = mapFile(path, { access: 'read-write', ...part })
      mapping.punchHole(0n, BigInt(part.length))
      expect(everything(mapping).equals(Buffer.alloc(part.length))).toBe(true)
      expectContent(path, zeroed(content, part.offset, part.offset + part.length))
    },
  )

  const ranged = [[0, size] as const, [page, page] as const, [5, 10] as const]
  const kinds: [string, () => Mapping][] = [
    ['read', () => mapFile(file())],
    ['copy-on-write', () => mapFile(file(), { access: 'copy-on-write' })],
    ['anonymous', filledAnonymous],
  ]
  it.each(kinds.flatMap(([kind, make]) => ranged.map((range) => ({ kind, make, range }))))(
    'is refused for memory that is not shared and writable: $kind, $range',
    ({ make, range }) => {
      using mapping = make()
      const error = thrownBy(() => mapping.punchHole(...range))
      expect(error).toMatchObject({
        code: expect.toBeOneOf(['EINVAL', 'EACCES']),
        syscall: 'madvise',
      })
      expect(everything(mapping).equals(content)).toBe(true)
      expect(mapping.fault).toBeNull()
    },
  )
})

describe('installGuard and removeGuard', () => {
  const ranges: [offset: number, length: number, guarded: number[]][] = [
    [0, size, [0, 1, 2, 3]],
    [page, page, [1]],
    [1, 2 * page, [1]],
    [page - 1, 2, []],
    [2 * page + 1, page + 99, [3]],
    [3 * page, 99, []],
    [size, 0, []],
  ]

  it.for(ranges)('(%i, %i) guards the pages %o', ([offset, length, guarded], { skip }) => {
    if (!guardPagesSupported) skip('needs guard pages, Linux 6.13')
    using mapping = filledAnonymous()
    mapping.installGuard(offset, length)
    const readable = (at: number) => {
      try {
        return mapping.read(at, 1)[0] === content[at]
      } catch (error) {
        const fault = { kind: 'no-access', offset: at, count: 1 }
        expect(error).toMatchObject({ code: 'ERR_MAPPING_FAULT', fault })
        return false
      }
    }
    const pages = [0, 1, 2, 3]
    expect(pages.filter((index) => !readable(index * page))).toEqual(guarded)
    mapping.removeGuard(0n, BigInt(size))
    const expected = Buffer.from(content)
    for (const index of guarded) expected.fill(0, index * page, Math.min((index + 1) * page, size))
    expect(everything(mapping).equals(expected)).toBe(true)
  })
})
