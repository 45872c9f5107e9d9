// Calls on one mapping between two others in the address space: none may change a page of the others.

import fs from 'node:fs'
import {
  limits,
  type MapFileOptions,
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
} from 'posix-mmap'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../../support/files.js'
import {
  guardPagesSupported,
  permissionsOf,
  smaps,
  threeInARow,
} from '../../support/kernel-view.js'

const scratch = scratchDirectory()
const page = pageSize
const size = 2 * page + 100

// Ranges that start or end where rounding in the wrong direction would reach another mapping.
const ranges: [offset: number, length: number][] = [
  [0, size],
  [1, size - 1],
  [0, size - 1],
  [page, size - page],
  [0, 1],
  [size - 1, 1],
  [size, 0],
]

interface Call {
  name: string
  call(mapping: Mapping, offset: number, length: number): void
}

const harmless: Call[] = [
  { name: 'protect none', call: (mapping, ...range) => mapping.protect('none', ...range) },
  { name: 'protect read', call: (mapping, ...range) => mapping.protect('read', ...range) },
  { name: 'advise cold', call: (mapping, ...range) => mapping.advise('cold', ...range) },
  { name: 'advise pageout', call: (mapping, ...range) => mapping.advise('pageout', ...range) },
  { name: 'advise dontfork', call: (mapping, ...range) => mapping.advise('dontfork', ...range) },
  { name: 'flushSync', call: (mapping, offset, length) => mapping.flushSync({ offset, length }) },
  { name: 'lockSync', call: (mapping, offset, length) => mapping.lockSync({ offset, length }) },
  { name: 'unlock', call: (mapping, ...range) => mapping.unlock(...range) },
  {
    name: 'populateSync',
    call: (mapping, offset, length) => mapping.populateSync({ offset, length, write: true }),
  },
]
const discard: Call = { name: 'discard', call: (mapping, ...range) => mapping.discard(...range) }
const punch: Call = { name: 'punchHole', call: (mapping, ...range) => mapping.punchHole(...range) }
const guard: Call = {
  name: 'installGuard',
  call: (mapping, ...range) => mapping.installGuard(...range),
}

function anonymous(index: number): Mapping {
  const mapping = mapAnonymous(size)
  mapping.write(0, pattern(size, index))
  return mapping
}

/** Gives a function that maps a new file for each index. */
function ofFiles(name: string, options: MapFileOptions): (index: number) => Mapping {
  const whole = size + Number(options.offset ?? 0)
  return (index) => mapFile(scratch.file(`${name}-${index}`, pattern(whole, index)), options)
}

const privately: MapFileOptions = { access: 'copy-on-write' }
const shared: MapFileOptions = { access: 'read-write' }
const unaligned: MapFileOptions = { access: 'read-write', offset: page - 3 }
const kinds = [
  { kind: 'anonymous', make: anonymous, calls: [...harmless, discard, guard] },
  { kind: 'copy-on-write', make: ofFiles('cow', privately), calls: [...harmless, discard] },
  { kind: 'read-write', make: ofFiles('shared', shared), calls: [...harmless, punch] },
  { kind: 'unaligned', make: ofFiles('unaligned', unaligned), calls: [...harmless, punch] },
]

describe.each(kinds)('$kind', ({ make, calls }) => {
  let low: Mapping
  let middle: Mapping
  let high: Mapping

  beforeAll(() => {
    ;[low, middle, high] = threeInARow(make)
  })

  afterAll(() => {
    for (const mapping of [low, middle, high]) mapping.unmap()
  })

  function neighbours() {
    const details = smaps()
    return [low, high].map((mapping) => ({
      bytes: mapping.read(0, size).toString('latin1'),
      file: mapping.path === null ? null : fs.readFileSync(mapping.path, 'latin1'),
      permissions: permissionsOf(mapping),
      // 'gu' is a flag of the whole VMA, which the kernel may have merged from several mappings.
      flags: details(mapping).flags.filter((flag) => flag !== 'gu'),
      fault: mapping.fault,
    }))
  }

  /** Undoes what a call did to the mapping in the middle. */
  function restore(bytes: Uint8Array) {
    middle.protect('read-write')
    middle.advise('dofork')
    middle.unlock()
    if (guardPagesSupported) middle.removeGuard(0, size)
    middle.write(0, bytes)
  }

  it.for(calls)('$name', ({ name, call }, { skip }) => {
    if (name === 'lockSync' && limits().lockedBytes < size) skip(`needs RLIMIT_MEMLOCK ${size}`)
    if (name === 'installGuard' && !guardPagesSupported) skip('needs guard pages, Linux 6.13')
    const before = neighbours()
    const bytes = middle.read(0, size)
    for (const [offset, length] of ranges) {
      call(middle, offset, length)
      expect(neighbours()).toEqual(before)
      restore(bytes)
    }
  })

  it('unmap', () => {
    const before = neighbours()
    expect(middle.buffer.byteLength).toBe(size)
    middle.unmap()
    expect(neighbours()).toEqual(before)
  })
})
