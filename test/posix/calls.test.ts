// Arguments that every call on a mapping refuses, and munmap(2).

import type { Mapping } from 'posix-mmap'
import * as main from 'posix-mmap'
import {
  addressOf,
  Madvise,
  MsyncFlags,
  madvise,
  mincore,
  mlock,
  mmap,
  mprotect,
  mremap,
  msync,
  munlock,
  munmap,
} from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, mappingClosed, outOfRange, untyped } from '../support/errors.js'
import { permissionsOf } from '../support/kernel-view.js'
import { expectNothingNew, traces } from '../support/traces.js'
import {
  anonymousMemory,
  expectEachThrown,
  file,
  filledAnonymous,
  mmapFile,
  noCount,
  READ,
  scratch,
  size,
} from './fixture.js'

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

  it.each([...calls, ...others])('%s needs an open mapping', (_name, call) => {
    expectEachThrown(call, notMappings, invalidType)
    // To instanceof this object is a mapping.
    expect(() => call(Object.create(main.Mapping.prototype))).toThrow(TypeError)
    const closed = mmap({ length: 1, ...anonymousMemory })
    closed.unmap()
    expect(() => call(closed)).toThrow(mappingClosed as Error)
  })

  it.each(calls)('%s needs a range inside the mapping', (_name, call) => {
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
