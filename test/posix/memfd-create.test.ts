// memfd_create(2)

import fs from 'node:fs'
import { MemfdFlags, memfdCreate, mmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, systemError } from '../support/errors.js'
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

  it('refuses values that are not names or flags', () => {
    expectEachThrown((name) => memfdCreate(name), noName, invalidType)
    expectThrown(() => memfdCreate('a\0b'), invalidValue)
    expectEachThrown((flags) => memfdCreate('name', flags), noNumber, invalidType)
    expectEachThrown((flags) => memfdCreate('name', flags), noInt32, outOfRange)
    expectThrown(() => memfdCreate('n'.repeat(250)), systemError('EINVAL', 'memfd_create'))
    expectThrown(() => memfdCreate('name', 0x40000000), systemError('EINVAL', 'memfd_create'))
  })
})
