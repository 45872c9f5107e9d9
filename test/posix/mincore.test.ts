// mincore(2)

import { Madvise, madvise, mincore, mmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { anonymousMemory, page, size } from './fixture.js'

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
