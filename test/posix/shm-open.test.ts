// shm_open(3) and shm_unlink(3)

import fs from 'node:fs'
import { mmap, shmOpen, shmUnlink } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, systemError } from '../support/errors.js'
import { openDescriptors } from '../support/kernel-view.js'
import { everything } from '../support/mappings.js'
import {
  content,
  expectEachThrown,
  expectThrown,
  noInt32,
  noName,
  noNumber,
  READ,
  SHARED,
  size,
  WRITE,
} from './fixture.js'

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

  it('refuse values that are not names, flags or modes', () => {
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

  it.each(['/a/b', '/', '', `/${'n'.repeat(256)}`])('pass errors of libc on: %o', (name) => {
    // The error differs between C libraries.
    const code = expect.toBeOneOf(['EINVAL', 'ENAMETOOLONG', 'ENOENT', 'EISDIR'])
    const of = (syscall: string) => expect.objectContaining({ code, syscall, path: name })
    expectThrown(() => shmOpen(name, create), of('shm_open'))
    expectThrown(() => shmUnlink(name), of('shm_unlink'))
  })
})
