// `posix-mmap/posix`: what each call asks of the kernel, what it refuses, and what it leaves behind.

import fs from 'node:fs'
import { inspect } from 'node:util'
import * as main from 'posix-mmap'
import {
  type Access,
  adviceSupported,
  limits,
  type Mapping,
  mapAnonymous,
  mapFile,
  type Protection,
  pageSize,
} from 'posix-mmap'
import * as posix from 'posix-mmap/posix'
import {
  addressOf,
  Madvise,
  MapFlags,
  MemfdFlags,
  type MmapOptions,
  MremapFlags,
  MsyncFlags,
  madvise,
  memfdCreate,
  mincore,
  mlock,
  mmap,
  mprotect,
  mremap,
  msync,
  munlock,
  munmap,
  Prot,
  shmOpen,
  shmUnlink,
} from 'posix-mmap/posix'
import { afterAll, describe, expect, it } from 'vitest'
import { native } from '../../dist/internals.js'
import {
  expectNothingNew,
  guardPagesSupported,
  invalidType,
  invalidValue,
  liveRegions,
  lockedBytes,
  mappingClosed,
  maps,
  openDescriptors,
  outOfRange,
  pattern,
  permissionsOf,
  readFile,
  runForJson,
  scratchDirectory,
  smapsOf,
  systemError,
  thrownBy,
  traces,
  untyped,
  withDescriptor,
} from '../support/harness.js'

const scratch = scratchDirectory()
const page = pageSize
const size = 3 * page + 100
const content = pattern(size)
const { READ, WRITE, EXEC, NONE } = Prot
const { SHARED, SHARED_VALIDATE, PRIVATE, ANONYMOUS, FIXED, FIXED_NOREPLACE } = MapFlags
const anonymousMemory = { prot: READ | WRITE, flags: PRIVATE | ANONYMOUS }
const tmpfs = 0x01021994

function file(): string {
  return scratch.file('file', content)
}

/** mmap() of a file that is closed again. */
function mmapFile(path: string, flags: string, options: Partial<MmapOptions> = {}): Mapping {
  return withDescriptor(path, flags, (fd) =>
    mmap({ length: size, prot: READ, flags: SHARED, fd, ...options }),
  )
}

function filledAnonymous(length = size): Mapping {
  const mapping = mmap({ length, ...anonymousMemory })
  mapping.bytes().set(pattern(length))
  return mapping
}

function everything(mapping: Mapping): Buffer {
  return mapping.read(0, mapping.byteLength)
}

/** Calls, expects an error that matches, and that the call left nothing behind. */
function expectThrown(call: () => unknown, error: unknown, label = ''): void {
  const before = traces(scratch.directory)
  expect(call, label).toThrow(error as Error)
  expectNothingNew(before, label)
}

/** What is not an `int`: by type, and by value. */
const noNumber: unknown[] = [null, '1', 1n, true, {}, [], Symbol('1')]
const noInt32: unknown[] = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 53]
/** What is not a count of bytes. */
const noCount: unknown[] = [null, '1', true, {}, [], Symbol('1')]
const noByteCount: unknown[] = [-1, -1n, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]

function expectEachThrown(use: (value: never) => unknown, values: unknown[], error: unknown) {
  for (const value of values) expectThrown(() => use(untyped(value)), error, inspect(value))
}

describe('the exports', () => {
  it('are these', () => {
    expect(Object.keys(posix).sort()).toEqual(
      [
        ...['Madvise', 'MapFlags', 'Mapping', 'MemfdFlags', 'MremapFlags', 'MsyncFlags', 'Prot'],
        ...['addressOf', 'limits', 'madvise', 'memfdCreate', 'mincore', 'mlock', 'mmap'],
        ...['mprotect', 'mremap', 'msync', 'munlock', 'munmap', 'pageSize', 'shmOpen', 'shmUnlink'],
      ].sort(),
    )
  })

  it('share their class with posix-mmap', () => {
    expect(posix.Mapping).toBe(main.Mapping)
    expect(posix.limits).toBe(main.limits)
    expect(posix.pageSize).toBe(main.pageSize)
    using mapped = mmap({ length: 1, ...anonymousMemory })
    using other = mapAnonymous(1)
    expect(mapped).toBeInstanceOf(main.Mapping)
    expect(Object.getPrototypeOf(mapped)).toBe(Object.getPrototypeOf(other))
    munmap(other)
    expect(other.closed).toBe(true)
  })
})

describe('the flags', () => {
  const enums: [prefix: string, values: object][] = [
    ['PROT_', Prot],
    ['MAP_', MapFlags],
    ['MS_', MsyncFlags],
    ['MADV_', Madvise],
    ['MREMAP_', MremapFlags],
    ['MFD_', MemfdFlags],
  ]
  const all = enums.flatMap(([prefix, values]) =>
    Object.entries(values)
      .filter((entry) => typeof entry[1] === 'number')
      .map(([name, value]): [string, number] => [`${prefix}${name}`, value]),
  )
  const known = all.filter(([name]) => name in native.constants)

  it.each(known)('%s is %i in the headers that the addon was compiled with', (name, value) => {
    expect(value).toBe(native.constants[name])
  })

  it('that headers may be too old for are those of include/uapi', () => {
    const young: Record<string, number> = {
      MADV_GUARD_INSTALL: 102,
      MADV_GUARD_REMOVE: 103,
      MFD_NOEXEC_SEAL: 0x8,
      MFD_EXEC: 0x10,
    }
    for (const [name, value] of all) {
      if (!(name in native.constants)) expect({ [name]: value }).toEqual({ [name]: young[name] })
    }
  })
})

