// msync(2)

import { limits } from 'posix-mmap'
import { MsyncFlags, mlock, msync } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, outOfRange, systemError } from '../support/errors.js'
import { isOnDisk, noDisk } from '../support/files.js'
import { dirtyBytes } from '../support/kernel-view.js'
import {
  expectEachThrown,
  file,
  mmapFile,
  noInt32,
  noNumber,
  page,
  READ,
  scratch,
  size,
  WRITE,
} from './fixture.js'

describe('msync', () => {
  it('SYNC leaves nothing to be written', ({ skip }) => {
    if (!isOnDisk(scratch)) skip(noDisk)
    using mapping = mmapFile(file(), 'r+', { prot: READ | WRITE })
    msync(mapping, MsyncFlags.SYNC)
    mapping.bytes().fill(1)
    expect(dirtyBytes(mapping)).toBe(4 * page)
    msync(mapping, MsyncFlags.SYNC | MsyncFlags.INVALIDATE, BigInt(page), BigInt(page))
    expect(dirtyBytes(mapping)).toBeLessThanOrEqual(3 * page)
    msync(mapping, MsyncFlags.ASYNC)
    msync(mapping, MsyncFlags.SYNC)
    expect(dirtyBytes(mapping)).toBe(0)
  })

  it('passes errors of the kernel on', ({ skip }) => {
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
