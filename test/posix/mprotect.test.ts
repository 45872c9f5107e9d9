// mprotect(2)

import type { Protection } from 'posix-mmap'
import { mprotect } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, systemError } from '../support/errors.js'
import { permissionsOf } from '../support/kernel-view.js'
import { everything } from '../support/mappings.js'
import {
  content,
  EXEC,
  expectEachThrown,
  file,
  filledAnonymous,
  mmapFile,
  NONE,
  noInt32,
  noNumber,
  page,
  READ,
  size,
  WRITE,
} from './fixture.js'

describe('mprotect', () => {
  it.each<[number, string, Protection]>([
    [NONE, '---p', 'none'],
    [READ, 'r--p', 'read'],
    [WRITE, '-w-p', 'read-write'],
    [EXEC, '--xp', 'read'],
    [READ | EXEC, 'r-xp', 'read'],
    [READ | WRITE | EXEC, 'rwxp', 'read-write'],
  ])('%i for the whole mapping', (prot, permissions, protection) => {
    using mapping = filledAnonymous()
    mprotect(mapping, prot)
    expect(permissionsOf(mapping)).toEqual(Array(4).fill(permissions))
    expect(mapping.protection).toBe(protection)
    mprotect(mapping, READ | WRITE)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('acts on every page that the range touches', () => {
    using mapping = filledAnonymous()
    mprotect(mapping, READ | EXEC, page - 1, 2n)
    expect(permissionsOf(mapping)).toEqual(['r-xp', 'r-xp', 'rw-p', 'rw-p'])
    expect(mapping.protection).toBe('read-write')
    mprotect(mapping, NONE, BigInt(size - 1))
    expect(permissionsOf(mapping)).toEqual(['r-xp', 'r-xp', 'rw-p', '---p'])
  })

  it('refuses unknown bits, and access that the file does not allow', () => {
    using mapping = mmapFile(file(), 'r')
    expect(() => mprotect(mapping, READ | 8)).toThrow(invalidValue as Error)
    expect(() => mprotect(mapping, 0x01000000)).toThrow(invalidValue as Error)
    expectEachThrown((value) => mprotect(mapping, value), noNumber, invalidType)
    expectEachThrown((value) => mprotect(mapping, value), noInt32, outOfRange)
    expect(() => mprotect(mapping, WRITE)).toThrow(systemError('EACCES', 'mprotect') as Error)
    expect(mapping.protection).toBe('read')
    expect(permissionsOf(mapping)).toEqual(Array(4).fill('r--s'))
  })
})