describe('mmap', () => {
  interface Kind {
    kind: string
    prot: number
    flags: number
    permissions: string
    access: Access
    protection: Protection
  }
  const of = (
    kind: string,
    [prot, flags]: [number, number],
    [permissions, access, protection]: [string, Access, Protection],
  ): Kind => ({ kind, prot, flags, permissions, access, protection })
  const readWrite = READ | WRITE
  const ofFile = [
    of('shared', [READ, SHARED], ['r--s', 'read', 'read']),
    of('shared, writable', [readWrite, SHARED], ['rw-s', 'read-write', 'read-write']),
    of('validated', [readWrite, SHARED_VALIDATE], ['rw-s', 'read-write', 'read-write']),
    of('private', [READ, PRIVATE], ['r--p', 'copy-on-write', 'read']),
    of('private, writable', [readWrite, PRIVATE], ['rw-p', 'copy-on-write', 'read-write']),
    of('no access', [NONE, SHARED], ['---s', 'read', 'none']),
    of('executable', [READ | EXEC, PRIVATE], ['r-xp', 'copy-on-write', 'read']),
    of('all', [readWrite | EXEC, SHARED], ['rwxs', 'read-write', 'read-write']),
  ]
  const shared = ANONYMOUS | SHARED
  const privately = ANONYMOUS | PRIVATE
  const anonymous = [
    of('private', [readWrite, privately], ['rw-p', 'read-write', 'read-write']),
    of('shared', [readWrite, shared], ['rw-s', 'read-write', 'read-write']),
    of('no access', [NONE, privately], ['---p', 'read-write', 'none']),
    of('readable', [READ, privately], ['r--p', 'read-write', 'read']),
    of('executable', [READ | EXEC, privately], ['r-xp', 'read-write', 'read']),
    of('all', [readWrite | EXEC, shared], ['rwxs', 'read-write', 'read-write']),
  ]

  it.each(ofFile)('of a file, $kind', ({ prot, flags, permissions, access, protection }) => {
    const path = file()
    using mapping = mmapFile(path, 'r+', { prot, flags })
    expect(permissionsOf(mapping)).toEqual(Array(4).fill(permissions))
    const described = { access, protection, byteLength: size, fileOffset: 0, path: null }
    expect(mapping).toMatchObject(described)
    if (prot === NONE) return
    expect(everything(mapping).equals(content)).toBe(true)
    if (protection !== 'read-write') return
    mapping.bytes()[page] = 0
    const reached = access === 'read-write'
    expect(readFile(path, page, 1)).toEqual(Buffer.of(reached ? 0 : (content[page] ?? 0)))
    expect(mapping.fault).toBeNull()
  })

  it.each(anonymous)('anonymous, $kind', ({ prot, flags, permissions, access, protection }) => {
    using mapping = mmap({ length: size, prot, flags })
    expect(permissionsOf(mapping)).toEqual(Array(4).fill(permissions))
    const described = { access, protection, byteLength: size, fileOffset: null, path: null }
    expect(mapping).toMatchObject(described)
    if (prot === NONE) return
    expect(everything(mapping).equals(Buffer.alloc(size))).toBe(true)
  })

  it('takes bigints, and an offset that is no multiple of a page', () => {
    using mapping = mmapFile(file(), 'r', { length: BigInt(page), offset: BigInt(page - 3) })
    expect(mapping).toMatchObject({ byteLength: page, fileOffset: page - 3 })
    expect(everything(mapping).equals(content.subarray(page - 3, 2 * page - 3))).toBe(true)
    expect(addressOf(mapping) % BigInt(page)).toBe(BigInt(page - 3))
  })

  it('needs no descriptor with ANONYMOUS, and leaves one alone', () => {
    withDescriptor(file(), 'r', (fd) => {
      using mapping = mmap({ length: 10, ...anonymousMemory, fd })
      expect(mapping.fileOffset).toBeNull()
      expect(fs.fstatSync(fd).size).toBe(size)
    })
  })

  it('with POPULATE reads everything in', () => {
    using mapping = mmap({ length: size, prot: readWrite, flags: privately | MapFlags.POPULATE })
    expect([...mincore(mapping)]).toEqual([1, 1, 1, 1])
  })

  it.for<[string, number, string]>([
    ['NORESERVE', MapFlags.NORESERVE, 'nr'],
    ['LOCKED', MapFlags.LOCKED, 'lo'],
  ])('with %s', ([, flag, expected], { skip }) => {
    if (limits().lockedBytes < size) skip(`needs a RLIMIT_MEMLOCK of ${size} bytes`)
    using mapping = mmap({ length: size, prot: readWrite, flags: privately | flag })
    expect(smapsOf(mapping).flags).toContain(expected)
  })

  it.each([
    ['NONBLOCK', MapFlags.NONBLOCK],
    ['STACK', MapFlags.STACK],
  ])('with %s', (_name, flag) => {
    using mapping = mmap({ length: size, prot: readWrite, flags: privately | flag })
    mapping.write(0, 'usable')
    expect(mapping.read(0, 6).toString()).toBe('usable')
  })

  it('past the end of a file gives a fault and no signal', async () => {
    const script = `
      import fs from 'node:fs'
      import { MapFlags, mmap, pageSize, Prot } from 'posix-mmap/posix'
      const fd = fs.openSync('${file()}')
      const mapping = mmap({ length: 8 * pageSize, prot: Prot.READ, flags: MapFlags.SHARED, fd })
      const bytes = mapping.bytes()
      console.log(JSON.stringify([bytes[0], bytes[4 * pageSize - 1], mapping.fault,
        bytes[5 * pageSize + 7], mapping.fault]))`
    const fault = { kind: 'truncated', offset: 5 * page + 7, count: 1 }
    expect(await runForJson(script)).toEqual([content[0], 0, null, 0, fault])
  })

  it('of memory without access gives a fault', () => {
    using mapping = mmap({ length: size, prot: NONE, flags: privately })
    expect(mapping.bytes()[page]).toBe(0)
    expect(mapping.fault).toEqual({ kind: 'no-access', offset: page, count: 1 })
  })
})

