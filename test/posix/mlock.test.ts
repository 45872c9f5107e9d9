// mlock(2) and munlock(2)

import { limits } from 'posix-mmap'
import { mlock, munlock, munmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { lockedBytes } from '../support/kernel-view.js'
import { filledAnonymous, page, size } from './fixture.js'

describe('mlock and munlock', () => {
  it('act on whole pages of a range', ({ skip }) => {
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
