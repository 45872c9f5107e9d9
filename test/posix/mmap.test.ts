// mmap(2): the memory that it maps, and the properties of the mapping.

import fs from 'node:fs'
import { type Access, limits, type Protection } from 'posix-mmap'
import { addressOf, MapFlags, mincore, mmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { readFile, withDescriptor } from '../support/files.js'
import { permissionsOf, smapsOf } from '../support/kernel-view.js'
import { everything } from '../support/mappings.js'
import { runForJson } from '../support/processes.js'
import {
  ANONYMOUS,
  anonymousMemory,
  content,
  EXEC,
  file,
  mmapFile,
  NONE,
  PRIVATE,
  page,
  READ,
  SHARED,
  SHARED_VALIDATE,
  size,
  WRITE,
} from './fixture.js'

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

  it('accepts bigints, and an offset that is not page aligned', () => {
    using mapping = mmapFile(file(), 'r', { length: BigInt(page), offset: BigInt(page - 3) })
    expect(mapping).toMatchObject({ byteLength: page, fileOffset: page - 3 })
    expect(everything(mapping).equals(content.subarray(page - 3, 2 * page - 3))).toBe(true)
    expect(addressOf(mapping) % BigInt(page)).toBe(BigInt(page - 3))
  })

  it('needs no descriptor with ANONYMOUS, and ignores one', () => {
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

  it('past the end of a file gives a fault and not a signal', async () => {
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
