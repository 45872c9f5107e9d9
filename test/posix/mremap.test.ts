// mremap(2)

import fs from 'node:fs'
import { type Mapping, mapAnonymous, mapFile } from 'posix-mmap'
import { MremapFlags, memfdCreate, mmap, mprotect, mremap } from 'posix-mmap/posix'
import { afterAll, describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, systemError } from '../support/errors.js'
import { pattern } from '../support/files.js'
import { permissionsOf } from '../support/kernel-view.js'
import { everything } from '../support/mappings.js'
import { runForJson } from '../support/processes.js'
import { expectNothingNew, liveRegions, traces } from '../support/traces.js'
import {
  ANONYMOUS,
  anonymousMemory,
  content,
  EXEC,
  expectEachThrown,
  expectThrown,
  file,
  filledAnonymous,
  mmapFile,
  NONE,
  noByteCount,
  noCount,
  noInt32,
  noNumber,
  PRIVATE,
  page,
  READ,
  SHARED,
  scratch,
  size,
  WRITE,
} from './fixture.js'

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
  // Each makes a mapping of `length` bytes; the files have eight pages.
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
    '$kind, $from to $to bytes: keeps the content and detaches earlier views',
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
      // New bytes are zero, or those of the file, and can be written to.
      expect(mapping.read(kept, to - kept).every((byte) => byte === 0)).toBe(true)
      mapping.bytes().fill(9)
      expect(mapping.read(0, to).every((byte) => byte === 9)).toBe(true)
      expect(mapping.fault).toBeNull()
      mapping.unmap()
      expect(liveRegions()).toBeLessThanOrEqual(before + old.length)
    },
  )

  it('accepts bigints, and does not change the file', () => {
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

  it('keeps the protection if all pages have the same', () => {
    for (const prot of [NONE, READ, READ | EXEC]) {
      using mapping = mmap({ length: page, ...anonymousMemory })
      mapping.bytes().fill(1)
      mprotect(mapping, prot)
      const [permissions] = permissionsOf(mapping)
      mremap(mapping, 2 * page)
      expect(permissionsOf(mapping)).toEqual([permissions, permissions])
    }
  })

  it('keeps the protection of each page, or is EINVAL', () => {
    using mapping = mmapFile(file(), 'r+', { ...shared, length: 3 * page })
    mprotect(mapping, READ, page, page)
    try {
      mremap(mapping, 3 * page)
    } catch (error) {
      // The only error: the kernel cannot move pages with different protections together.
      expect(error).toMatchObject({ code: 'EINVAL' })
    }
    expect(permissionsOf(mapping)).toEqual(['rw-s', 'r--s', 'rw-s'])
  })

  it('keeps faults that were not cleared', () => {
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

  it('is EINVAL for a private file, for growing shared anonymous memory, and for a length of 0', () => {
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

  it('is ENOMEM without MAYMOVE, and for more than the system has', () => {
    using mapping = filledAnonymous()
    const view = mapping.bytes()
    const enomem = systemError('ENOMEM', 'mremap')
    expectThrown(() => mremap(mapping, page, 0), enomem)
    expectThrown(() => mremap(mapping, 2 ** 53 - 1), enomem)
    expectThrown(() => mremap(mapping, 2 ** 47), enomem)
    expect(view.length).toBe(size)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('refuses other flags, and values that are not a length', () => {
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
    // Far below the 65,530 kernel mappings that a process may have.
    expect(seen['most']).toBeLessThan(20_000)
    expect(seen['lines']).toBeLessThan(2000)
  })
})
