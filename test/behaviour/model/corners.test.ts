// Accesses and calls whose outcome the model leaves open, one by one.

import fs from 'node:fs'
import { mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { thrownBy } from '../../support/errors.js'
import { pattern, scratchDirectory, withDescriptor } from '../../support/files.js'

const scratch = scratchDirectory()
const content = pattern(2 * pageSize)

describe('a store to a page that may only be read and that the file has lost', () => {
  const at = pageSize + 5

  it.each([
    ['with all pages alike', 0],
    ['next to a page without access', 1],
  ])('%s is one fault and says so', (_name, guarded) => {
    const file = scratch.file('lost', content)
    using mapping = mapFile(file)
    mapping.protect('none', 0, guarded)
    fs.truncateSync(file, pageSize)
    mapping.bytes()[at] = 7
    // Both kinds are true of the page; 'no-access' is not.
    const kind = expect.toBeOneOf(['truncated', 'read-only'])
    expect(mapping.fault).toEqual({ kind, offset: at, count: 1 })
    const seen = mapping.bytes()
    expect([seen[at - 1], seen[at], seen[at + 1]]).toEqual([0, 7, 0])
  })

  it.each([
    ['with all pages alike', 0],
    ['next to a page without access', 1],
  ])('%s is refused by write()', (_name, guarded) => {
    const file = scratch.file('refused', content)
    using mapping = mapFile(file)
    mapping.protect('none', 0, guarded)
    fs.truncateSync(file, pageSize)
    const kind = expect.toBeOneOf(['truncated', 'read-only'])
    const error = thrownBy(() => mapping.write(at, 'x'))
    expect(error).toMatchObject({ fault: { kind, offset: at, count: 1 } })
  })
})

describe('punchHole() on a page that was replaced', () => {
  it.each([
    ['all of it', 0, pageSize],
    ['a part of it', 10, 20],
    ['a part of it and the next', pageSize - 10, pageSize + 10],
  ])('%s: zeroes the file or throws', (_name, offset, length) => {
    const file = scratch.file('replaced', content)
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.protect('none', 0, pageSize)
    expect(mapping.bytes()[0]).toBe(0)
    mapping.protect('read-write')
    let refused = false
    try {
      mapping.punchHole(offset, length)
    } catch {
      refused = true
    }
    const range = fs.readFileSync(file).subarray(offset, offset + length)
    const wrong = refused ? -1 : range.findIndex((byte) => byte !== 0)
    expect({ refused, firstByteThatIsNotZero: wrong }).toMatchObject({ firstByteThatIsNotZero: -1 })
  })
})

describe('an untouched private page', () => {
  it('shows the file also after many faults in its neighbour', () => {
    const file = scratch.file('neighbour', content)
    using mapping = mapFile(file, { access: 'copy-on-write' })
    const view = mapping.bytes()
    // After 64 faults a repair may replace the next page as well.
    for (let i = 0; i < 70; i++) {
      mapping.protect('read', 0, pageSize)
      view[0] = i
    }
    expect(mapping.fault?.count).toBe(70)
    withDescriptor(file, 'r+', (fd) => fs.writeSync(fd, 'new', pageSize))
    expect(Buffer.from(view.subarray(pageSize, pageSize + 3)).toString()).toBe('new')
  })
})
