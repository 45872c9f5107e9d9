// mmap(2) with an address: it never replaces existing mappings.

import { addressOf, mmap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { systemError } from '../support/errors.js'
import { maps } from '../support/kernel-view.js'
import { everything } from '../support/mappings.js'
import { runForJson } from '../support/processes.js'
import {
  ANONYMOUS,
  anonymousMemory,
  content,
  expectThrown,
  FIXED,
  FIXED_NOREPLACE,
  file,
  filledAnonymous,
  mmapFile,
  NONE,
  PRIVATE,
  page,
  READ,
  SHARED,
} from './fixture.js'

describe('mmap at an address', () => {
  /** The address of three pages at which nothing is mapped. */
  function freeAddress(): bigint {
    using mapping = mmap({ length: 3 * page, prot: NONE, flags: PRIVATE | ANONYMOUS })
    return addressOf(mapping)
  }

  function libc(): bigint {
    const area = maps().find(({ path }) => /libc\.|libc\.so|ld-musl/.test(path))
    if (area === undefined) throw new Error('no libc in /proc/self/maps')
    return area.start
  }

  const fixed: [string, number][] = [
    ['FIXED', FIXED],
    ['FIXED_NOREPLACE', FIXED_NOREPLACE],
    ['both', FIXED | FIXED_NOREPLACE],
  ]

  it.each(fixed)('%s: EEXIST over a mapping of the package, which stays', (_name, flag) => {
    using mapping = filledAnonymous()
    const start = addressOf(mapping)
    for (const [first, pages] of [
      [0, 1],
      [1, 2],
      [3, 2],
      [-1, 2],
      [-1, 6],
    ] as const) {
      const addr = start + BigInt(first * page)
      const flags = anonymousMemory.flags | flag
      const call = () => mmap({ length: pages * page, prot: READ, flags, addr })
      expectThrown(call, systemError('EEXIST', 'mmap'), `${pages} pages at page ${first}`)
    }
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it.each(fixed)('%s: EEXIST over memory of others', (_name, flag) => {
    const addr = libc()
    const before = maps().filter(({ start }) => start === addr)
    const flags = anonymousMemory.flags | flag
    const call = () => mmap({ length: page, prot: READ, flags, addr })
    expectThrown(call, systemError('EEXIST', 'mmap'))
    expectThrown(
      () => mmapFile(file(), 'r', { flags: SHARED | flag, addr }),
      systemError('EEXIST', 'mmap'),
    )
    expect(maps().filter(({ start }) => start === addr)).toEqual(before)
  })

  it.each(fixed)('%s: maps at a free address', (_name, flag) => {
    const addr = freeAddress()
    using mapping = mmap({
      ...anonymousMemory,
      length: page,
      flags: anonymousMemory.flags | flag,
      addr,
    })
    expect(addressOf(mapping)).toBe(addr)
    using next = mmapFile(file(), 'r', {
      length: page,
      flags: SHARED | flag,
      addr: Number(addr) + page,
      offset: 10,
    })
    // The page that holds the first byte lies at the address.
    expect(addressOf(next)).toBe(addr + BigInt(page + 10))
    expect(everything(next).equals(content.subarray(10, page + 10))).toBe(true)
  })

  it.each(fixed)('%s: EINVAL for an address inside a page', (_name, flag) => {
    const addr = freeAddress() + 1n
    const flags = anonymousMemory.flags | flag
    const call = () => mmap({ length: page, prot: READ, flags, addr })
    expectThrown(call, systemError('EINVAL', 'mmap'))
  })

  it.each(fixed)('%s: needs an address', async (_name, flag) => {
    // Root may map the first page, whose address is a null pointer to JavaScript engines.
    const script = `
      import { mmap, Prot } from 'posix-mmap/posix'
      let code
      try {
        mmap({ length: 1, prot: Prot.READ, flags: ${anonymousMemory.flags | flag} }).bytes()
      } catch (error) {
        code = error.code
      }
      console.log(JSON.stringify([code]))`
    expect(await runForJson(script)).toEqual([expect.any(String)])
  })

  it('without these flags the address is only a hint', () => {
    const addr = freeAddress()
    using granted = mmap({ length: page, ...anonymousMemory, addr })
    expect(addressOf(granted)).toBe(addr)
    using elsewhere = mmap({ length: page, ...anonymousMemory, addr })
    expect(addressOf(elsewhere)).not.toBe(addr)
    using far = mmap({ length: page, ...anonymousMemory, addr: 2n ** 64n - 1n })
    far.write(0, 'usable')
    granted.write(0, 'usable')
  })
})
