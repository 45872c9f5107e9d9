// Calls on one mapping, next to others in the address space: no page of theirs may notice.

import fs from 'node:fs'
import {
  limits,
  type MapFileOptions,
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
} from 'posix-mmap'
import { afterAll, describe, expect, it } from 'vitest'
import { pattern, permissionsOf, scratchDirectory, smaps, threeInARow } from './support/harness.js'

const scratch = scratchDirectory()
const page = pageSize
const size = 2 * page + 100

// Each range ends or starts where rounding the wrong way would reach another mapping.
const ranges: [string, (length: number) => [offset: number, length: number]][] = [
  ['everything', (length) => [0, length]],
  ['up to the end', (length) => [1, length - 1]],
  ['all but the last byte', (length) => [0, length - 1]],
  ['from the second page', (length) => [page, length - page]],
  ['the first byte', () => [0, 1]],
  ['the last byte', (length) => [length - 1, 1]],
  ['nothing at the end', (length) => [length, 0]],
]

const calls: [string, (mapping: Mapping, offset: number, length: number) => void][] = [
  ['protect none', (mapping, ...range) => mapping.protect('none', ...range)],
  ['protect read', (mapping, ...range) => mapping.protect('read', ...range)],
  ['advise cold', (mapping, ...range) => mapping.advise('cold', ...range)],
  ['advise pageout', (mapping, ...range) => mapping.advise('pageout', ...range)],
  ['advise dontfork', (mapping, ...range) => mapping.advise('dontfork', ...range)],
  ['flushSync', (mapping, offset, length) => mapping.flushSync({ offset, length })],
  ['lockSync', (mapping, offset, length) => mapping.lockSync({ offset, length })],
  [
    'populateSync',
    (mapping, offset, length) => mapping.populateSync({ offset, length, write: true }),
  ],
]
const discard: (typeof calls)[number] = [
  'discard',
  (mapping, ...range) => mapping.discard(...range),
]
const punch: (typeof calls)[number] = [
  'punchHole',
  (mapping, ...range) => mapping.punchHole(...range),
]

interface Kind {
  kind: string
  make: (index: number) => Mapping
  calls: typeof calls
}

function files(options: MapFileOptions, kind: string): Kind['make'] {
  return (index) => {
    const start = options.offset === undefined ? 0 : Number(options.offset)
    return mapFile(scratch.file(`${kind}-${index}`, pattern(start + size, index)), options)
  }
}

function anonymous(index: number): Mapping {
  const mapping = mapAnonymous(size)
  mapping.write(0, pattern(size, index))
  return mapping
}

const offset = page - 3
const kinds: Kind[] = [
  { kind: 'anonymous', make: anonymous, calls: [...calls, discard] },
  {
    kind: 'copy-on-write',
    make: files({ access: 'copy-on-write' }, 'private'),
    calls: [...calls, discard],
  },
  {
    kind: 'read-write',
    make: files({ access: 'read-write' }, 'shared'),
    calls: [...calls, punch],
  },
  {
    kind: 'read-write, unaligned',
    make: files({ access: 'read-write', offset }, 'unaligned'),
    calls: [...calls, punch],
  },
]

describe.each(kinds)('$kind', ({ make, calls: callsOfKind }) => {
  const [low, middle, high] = threeInARow(make)
  afterAll(() => {
    for (const mapping of [low, middle, high]) mapping.unmap()
  })

  function neighbours() {
    const details = smaps()
    return [low, high].map((mapping) => ({
      bytes: mapping.read(0, mapping.byteLength).toString('latin1'),
      file: mapping.path === null ? null : fs.readFileSync(mapping.path, 'latin1'),
      permissions: permissionsOf(mapping),
      flags: details(mapping).flags,
      fault: mapping.fault,
    }))
  }

  /** Undoes what a call did to the one in the middle. */
  function restore(bytes: Uint8Array) {
    middle.protect('read-write')
    middle.advise('dofork')
    middle.unlock()
    middle.write(0, bytes)
  }

  it.each(callsOfKind)('%s', (name, call) => {
    if (name === 'lockSync') expect(limits().lockedBytes).toBeGreaterThanOrEqual(4 * page)
    const before = neighbours()
    const bytes = middle.read(0, size)
    for (const [, range] of ranges) {
      call(middle, ...range(middle.byteLength))
      expect(neighbours()).toEqual(before)
      restore(bytes)
    }
  })

  it('unmap', () => {
    const before = neighbours()
    expect(middle.buffer.byteLength).toBe(middle.byteLength)
    middle.unmap()
    expect(neighbours()).toEqual(before)
  })
})
