import { constants } from 'node:buffer'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { limits, type Mapping, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { outOfRange, systemError } from '../support/errors.js'
import { readFile, scratchDirectory } from '../support/files.js'
import { runCommand, runForJson } from '../support/processes.js'
import { liveRegions } from '../support/traces.js'

const scratch = scratchDirectory()
const gibibyte = 2 ** 30

it('pageSize is that of the kernel', () => {
  expect(pageSize).toBe(Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })))
})

describe('limits', () => {
  it('are those of the system and the runtime', () => {
    expect(limits()).toEqual({
      maxMapCount: Number(fs.readFileSync('/proc/sys/vm/max_map_count', 'utf8')),
      lockedBytes: expect.any(Number),
      maxBufferLength: constants.MAX_LENGTH,
    })
  })

  it.each([
    ['64', 64 * 1024],
    ['0', 0],
  ])('lockedBytes is RLIMIT_MEMLOCK: %s KiB', async (limit, expected) => {
    const script = `import { limits } from 'posix-mmap'; console.log(limits().lockedBytes)`
    const node = `'${process.execPath}' --input-type=module -e "${script}"`
    const { stdout } = await runCommand('sh', '-c', `ulimit -l ${limit}; ${node}`)
    expect(stdout).toBe(`${expected}\n`)
  })

  it('lockedBytes is Infinity without a limit', async ({ skip }) => {
    const script = `import { limits } from 'posix-mmap'; console.log(limits().lockedBytes)`
    const node = `'${process.execPath}' --input-type=module -e "${script}"`
    const { code, stdout } = await runCommand('sh', '-c', `ulimit -l unlimited && ${node}`)
    if (code !== 0) skip('needs to be allowed to raise RLIMIT_MEMLOCK')
    expect(stdout).toBe('Infinity\n')
  })
})

describe('memory larger than one ArrayBuffer', () => {
  const { maxBufferLength } = limits()
  const tooSmall = `needs a runtime whose ArrayBuffers end below 2 ** 40, not ${maxBufferLength}`
  const larger = maxBufferLength < 2 ** 40
  const size = 2 * maxBufferLength + pageSize + 5

  const kinds: [string, () => Mapping][] = [
    ['anonymous', () => mapAnonymous(size, { noReserve: true })],
    ['a file', () => mapFile(scratch.hole('large', size), { access: 'read-write' })],
  ]

  it.for(kinds)('%s: buffer is a RangeError that names bytes()', ([, make], { skip }) => {
    if (!larger) skip(tooSmall)
    using mapping = make()
    expect(mapping.byteLength).toBe(size)
    expect(() => mapping.buffer).toThrow(outOfRange)
    expect(() => mapping.buffer).toThrow(/bytes\(\)/)
    expect(() => mapping.bytes()).toThrow(outOfRange)
    expect(() => mapping.bytes(1, maxBufferLength + 1)).toThrow(outOfRange)
  })

  it.for(kinds)('%s: views work at any offset', ([, make], { skip }) => {
    if (!larger) skip(tooSmall)
    using mapping = make()
    const quarter = maxBufferLength / 4
    for (const offset of [0, ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => n * quarter - 3), size - 16]) {
      const start = offset - (offset % 8)
      mapping.bytes(offset, 4).set([1, 2, 3, 4])
      expect(mapping.bytes(start, 16)).toEqual(new Uint8Array(mapping.read(start, 16)))
      expect(mapping.asBuffer(offset, 4).readUInt32BE()).toBe(0x01020304)
      expect(mapping.dataView(offset, 4).getUint32(0)).toBe(0x01020304)
      const words = mapping.view(Uint8Array, start, 16)
      expect(words.indexOf(1)).toBe(offset - start)
      mapping.view(Float64Array, start, 2)[1] = Math.PI
      expect(mapping.read(start + 8, 8).equals(Buffer.from(Float64Array.of(Math.PI).buffer))).toBe(
        true,
      )
    }
  })

  it('two views of a range are one memory, wherever they start', ({ skip }) => {
    if (!larger) skip(tooSmall)
    using mapping = mapAnonymous(size, { noReserve: true })
    const offset = maxBufferLength + 100
    const starts = [offset, offset - gibibyte / 2, offset - maxBufferLength + 100]
    const views = starts.map((start) => mapping.bytes(start, offset - start + 1))
    for (const [value, writer] of views.entries()) {
      writer[writer.length - 1] = value + 1
      for (const reader of views) expect(reader.at(-1)).toBe(value + 1)
    }
    mapping.unmap()
    expect(views.map((view) => view.length)).toEqual([0, 0, 0])
  })

  it('a view longer than half of an ArrayBuffer can start anywhere', ({ skip }) => {
    if (!larger) skip(tooSmall)
    using mapping = mapAnonymous(size, { noReserve: true })
    const offset = maxBufferLength / 2 - 1
    const view = mapping.bytes(offset, maxBufferLength)
    expect(view).toHaveLength(maxBufferLength)
    mapping.write(offset + maxBufferLength - 1, Uint8Array.of(9))
    expect(view[maxBufferLength - 1]).toBe(9)
  })
})