describe('mmap at an address', () => {
  /** Three pages of addresses at which nothing is mapped. */
  function freeAddress(): bigint {
    using mapping = mmap({ length: 3 * page, prot: NONE, flags: PRIVATE | ANONYMOUS })
    return addressOf(mapping)
  }

  function libc(): bigint {
    const area = maps().find(({ path }) => /libc\.|libc\.so|ld-musl/.test(path))
    if (area === undefined) throw new Error('no libc in /proc/self/maps')
    return area.start
  }

  const fixed: [string, number][] = [
    ['FIXED', FIXED],
    ['FIXED_NOREPLACE', FIXED_NOREPLACE],
    ['both', FIXED | FIXED_NOREPLACE],
  ]

  it.each(fixed)('%s: EEXIST over memory of ours, which stays', (_name, flag) => {
    using mapping = filledAnonymous()
    const start = addressOf(mapping)
    for (const [first, pages] of [
      [0, 1],
      [1, 2],
      [3, 2],
      [-1, 2],
      [-1, 6],
    ] as const) {
      const addr = start + BigInt(first * page)
      const flags = anonymousMemory.flags | flag
      const call = () => mmap({ length: pages * page, prot: READ, flags, addr })
      expectThrown(call, systemError('EEXIST', 'mmap'), `${pages} pages at page ${first}`)
    }
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it.each(fixed)('%s: EEXIST over memory that is not ours', (_name, flag) => {
    const addr = libc()
    const before = maps().filter(({ start }) => start === addr)
    const flags = anonymousMemory.flags | flag
    const call = () => mmap({ length: page, prot: READ, flags, addr })
    expectThrown(call, systemError('EEXIST', 'mmap'))
    expectThrown(
      () => mmapFile(file(), 'r', { flags: SHARED | flag, addr }),
      systemError('EEXIST', 'mmap'),
    )
    expect(maps().filter(({ start }) => start === addr)).toEqual(before)
  })

  it.each(fixed)('%s: gives a free address', (_name, flag) => {
    const addr = freeAddress()
    using mapping = mmap({
      ...anonymousMemory,
      length: page,
      flags: anonymousMemory.flags | flag,
      addr,
    })
    expect(addressOf(mapping)).toBe(addr)
    using next = mmapFile(file(), 'r', {
      length: page,
      flags: SHARED | flag,
      addr: Number(addr) + page,
      offset: 10,
    })
    // The page that holds the first byte lies at the address.
    expect(addressOf(next)).toBe(addr + BigInt(page + 10))
    expect(everything(next).equals(content.subarray(10, page + 10))).toBe(true)
  })

  it.each(fixed)('%s: EINVAL for an address inside a page', (_name, flag) => {
    const addr = freeAddress() + 1n
    const flags = anonymousMemory.flags | flag
    const call = () => mmap({ length: page, prot: READ, flags, addr })
    expectThrown(call, systemError('EINVAL', 'mmap'))
  })

  it.each(fixed)('%s: needs an address', async (_name, flag) => {
    // Root may map the first page, which is no memory to JavaScript.
    const script = `
      import { mmap, Prot } from 'posix-mmap/posix'
      let code
      try {
        mmap({ length: 1, prot: Prot.READ, flags: ${anonymousMemory.flags | flag} }).bytes()
      } catch (error) {
        code = error.code
      }
      console.log(JSON.stringify([code]))`
    expect(await runForJson(script)).toEqual([expect.any(String)])
  })

  it('without them an address is a wish', () => {
    const addr = freeAddress()
    using granted = mmap({ length: page, ...anonymousMemory, addr })
    expect(addressOf(granted)).toBe(addr)
    using elsewhere = mmap({ length: page, ...anonymousMemory, addr })
    expect(addressOf(elsewhere)).not.toBe(addr)
    using far = mmap({ length: page, ...anonymousMemory, addr: 2n ** 64n - 1n })
    far.write(0, 'usable')
    granted.write(0, 'usable')
  })
})

describe('mmap refuses', () => {
  const valid = { length: page, ...anonymousMemory }
  const given = (option: string, value: unknown, others: object = {}) =>
    mmap(untyped({ ...valid, ...others, [option]: value }))

  it.each([
    ['HUGETLB', 0x40000],
    ['GROWSDOWN', 0x100],
    ['DENYWRITE', 0x800],
    ['EXECUTABLE', 0x1000],
    ['one that no kernel knows', 0x4000000],
  ])('the flag %s', (_name, flag) => {
    expectThrown(() => given('flags', valid.flags | flag), invalidValue)
  })

  it('bits of prot that are none of Prot', () => {
    for (const bit of [8, 0x1000000, 0x2000000]) {
      expectThrown(() => given('prot', READ | bit), invalidValue)
    }
  })

  it('options that are none', () => {
    expectEachThrown((value) => mmap(value), [undefined, null, 1, '1', true], invalidType)
  })

  const rows: [string, unknown[], unknown[], object?][] = [
    ['length', [undefined, ...noCount], noByteCount],
    ['prot', [undefined, ...noNumber], noInt32],
    ['flags', [undefined, ...noNumber], noInt32],
    ['fd', [undefined, ...noNumber], noInt32, { flags: SHARED }],
    ['offset', noCount, noByteCount],
    ['addr', noCount, [...noByteCount, 1, 1n, 65535, 2n ** 64n]],
  ]
  it.each(rows)('what %s cannot be', (option, types, values, others) => {
    expectEachThrown((value) => given(option, value, others), types, invalidType)
    expectEachThrown((value) => given(option, value, others), values, outOfRange)
  })

  it('what the kernel refuses', () => {
    const einval = systemError('EINVAL', 'mmap')
    expectThrown(() => given('length', 0), einval)
    expectThrown(() => given('length', 0n), einval)
    expectThrown(() => given('flags', ANONYMOUS), einval)
    expectThrown(() => given('length', 2 ** 53 - 1), systemError('ENOMEM', 'mmap'))
    expectThrown(() => given('fd', 2 ** 31 - 1, { flags: SHARED }), systemError('EBADF', 'mmap'))
    const path = file()
    expectThrown(() => mmapFile(path, 'a'), systemError('EACCES', 'mmap'))
    expectThrown(() => mmapFile(path, 'r', { prot: READ | WRITE }), systemError('EACCES', 'mmap'))
    expectThrown(() => mmapFile(scratch.directory, 'r'), systemError('ENODEV', 'mmap'))
  })

  it('SYNC where storage is not memory', () => {
    const call = () => mmapFile(file(), 'r+', { flags: SHARED_VALIDATE | MapFlags.SYNC })
    // One number on Linux: ENOTSUP and EOPNOTSUPP.
    expectThrown(call, expect.objectContaining({ errno: -95, syscall: 'mmap' }))
  })
})

describe('each call on a mapping', () => {
  const calls: [string, (mapping: Mapping, ...range: never[]) => unknown][] = [
    ['mprotect', (mapping, ...range) => mprotect(mapping, READ, ...range)],
    ['msync', (mapping, ...range) => msync(mapping, MsyncFlags.SYNC, ...range)],
    ['madvise', (mapping, ...range) => madvise(mapping, Madvise.NORMAL, ...range)],
    ['mlock', (mapping, ...range) => mlock(mapping, ...range)],
    ['munlock', (mapping, ...range) => munlock(mapping, ...range)],
    ['mincore', (mapping, ...range) => mincore(mapping, ...range)],
  ]
  const others: typeof calls = [
    ['mremap', (mapping) => mremap(mapping, 1)],
    ['addressOf', (mapping) => addressOf(mapping)],
  ]
  const notMappings = [undefined, null, 1, '', {}, new Uint8Array(1), main.Mapping.prototype]

  it.each([...calls, ...others])('%s needs one that is open', (_name, call) => {
    expectEachThrown(call, notMappings, invalidType)
    // Passes for one by its prototype.
    expect(() => call(Object.create(main.Mapping.prototype))).toThrow(TypeError)
    const closed = mmap({ length: 1, ...anonymousMemory })
    closed.unmap()
    expect(() => call(closed)).toThrow(mappingClosed as Error)
  })

  it.each(calls)('%s needs a range inside', (_name, call) => {
    using mapping = filledAnonymous()
    const ranges: [unknown, unknown][] = [
      [size + 1, 0],
      [0, size + 1],
      [1, size],
      [size, 1],
      [2 ** 53 - 1, 2 ** 53 - 1],
    ]
    for (const [offset, length] of ranges) {
      expect(() => call(mapping, untyped(offset), untyped(length))).toThrow(outOfRange as Error)
    }
    for (const value of noCount) {
      expect(() => call(mapping, untyped(value))).toThrow(invalidType as Error)
      expect(() => call(mapping, untyped(0), untyped(value))).toThrow(invalidType as Error)
    }
    expect(permissionsOf(mapping)).toEqual(Array(4).fill('rw-p'))
  })
})

describe('munmap', () => {
  it('is unmap()', () => {
    const before = traces(scratch.directory)
    const mapping = mmapFile(file(), 'r')
    munmap(mapping)
    expect(mapping.closed).toBe(true)
    munmap(mapping)
    expectNothingNew(before)
  })

  it.each([undefined, null, 1, '', {}])('refuses %o', (value) => {
    expect(() => munmap(untyped(value))).toThrow(invalidType as Error)
  })
})

describe('mprotect', () => {
  it.each<[number, string, Protection]>([
    [NONE, '---p', 'none'],
    [READ, 'r--p', 'read'],
    [WRITE, '-w-p', 'read-write'],
    [EXEC, '--xp', 'read'],
    [READ | EXEC, 'r-xp', 'read'],
    [READ | WRITE | EXEC, 'rwxp', 'read-write'],
  ])('%i of all of it', (prot, permissions, protection) => {
    using mapping = filledAnonymous()
    mprotect(mapping, prot)
    expect(permissionsOf(mapping)).toEqual(Array(4).fill(permissions))
    expect(mapping.protection).toBe(protection)
    mprotect(mapping, READ | WRITE)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('acts on every page that the range touches', () => {
    using mapping = filledAnonymous()
    mprotect(mapping, READ | EXEC, page - 1, 2n)
    expect(permissionsOf(mapping)).toEqual(['r-xp', 'r-xp', 'rw-p', 'rw-p'])
    expect(mapping.protection).toBe('read-write')
    mprotect(mapping, NONE, BigInt(size - 1))
    expect(permissionsOf(mapping)).toEqual(['r-xp', 'r-xp', 'rw-p', '---p'])
  })

  it('refuses what it does not know, and what the file does not allow', () => {
    using mapping = mmapFile(file(), 'r')
    expect(() => mprotect(mapping, READ | 8)).toThrow(invalidValue as Error)
    expect(() => mprotect(mapping, 0x01000000)).toThrow(invalidValue as Error)
    expectEachThrown((value) => mprotect(mapping, value), noNumber, invalidType)
    expectEachThrown((value) => mprotect(mapping, value), noInt32, outOfRange)
    expect(() => mprotect(mapping, WRITE)).toThrow(systemError('EACCES', 'mprotect') as Error)
    expect(mapping.protection).toBe('read')
    expect(permissionsOf(mapping)).toEqual(Array(4).fill('r--s'))
  })
})

describe('msync', () => {
  const onDisk = fs.statfsSync(scratch.directory).type !== tmpfs

  it('SYNC leaves nothing to be written', ({ skip }) => {
    if (!onDisk) skip('needs a TMPDIR on a disk')
    using mapping = mmapFile(file(), 'r+', { prot: READ | WRITE })
    const dirty = () => {
      const { bytes } = smapsOf(mapping)
      return bytes('Shared_Dirty') + bytes('Private_Dirty')
    }
    msync(mapping, MsyncFlags.SYNC)
    mapping.bytes().fill(1)
    expect(dirty()).toBe(4 * page)
    msync(mapping, MsyncFlags.SYNC | MsyncFlags.INVALIDATE, BigInt(page), BigInt(page))
    expect(dirty()).toBeLessThanOrEqual(3 * page)
    msync(mapping, MsyncFlags.ASYNC)
    msync(mapping, MsyncFlags.SYNC)
    expect(dirty()).toBe(0)
  })

  it('hands on what the kernel refuses', ({ skip }) => {
    using mapping = mmapFile(file(), 'r')
    for (const flags of [MsyncFlags.ASYNC | MsyncFlags.SYNC, 8]) {
      expect(() => msync(mapping, flags)).toThrow(systemError('EINVAL', 'msync') as Error)
    }
    expectEachThrown((value) => msync(mapping, value), noNumber, invalidType)
    expectEachThrown((value) => msync(mapping, value), noInt32, outOfRange)
    if (limits().lockedBytes < size) skip(`needs a RLIMIT_MEMLOCK of ${size} bytes`)
    mlock(mapping)
    const call = () => msync(mapping, MsyncFlags.SYNC | MsyncFlags.INVALIDATE)
    expect(call).toThrow(systemError('EBUSY', 'msync') as Error)
  })
})

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

  // Ranges of 3 pages and 100 bytes, and the pages that they fill; the end of the mapping fills
  // its last page.
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
        // Not every kernel knows each, or has a use for it on each kind of memory.
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

  it.each(ranges)('DONTNEED (%s, %s) gives the pages %o of a private file back', (...row) => {
    const [offset, length, filled] = row
    const path = file()
    using mapping = mmapFile(path, 'r', { prot: READ | WRITE, flags: PRIVATE })
    const kept = Buffer.alloc(size, 255)
    mapping.bytes().set(kept)
    madvise(mapping, Madvise.DONTNEED, offset, length)
    for (const index of filled) content.copy(kept, index * page, index * page, (index + 1) * page)
    expect(everything(mapping).equals(kept)).toBe(true)
    expect(fs.readFileSync(path).equals(content)).toBe(true)
  })

  it.each(ranges)('FREE (%s, %s) leaves what is not in the pages %o', (...row) => {
    const [offset, length, filled] = row
    using mapping = filledAnonymous()
    madvise(mapping, Madvise.FREE, offset, length)
    // The kernel may take the pages at any time, or never.
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

  it.each([
    { offset: 0, length: 100 },
    { offset: 3, length: page },
    { offset: page - 3, length: 10 },
    { offset: page + 3, length: page },
    { offset: 0, length: page + 1 },
    { offset: 2 * page, length: page - 1 },
  ])('REMOVE of a mapping of part of a file ($offset, $length) leaves the rest of it', (part) => {
    const path = file()
    using mapping = mmapFile(path, 'r+', { prot: READ | WRITE, ...part })
    madvise(mapping, Madvise.REMOVE)
    const found = fs.readFileSync(path)
    const outside = (at: number) => at < part.offset || at >= part.offset + part.length
    const wrong = content.findIndex((byte, at) => outside(at) && byte !== found[at])
    expect({ size: found.length, firstWrongByte: wrong }).toEqual({ size, firstWrongByte: -1 })
  })

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

  it('refuses what it does not know, and hands on what the kernel refuses', () => {
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

describe('mremap', () => {
  const descriptors: number[] = []
  afterAll(() => {
    for (const fd of descriptors) fs.closeSync(fd)
  })

  function memfd(length: number): number {
    const fd = memfdCreate('posix-mmap-test')
    descriptors.push(fd)
    fs.ftruncateSync(fd, length)
    return fd
  }

  const shared = { prot: READ | WRITE, flags: SHARED }
  // Each of `length` bytes, over memory of eight pages where there is any.
  const movable: [string, (length: number) => Mapping][] = [
    [
      'a shared file',
      (length) => mmapFile(scratch.hole('movable', 8 * page), 'r+', { ...shared, length }),
    ],
    [
      'part of a shared file',
      (length) => mmapFile(scratch.hole('part', 8 * page), 'r+', { ...shared, length, offset: 3 }),
    ],
    ['a memfd', (length) => mmap({ length, ...shared, fd: memfd(8 * page) })],
    ['anonymous memory', (length) => mmap({ length, ...anonymousMemory })],
  ]
  const steps: [from: number, to: number][] = [
    [page, 2 * page],
    [page, 6 * page + 5],
    [1, page],
    [3 * page, page],
    [3 * page + 7, 10],
    [2 * page, 2 * page],
    [10, 11],
  ]

  it.each(movable.flatMap(([kind, make]) => steps.map(([from, to]) => ({ kind, make, from, to }))))(
    '$kind, $from to $to bytes: keeps the content and detaches what was given out',
    ({ make, from, to }) => {
      const before = liveRegions()
      const mapping = make(from)
      const bytes = pattern(from)
      mapping.write(0, bytes)
      const old = [mapping.bytes(), mapping.bytes(0, 1)]
      const { access, fileOffset, protection } = mapping
      mremap(mapping, to)
      expect(old.map((view) => view.length)).toEqual([0, 0])
      expect(mapping).toMatchObject({ byteLength: to, access, fileOffset, protection })
      expect(mapping.buffer.byteLength).toBe(to)
      const kept = Math.min(from, to)
      expect(mapping.read(0, kept).equals(bytes.subarray(0, kept))).toBe(true)
      // What is new is zero, here or in the file, and can be written to.
      expect(mapping.read(kept, to - kept).every((byte) => byte === 0)).toBe(true)
      mapping.bytes().fill(9)
      expect(mapping.read(0, to).every((byte) => byte === 9)).toBe(true)
      expect(mapping.fault).toBeNull()
      mapping.unmap()
      expect(liveRegions()).toBeLessThanOrEqual(before + old.length)
    },
  )

  it('takes bigints, and leaves the file alone', () => {
    const path = file()
    using mapping = mmapFile(path, 'r', { length: page })
    mremap(mapping, BigInt(size), MremapFlags.MAYMOVE)
    expect(everything(mapping).equals(content)).toBe(true)
    mremap(mapping, 8 * page)
    expect(mapping.read(0, size).equals(content)).toBe(true)
    expect(fs.readFileSync(path).equals(content)).toBe(true)
    // The mapping is longer than the file now.
    expect(mapping.bytes()[5 * page]).toBe(0)
    expect(mapping.fault).toEqual({ kind: 'truncated', offset: 5 * page, count: 1 })
  })

  it('shrinks shared anonymous memory', () => {
    using mapping = mmap({ length: 3 * page, ...shared, flags: SHARED | ANONYMOUS })
    mapping.bytes().set(pattern(3 * page))
    mremap(mapping, page)
    expect(everything(mapping).equals(pattern(page))).toBe(true)
  })

  it('grows anonymous memory again and again', () => {
    using mapping = mmap({ length: page, ...anonymousMemory })
    mapping.bytes().fill(1)
    for (let pages = 2; pages <= 20; pages++) {
      mremap(mapping, pages * page)
      mapping.bytes((pages - 1) * page).fill(pages)
    }
    for (let index = 0; index < 20; index++) {
      expect(mapping.bytes()[index * page]).toBe(index + 1)
    }
  })

  it('keeps the protection of memory that is alike', () => {
    for (const prot of [NONE, READ, READ | EXEC]) {
      using mapping = mmap({ length: page, ...anonymousMemory })
      mapping.bytes().fill(1)
      mprotect(mapping, prot)
      const [permissions] = permissionsOf(mapping)
      mremap(mapping, 2 * page)
      expect(permissionsOf(mapping)).toEqual([permissions, permissions])
    }
  })

  it('keeps the protection of each page', () => {
    using mapping = mmapFile(file(), 'r+', { ...shared, length: 3 * page })
    mprotect(mapping, READ, page, page)
    try {
      mremap(mapping, 3 * page)
    } catch (error) {
      // Or it says that it cannot.
      expect(error).toMatchObject({ code: 'EINVAL' })
    }
    expect(permissionsOf(mapping)).toEqual(['rw-s', 'r--s', 'rw-s'])
  })

  it('keeps the faults that nobody has cleared', () => {
    const path = file()
    using mapping = mapFile(path)
    fs.truncateSync(path, page)
    mapping.bytes()[page + 5]
    const fault = { kind: 'truncated', offset: page + 5, count: 1 }
    expect(mapping.fault).toEqual(fault)
    mremap(mapping, 2 * page)
    expect(mapping.fault).toEqual(fault)
    expect(() => mapping.check()).toThrow(expect.objectContaining({ fault }))
  })

  it('is EINVAL for a private file, for shared anonymous memory that would grow, and for nothing', () => {
    const einval = systemError('EINVAL', 'mremap')
    const refused: [Mapping, number][] = [
      [mmapFile(file(), 'r', { flags: PRIVATE, prot: READ | WRITE }), 2 * size],
      [mmapFile(file(), 'r', { flags: PRIVATE, prot: READ | WRITE }), page],
      [mmap({ length: page, ...shared, flags: SHARED | ANONYMOUS }), 2 * page],
      [mmap({ length: page, ...anonymousMemory }), 0],
      [mmapFile(file(), 'r'), 0],
      [mapAnonymous(0), page],
    ]
    for (const [mapping, length] of refused) {
      const view = mapping.bytes()
      const before = traces(scratch.directory)
      expect(() => mremap(mapping, length)).toThrow(einval as Error)
      expectNothingNew(before)
      expect(view.length).toBe(mapping.byteLength)
      mapping.unmap()
    }
  })

  it('is ENOMEM without MAYMOVE, and for more than there is', () => {
    using mapping = filledAnonymous()
    const view = mapping.bytes()
    const enomem = systemError('ENOMEM', 'mremap')
    expectThrown(() => mremap(mapping, page, 0), enomem)
    expectThrown(() => mremap(mapping, 2 ** 53 - 1), enomem)
    expectThrown(() => mremap(mapping, 2 ** 47), enomem)
    expect(view.length).toBe(size)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('refuses other flags and lengths that are none', () => {
    using mapping = filledAnonymous()
    expectThrown(() => mremap(mapping, page, 2), invalidValue)
    expectThrown(() => mremap(mapping, page, MremapFlags.MAYMOVE | 4), invalidValue)
    expectEachThrown((value) => mremap(mapping, page, value), noNumber, invalidType)
    expectEachThrown((value) => mremap(mapping, page, value), noInt32, outOfRange)
    expectEachThrown((value) => mremap(mapping, value), [undefined, ...noCount], invalidType)
    expectEachThrown((value) => mremap(mapping, value), noByteCount, outOfRange)
  })

  it('leaves no region after many cycles', async () => {
    const script = `
      import { setTimeout as delay } from 'node:timers/promises'
      import { MapFlags, memfdCreate, mmap, mremap, pageSize, Prot } from 'posix-mmap/posix'
      import fs from 'node:fs'
      import { native } from './dist/internals.js'
      const fd = memfdCreate('cycles')
      fs.ftruncateSync(fd, 64 * pageSize)
      const prot = Prot.READ | Prot.WRITE
      const { ANONYMOUS, PRIVATE, SHARED } = MapFlags
      const lines = () => fs.readFileSync('/proc/self/maps', 'utf8').split('\\n').length
      let most = 0
      const cycle = (mapping, cycles) => {
        for (let i = 1; i <= cycles; i++) {
          mremap(mapping, (1 + i * 7 % 64) * pageSize)
          if (mapping.bytes()[0] !== 42) throw new Error('the content is lost')
          if (i % 100 === 0) most = Math.max(most, native.regionCounts()[0])
        }
        mapping.unmap()
      }
      for (const options of [{ flags: SHARED, fd }, { flags: PRIVATE | ANONYMOUS }]) {
        const mapping = mmap({ length: pageSize, prot, ...options })
        mapping.bytes()[0] = 42
        cycle(mapping, 20_000)
      }
      for (let i = 0; i < 8; i++) { gc(); await delay(5) }
      console.log(JSON.stringify({ left: native.regionCounts(), most, lines: lines() }))`
    const seen = (await runForJson(script, '--expose-gc')) as Record<string, number>
    expect(seen['left']).toEqual([0, 0])
    // Far from the 65,530 that a process may have.
    expect(seen['most']).toBeLessThan(20_000)
    expect(seen['lines']).toBeLessThan(2000)
  })
})

describe('mlock and munlock', () => {
  it('take ranges, in whole pages', ({ skip }) => {
    if (limits().lockedBytes < size) skip(`needs a RLIMIT_MEMLOCK of ${size} bytes`)
    const before = lockedBytes()
    using mapping = filledAnonymous()
    const locked = () => (lockedBytes() - before) / page
    mlock(mapping, page - 1, 2n)
    expect(locked()).toBe(2)
    mlock(mapping)
    expect(locked()).toBe(4)
    munlock(mapping, BigInt(page), 1)
    expect(locked()).toBe(3)
    munlock(mapping)
    expect(locked()).toBe(0)
    mlock(mapping)
    munmap(mapping)
    expect(locked()).toBe(0)
  })
})

describe('mincore', () => {
  it('has a byte for each page that the range touches', () => {
    using mapping = mmap({ length: size, ...anonymousMemory })
    madvise(mapping, Madvise.NOHUGEPAGE)
    mapping.write(page, 'x')
    mapping.write(size - 1, 'x')
    expect(mincore(mapping)).toEqual(Uint8Array.of(0, 1, 0, 1))
    expect(mincore(mapping, page - 1, 2n)).toEqual(Uint8Array.of(0, 1))
    expect(mincore(mapping, BigInt(size))).toEqual(new Uint8Array(0))
  })
})

// What no name of anything can be.
const noName = [undefined, null, 1, true, {}, Buffer.from('name')]

describe('memfdCreate', () => {
  const fdFlags = (fd: number) => {
    const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
    return Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '', 8)
  }
  const cloexec = 0o2000000

  it.each<[string, number | undefined, boolean]>([
    ['without flags', undefined, true],
    ['with CLOEXEC', MemfdFlags.CLOEXEC, true],
    ['with 0', 0, false],
    ['with ALLOW_SEALING', MemfdFlags.ALLOW_SEALING, false],
  ])('%s', (_name, flags, closed) => {
    const fd = memfdCreate('posix-mmap ü', flags)
    try {
      expect(fs.readlinkSync(`/proc/self/fd/${fd}`)).toBe('/memfd:posix-mmap ü (deleted)')
      expect((fdFlags(fd) & cloexec) !== 0).toBe(closed)
      fs.ftruncateSync(fd, size)
      using mapping = mmap({ length: size, prot: READ | WRITE, flags: SHARED, fd })
      using again = mmap({ length: size, prot: READ, flags: SHARED, fd })
      mapping.bytes().set(content)
      expect(everything(again).equals(content)).toBe(true)
    } finally {
      fs.closeSync(fd)
    }
  })

  it.for<[string, number, number]>([
    ['NOEXEC_SEAL', MemfdFlags.NOEXEC_SEAL, 0o666],
    ['EXEC', MemfdFlags.EXEC, 0o777],
  ])('with %s', ([, flag, mode], { skip }) => {
    let fd: number
    try {
      fd = memfdCreate('posix-mmap', flag)
    } catch (error) {
      expect(error).toMatchObject({ code: expect.toBeOneOf(['EINVAL', 'EACCES']) })
      return skip('needs Linux 6.3 and vm.memfd_noexec below 2')
    }
    expect(fs.fstatSync(fd).mode & 0o777).toBe(mode)
    fs.closeSync(fd)
  })

  it('refuses names and flags that are none', () => {
    expectEachThrown((name) => memfdCreate(name), noName, invalidType)
    expectThrown(() => memfdCreate('a\0b'), invalidValue)
    expectEachThrown((flags) => memfdCreate('name', flags), noNumber, invalidType)
    expectEachThrown((flags) => memfdCreate('name', flags), noInt32, outOfRange)
    expectThrown(() => memfdCreate('n'.repeat(250)), systemError('EINVAL', 'memfd_create'))
    expectThrown(() => memfdCreate('name', 0x40000000), systemError('EINVAL', 'memfd_create'))
  })
})

describe('shmOpen and shmUnlink', () => {
  const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC } = fs.constants
  const create = O_CREAT | O_EXCL | O_RDWR
  let last = 0
  const fresh = () => `/posix-mmap-test-${process.pid}-${last++}`

  it('make, share and remove memory by its name', () => {
    const name = fresh()
    const before = openDescriptors()
    const fd = shmOpen(name, create)
    expect(fs.fstatSync(fd)).toMatchObject({ mode: 0o100600, size: 0 })
    fs.ftruncateSync(fd, size)
    using mapping = mmap({ length: size, prot: READ | WRITE, flags: SHARED, fd })
    mapping.bytes().set(content)
    expectThrown(() => shmOpen(name, create), systemError('EEXIST', 'shm_open', name))

    const again = shmOpen(name, O_RDONLY)
    shmUnlink(name)
    using reader = mmap({ length: size, prot: READ, flags: SHARED, fd: again })
    expect(everything(reader).equals(content)).toBe(true)
    const write = () => mmap({ length: size, prot: READ | WRITE, flags: SHARED, fd: again })
    expect(write).toThrow(systemError('EACCES', 'mmap') as Error)
    expectThrown(() => shmOpen(name, O_RDWR), systemError('ENOENT', 'shm_open', name))
    expectThrown(() => shmUnlink(name), systemError('ENOENT', 'shm_unlink', name))
    fs.closeSync(fd)
    fs.closeSync(again)
    expect(openDescriptors()).toBe(before)
  })

  it('with a mode, and with O_TRUNC', () => {
    const name = fresh()
    const fd = shmOpen(name, create, 0o640)
    try {
      expect(fs.fstatSync(fd).mode & 0o777).toBe(0o640 & ~process.umask())
      fs.ftruncateSync(fd, size)
      fs.closeSync(shmOpen(name, O_RDWR | O_TRUNC))
      expect(fs.fstatSync(fd).size).toBe(0)
    } finally {
      fs.closeSync(fd)
      shmUnlink(name)
    }
  })

  it('refuse names, flags and modes that are none', () => {
    const opens = (name: never) => shmOpen(name, create)
    expectEachThrown(opens, noName, invalidType)
    expectEachThrown((name) => shmUnlink(name), noName, invalidType)
    expectThrown(() => shmOpen('/a\0b', create), invalidValue)
    expectThrown(() => shmUnlink('/a\0b'), invalidValue)
    const name = fresh()
    expectEachThrown((flags) => shmOpen(name, flags), [undefined, ...noNumber], invalidType)
    expectEachThrown((flags) => shmOpen(name, flags), noInt32, outOfRange)
    expectEachThrown((mode) => shmOpen(name, create, mode), noNumber, invalidType)
    expectEachThrown((mode) => shmOpen(name, create, mode), noInt32, outOfRange)
  })

  it.each(['/a/b', '/', '', `/${'n'.repeat(256)}`])('hand on what libc refuses: %o', (name) => {
    // Which of them differs between C libraries.
    const code = expect.toBeOneOf(['EINVAL', 'ENAMETOOLONG', 'ENOENT', 'EISDIR'])
    const of = (syscall: string) => expect.objectContaining({ code, syscall, path: name })
    expectThrown(() => shmOpen(name, create), of('shm_open'))
    expectThrown(() => shmUnlink(name), of('shm_unlink'))
  })
})
