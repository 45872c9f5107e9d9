// mmap(2): arguments that the package or the kernel refuses.

import { MapFlags, mmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, systemError, untyped } from '../support/errors.js'
import {
  ANONYMOUS,
  anonymousMemory,
  expectEachThrown,
  expectThrown,
  file,
  mmapFile,
  noByteCount,
  noCount,
  noInt32,
  noNumber,
  page,
  READ,
  SHARED,
  SHARED_VALIDATE,
  scratch,
  WRITE,
} from './fixture.js'

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

  it('bits of prot that are not in Prot', () => {
    for (const bit of [8, 0x1000000, 0x2000000]) {
      expectThrown(() => given('prot', READ | bit), invalidValue)
    }
  })

  it('values that are not options', () => {
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
  it.each(rows)('bad values of %s', (option, types, values, others) => {
    expectEachThrown((value) => given(option, value, others), types, invalidType)
    expectEachThrown((value) => given(option, value, others), values, outOfRange)
  })

  it('requests that the kernel refuses', () => {
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

  it('SYNC for a file that is not on persistent memory', () => {
    const call = () => mmapFile(file(), 'r+', { flags: SHARED_VALIDATE | MapFlags.SYNC })
    // ENOTSUP and EOPNOTSUPP are the same number on Linux.
    expectThrown(call, expect.objectContaining({ errno: -95, syscall: 'mmap' }))
  })
})