describe('small ranges of large memory', () => {
  const size = 2 ** 30
  const external = () => process.memoryUsage().external
  const areas = [0, 300, 600, 900].map((mebibytes) => mebibytes * 2 ** 20)

  it('add little to the external memory that V8 counts, while they are few', () => {
    using mapping = mapAnonymous(size, { noReserve: true })
    const before = external()
    for (const area of areas) {
      mapping.bytes(area, 1)[0] = 1
      mapping.view(Float64Array, area + 2 ** 20, 1000)[999] = 2
      expect(mapping.asBuffer(area + 2 ** 20 + 999 * 8, 8).readDoubleLE()).toBe(2)
    }
    expect(external() - before).toBeLessThan(2 ** 26)
    // More windows, or longer ranges, lead to a buffer over the whole mapping.
    expect(mapping.bytes(2 ** 27, 1).buffer).toBe(mapping.buffer)
    expect(mapping.bytes(areas[0], 1).buffer).toBe(mapping.buffer)
    expect(external() - before).toBeGreaterThanOrEqual(size)
  })

  it('show the same memory as other views, and are detached with them', () => {
    using mapping = mapAnonymous(size, { noReserve: true })
    // The last range crosses the end of a window.
    const offsets = [10, 2 ** 29, 2 ** 23 - 1]
    const views = offsets.map((offset) => mapping.bytes(offset, 10))
    const whole = mapping.bytes()
    for (const [i, offset] of offsets.entries()) {
      const view = views[i] ?? new Uint8Array()
      view[1] = 7
      expect(whole[offset + 1]).toBe(7)
      whole[offset] = 8
      expect(view[0]).toBe(8)
      views.push(mapping.bytes(offset + 1, 1))
    }
    expect(views.slice(offsets.length).map(([byte]) => byte)).toEqual([7, 7, 7])
    mapping.unmap()
    expect([whole, ...views].map((view) => view.length)).toEqual([0, 0, 0, 0, 0, 0, 0])
  })

  it.each([2 ** 26, 2 ** 26 + 1, 2 ** 27 + 2 ** 22])('end where %i bytes end', (length) => {
    using mapping = mapAnonymous(length, { noReserve: true })
    for (let twice = 0; twice < 2; twice++) {
      expect(mapping.bytes(length)).toHaveLength(0)
      expect(mapping.bytes(length, 0)).toHaveLength(0)
      expect(mapping.bytes(length - 1)).toHaveLength(1)
      expect(() => mapping.bytes(length - 1, 2)).toThrow(outOfRange)
      expect(() => mapping.bytes(length + 1)).toThrow(outOfRange)
    }
  })
})

describe('memory that the system does not have', () => {
  it.each([2 ** 47, 2 ** 48, 2 ** 53 - 1])('%i anonymous bytes are ENOMEM', (length) => {
    const before = liveRegions()
    for (const options of [{}, { noReserve: true }, { hugePages: true }, { populate: true }]) {
      expect(() => mapAnonymous(length, options)).toThrow(systemError('ENOMEM', 'mmap'))
    }
    // Fewer if the failed call has released closed mappings.
    expect(liveRegions()).toBeLessThanOrEqual(before)
  })

  it('a tebibyte can be mapped only with noReserve', ({ skip }) => {
    const policy = fs.readFileSync('/proc/sys/vm/overcommit_memory', 'utf8').trim()
    if (policy !== '0') skip(`needs vm.overcommit_memory 0, not ${policy}`)
    const tebibyte = 2 ** 40
    expect(() => mapAnonymous(tebibyte)).toThrow(systemError('ENOMEM', 'mmap'))
    using mapping = mapAnonymous(tebibyte, { noReserve: true })
    mapping.write(tebibyte - 5, 'bytes')
    expect(mapping.asBuffer(tebibyte - 5).toString()).toBe('bytes')
  })

  it('too many mappings are ENOMEM, whose message gives advice, until some are unmapped', async () => {
    const file = scratch.file('page', 'x')
    const script = `
      import { limits, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
      const pages = limits().maxMapCount
      const first = mapFile('${file}')
      const split = mapAnonymous(pages * pageSize, { noReserve: true })
      const kept = []
      const failure = (call) => {
        try {
          for (let i = 1; i < pages; i += 2) call(i)
        } catch (error) {
          return error
        }
      }
      const protecting = failure((i) => split.protect('none', i * pageSize, pageSize))
      const mapping = failure(() => kept.push(mapFile('${file}')))
      split.unmap()
      const again = mapFile('${file}')
      const texts = [first, again].map((mapping) => mapping.read(0, 1).toString())
      console.log(JSON.stringify([protecting.message, mapping.message, ...texts]))`
    expect(await runForJson(script)).toEqual([
      expect.stringMatching(/^ENOMEM: not enough memory, mprotect .*unmap\(\)/),
      expect.stringMatching(/^ENOMEM: not enough memory, mmap '.*\/page' .*unmap\(\)/),
      'x',
      'x',
    ])
  })
})

it('a file of 8 TiB can be mapped at its end', () => {
  const end = 2 ** 43
  const file = scratch.hole('vast', end)
  using mapping = mapFile(file, { access: 'read-write', offset: end - 5 })
  expect(mapping.fileOffset).toBe(end - 5)
  mapping.write(0, 'bytes')
  expect(readFile(file, end - 5, 10).toString()).toBe('bytes')
  expect(() => mapFile(file, { offset: end + 1 })).toThrow(outOfRange)
})
