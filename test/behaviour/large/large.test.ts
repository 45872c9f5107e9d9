// Mappings of up to a tebibyte, which are larger than an ArrayBuffer and need offsets of more than
// 32 bits.

import fs from 'node:fs'
import {
  type Advice,
  adviceSupported,
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
} from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { adviceNames } from '../../../dist/internals.js'
import { systemError } from '../../support/errors.js'
import { pattern, scratchDirectory } from '../../support/files.js'
import { guardPagesSupported, smapsOf } from '../../support/kernel-view.js'
import { projectRoot, runCommand, runForJson } from '../../support/processes.js'

const scratch = scratchDirectory()
const gibibyte = 2 ** 30
const tebibyte = 2 ** 40
// Not page aligned, and more than 32 bits can hold.
const far = 4 * gibibyte + 3 * pageSize + 100

describe('every byte is where read(2) and write(2) find it', () => {
  const versions = ['20', '22', '24', '26'].map((major) => ({
    name: `Node ${major}`,
    node: `${projectRoot}.nodes/${major}/node_modules/node-linux-${process.arch}/bin/node`,
  }))
  const nodes = [{ name: process.version, node: process.execPath }, ...versions]
  const rows = [5 * gibibyte, 64 * gibibyte, tebibyte].flatMap((size) =>
    nodes.map((node) => ({ ...node, size, gibibytes: size / gibibyte })),
  )

  it.for(rows)('$gibibytes GiB on $name', async ({ node, size }, { skip }) => {
    if (!fs.existsSync(node)) skip(`needs ${node}: node scripts/fetch-nodes.js`)
    const file = scratch.hole('large', size)
    const program = `${projectRoot}test/behaviour/large/everywhere.js`
    const { code, signal, stdout, stderr } = await runCommand(node, program, file)
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    const seen = JSON.parse(stdout)
    expect(seen).toEqual({
      size,
      offsets: expect.any(Number),
      maxBufferLength: expect.any(Number),
      buffer: size > seen.maxBufferLength ? 'a RangeError' : 'works',
    })
    expect(seen.offsets).toBeGreaterThanOrEqual(10)
  })
})

describe('residency of a vast mapping', () => {
  it('takes memory for resident pages, not for all that are mapped', async () => {
    const size = 256 * gibibyte
    const file = scratch.hole('vast', tebibyte)
    const offset = tebibyte - size
    const touched = [0, 1, size / 2 - pageSize, size / 2, size - 1]
    // The vector of all pages would take 64 MiB where a page has 4 KiB.
    const seen = await runForJson(`
      import fs from 'node:fs'
      import { mapFile, pageSize } from 'posix-mmap'
      const resident = () => {
        const status = fs.readFileSync('/proc/self/status', 'utf8')
        return Number(/^RssAnon:\\s*(\\d+) kB$/m.exec(status)[1]) * 1024
      }
      const mapping = mapFile('${file}')
      const touched = ${JSON.stringify(touched)}
      // With this advice the kernel does not read neighbours in.
      mapping.advise('random')
      for (const at of touched) mapping.read(${offset} + at, 1)
      mapping.residency(0, pageSize)
      const before = resident()
      const { pages, resident: count, vector } = mapping.residency(${offset}, ${size})
      const more = resident() - before
      const found = touched.map((at) => vector[Math.floor(at / pageSize)])
      console.log(JSON.stringify({ pages, count, length: vector.length, more, found }))`)
    const pages = size / pageSize
    expect(seen).toMatchObject({ pages, length: pages, count: 4, found: [1, 1, 1, 1, 1] })
    expect((seen as { more: number }).more).toBeLessThan(pages / 8)
  })

  it('is right at both ends of a tebibyte', () => {
    using mapping = mapFile(scratch.hole('ends', tebibyte), { access: 'read-write' })
    mapping.advise('random')
    for (const at of [0, far, tebibyte - 1]) mapping.write(at, 'x')
    const vectorAt = (at: number, length: number) => [...mapping.residency(at, length).vector]
    expect(vectorAt(0, 2 * pageSize)).toEqual([1, 0])
    expect(vectorAt(far - pageSize, 3 * pageSize - 200)).toEqual([0, 1, 0])
    expect(vectorAt(tebibyte - 2 * pageSize, 2 * pageSize)).toEqual([0, 1])
    expect(mapping.residency(BigInt(tebibyte - 1), 1n).resident).toBe(1)
  })
})

describe('pages past 4 GiB', () => {
  const size = 5 * gibibyte
  const content = pattern(4 * pageSize)
  const kinds: [string, () => Mapping][] = [
    ['anonymous memory', () => mapAnonymous(size, { noReserve: true })],
    ['a file', () => mapFile(scratch.hole('pages', size), { access: 'read-write' })],
  ]

  describe.each(kinds)('of %s', (_kind, make) => {
    it.each(adviceNames)('%s works or is refused, and keeps the data', (advice: Advice) => {
      using mapping = make()
      mapping.write(far, content)
      let refusal: unknown
      try {
        mapping.advise(advice, far, content.length)
      } catch (error) {
        refusal = error
      }
      const path = mapping.path ?? undefined
      if (!adviceSupported(advice)) expect(refusal).toEqual(systemError('EINVAL', 'madvise', path))
      else if (refusal !== undefined) {
        const codes = ['EINVAL', 'EAGAIN', 'EBUSY', 'ENOMEM']
        expect(refusal).toMatchObject({ code: expect.toBeOneOf(codes), syscall: 'madvise' })
      }
      expect(mapping.read(far, content.length).equals(content)).toBe(true)
      expect(mapping.fault).toBeNull()
    })

    it('advice and protection reach those of the range and no other', () => {
      using mapping = make()
      mapping.advise('dontdump', BigInt(far), BigInt(content.length))
      mapping.advise('dontdump', 0, far)
      // The kernel merges the VMAs before the range and of the range again, up to its last page.
      expect(smapsOf(mapping).flags).toContain('dd')
      expect(smapsOf(mapping).bytes('Size')).toBe(far - 100 + 5 * pageSize)
      mapping.protect('read', far, content.length)
      mapping.write(far - 101, 'x')
      mapping.write(far - 100 + 5 * pageSize, 'x')
      for (const at of [far - 100, far - 101 + 5 * pageSize]) {
        const fault = { kind: 'read-only', offset: at, count: 1 }
        expect(() => mapping.write(at, 'x')).toThrow(expect.objectContaining({ fault }))
      }
    })
  })

  it('that are guarded fault as no-access, and are not resident', async ({ skip }) => {
    if (!guardPagesSupported) skip('needs guard pages, Linux 6.13')
    const first = far - 100
    const seen = await runForJson(`
      import { mapAnonymous, pageSize } from 'posix-mmap'
      const mapping = mapAnonymous(${size}, { noReserve: true })
      mapping.advise('nohugepage')
      mapping.bytes(${first} - pageSize, 4 * pageSize).fill(7)
      mapping.installGuard(${first}, 2 * pageSize)
      const vector = () => [...mapping.residency(${first} - pageSize, 4 * pageSize).vector]
      const guarded = vector()
      const bytes = [-1, 5, 2 * pageSize].map((at) => mapping.bytes(${first} + at, 1)[0])
      console.log(JSON.stringify({ guarded, bytes, fault: mapping.fault }))`)
    expect(seen).toEqual({
      guarded: [1, 0, 0, 1],
      bytes: [7, 0, 7],
      fault: { kind: 'no-access', offset: first + 5, count: 1 },
    })
  })
})
