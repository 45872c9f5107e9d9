// The exports of posix-mmap/posix, and the numbers of its flags.

import * as main from 'posix-mmap'
import { mapAnonymous } from 'posix-mmap'
import * as posix from 'posix-mmap/posix'
import {
  Madvise,
  MapFlags,
  MemfdFlags,
  MremapFlags,
  MsyncFlags,
  mmap,
  munmap,
  Prot,
  Seals,
} from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { native } from '../../dist/internals.js'
import { anonymousMemory } from './fixture.js'

describe('the exports', () => {
  it('are these', () => {
    expect(Object.keys(posix).sort()).toEqual(
      [
        ...['Madvise', 'MapFlags', 'Mapping', 'MemfdFlags', 'MremapFlags', 'MsyncFlags', 'Prot'],
        ...['Seals', 'addSeals', 'getSeals'],
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
    ['F_SEAL_', Seals],
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

  it('have the numbers of include/uapi where the headers may be too old', () => {
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
