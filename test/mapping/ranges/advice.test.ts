import os from 'node:os'
import {
  type Advice,
  adviceSupported,
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
} from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { type Errno, invalidValue, systemError, thrownBy } from '../../support/errors.js'
import { pattern, scratchDirectory } from '../../support/files.js'
import { permissionsOf, smapsOf } from '../../support/kernel-view.js'
import { accesses } from '../../support/mappings.js'

const scratch = scratchDirectory()
const size = 3 * pageSize + 100
const content = pattern(size)

// A new value of Advice is a type error here until this list, and so the tests, have it.
const advices = Object.keys({
  normal: true,
  random: true,
  sequential: true,
  willneed: true,
  cold: true,
  pageout: true,
  hugepage: true,
  nohugepage: true,
  collapse: true,
  mergeable: true,
  unmergeable: true,
  dontfork: true,
  dofork: true,
  dontdump: true,
  dodump: true,
  wipeonfork: true,
  keeponfork: true,
  'populate-read': true,
  'populate-write': true,
} satisfies Record<Advice, true>) as Advice[]

// The advice that every kernel accepts for all kinds of memory in this test; madvise(2).
const always: Advice[] = [
  'normal',
  'random',
  'sequential',
  'willneed',
  'cold',
  'pageout',
  'dontfork',
  'dofork',
  'dontdump',
  'dodump',
]

const kinds: [string, () => Mapping][] = [
  ...accesses.map((access): [string, () => Mapping] => [
    access,
    () => mapFile(scratch.file(`sample-${access}`, content), { access }),
  ]),
  [
    'anonymous',
    () => {
      const mapping = mapAnonymous(size)
      mapping.write(0, content)
      return mapping
    },
  ],
]

const kernel = os.release().split(/[.-]/, 2).map(Number) as [number, number]

describe.each(kinds)('%s memory', (_kind, make) => {
  it.each(advices)('%s works or is refused, and keeps the data', (advice) => {
    using mapping = make()
    const permissions = permissionsOf(mapping)
    let refusal: unknown
    try {
      mapping.advise(advice)
    } catch (error) {
      refusal = error
    }
    if (!adviceSupported(advice)) {
      expect(refusal).toEqual(systemError('EINVAL', 'madvise'))
    } else if (always.includes(advice)) {
      expect(refusal).toBeUndefined()
    } else if (refusal !== undefined) {
      const { code } = refusal as { code: Errno }
      expect(code).toBeOneOf(['EINVAL', 'EFAULT', 'EAGAIN', 'EBUSY', 'ENOMEM', 'EACCES'])
      expect(refusal).toEqual(systemError(code, 'madvise', mapping.path ?? undefined))
    }
    expect(mapping.read(0, size).equals(content)).toBe(true)
    expect(permissionsOf(mapping)).toEqual(permissions)
    expect(mapping.fault).toBeNull()
  })

  it.each<[Advice, string, Advice]>([
    ['random', 'rr', 'normal'],
    ['sequential', 'sr', 'normal'],
    ['dontfork', 'dc', 'dofork'],
    ['dontdump', 'dd', 'dodump'],
  ])('%s sets the flag %s, %s clears it', (advice, flag, opposite) => {
    using mapping = make()
    expect(smapsOf(mapping).flags).not.toContain(flag)
    mapping.advise(advice)
    expect(smapsOf(mapping).flags).toContain(flag)
    mapping.advise(opposite)
    expect(smapsOf(mapping).flags).not.toContain(flag)
  })
})

it.for<[Advice, string, Advice]>([
  ['hugepage', 'hg', 'nohugepage'],
  ['nohugepage', 'nh', 'hugepage'],
  ['mergeable', 'mg', 'unmergeable'],
  ['wipeonfork', 'wf', 'keeponfork'],
])('%s sets the flag %s of anonymous memory, %s clears it', (row, { skip }) => {
  const [advice, flag, opposite] = row
  if (!adviceSupported(advice)) skip(`needs a kernel that knows ${advice}`)
  using mapping = mapAnonymous(size)
  mapping.advise(advice)
  expect(smapsOf(mapping).flags).toContain(flag)
  mapping.advise(opposite)
  expect(smapsOf(mapping).flags).not.toContain(flag)
})

it.each<[Parameters<Mapping['advise']>, number]>([
  [['dontdump'], 4],
  [['dontdump', 0, 1], 1],
  [['dontdump', 0, pageSize + 1], 2],
  [['dontdump', 0n, BigInt(3 * pageSize)], 3],
])('%o holds for %i pages', (args, pages) => {
  using mapping = mapFile(scratch.file('sample', content))
  mapping.advise(...args)
  const { flags, bytes } = smapsOf(mapping)
  expect(flags).toContain('dd')
  expect(bytes('Size')).toBe(pages * pageSize)
})

it.each(['populate-read', 'populate-write'] as const)('%s brings pages in', (advice) => {
  using mapping = mapFile(scratch.hole('hole', 8 * pageSize), { access: 'read-write' })
  expect(mapping.residency().resident).toBe(0)
  mapping.advise(advice, 2 * pageSize, 3 * pageSize)
  expect([...mapping.residency(2 * pageSize, 3 * pageSize).vector]).toEqual([1, 1, 1])
})

it('advice that the kernel refuses is an error that names the file', () => {
  const file = scratch.file('sample', content)
  using mapping = mapFile(file)
  const error = thrownBy(() => mapping.advise('wipeonfork'))
  expect(error).toEqual(systemError('EINVAL', 'madvise', file))
})

describe('adviceSupported', () => {
  it.each(advices)('%s', (advice) => {
    expect(adviceSupported(advice)).toBeTypeOf('boolean')
  })

  it.each(always)('%s: every kernel has it', (advice) => {
    expect(adviceSupported(advice)).toBe(true)
  })

  it.each<[Advice, number, number]>([
    ['populate-read', 5, 14],
    ['populate-write', 5, 14],
  ])('%s: since Linux %i.%i', (advice, major, minor) => {
    const since = kernel[0] > major || (kernel[0] === major && kernel[1] >= minor)
    expect(adviceSupported(advice)).toBe(since)
  })

  it.each(['dontneed', 'free', 'remove', 'hwpoison', 'toString', ''])('refuses %j', (name) => {
    expect(() => adviceSupported(name as Advice)).toThrow(invalidValue)
    using mapping = mapAnonymous(pageSize)
    expect(() => mapping.advise(name as Advice)).toThrow(invalidValue)
  })
})
