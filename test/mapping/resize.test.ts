// resize() makes the memory and its file longer or shorter.

import fs from 'node:fs'
import {
  type Mapping,
  MappingFaultError,
  mapAnonymous,
  mapFile,
  pageSize,
  SharedMemory,
} from 'posix-mmap'
import { addressOf, MapFlags, mmap, Prot } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  systemError,
  thrownBy,
  untyped,
} from '../support/errors.js'
import { blockBytes, pattern, readFile, scratchDirectory } from '../support/files.js'
import { openDescriptors } from '../support/kernel-view.js'
import { runCommand, runForJson } from '../support/processes.js'
import { traces } from '../support/traces.js'

const scratch = scratchDirectory()
const sizeOf = (file: string) => fs.statSync(file).size

function writable(name: string, size: number, options = {}): [string, Mapping] {
  const file = scratch.file(name, pattern(size))
  return [file, mapFile(file, { access: 'read-write', ...options })]
}

describe('a file', () => {
  it.each([
    ['from an empty one', 0, 5],
    ['within a page', 5, 20],
    ['by many pages', 5, 100 * pageSize + 1],
    ['from a page to the next', pageSize, pageSize + 1],
  ])('grows %s, with blocks reserved', (_name, before, after) => {
    const [file, mapping] = writable('grow', before)
    using _ = mapping
    mapping.resize(after)
    expect(mapping.byteLength).toBe(after)
    expect(sizeOf(file)).toBe(after)
    expect(blockBytes(file)).toBeGreaterThanOrEqual(after)
    expect(mapping.read(0, before).equals(pattern(before))).toBe(true)
    mapping.bytes(after - 1)[0] = 77
    expect(readFile(file, after - 1, 1)[0]).toBe(77)
    expect(mapping.fault).toBeNull()
  })

  it.each([
    ['to nothing', 3 * pageSize, 0],
    ['within a page', 20, 5],
    ['by pages', 9 * pageSize + 1, 2 * pageSize + 3],
  ])('shrinks %s', (_name, before, after) => {
    const [file, mapping] = writable('shrink', before)
    using _ = mapping
    mapping.resize(after)
    expect([mapping.byteLength, sizeOf(file)]).toEqual([after, after])
    expect(mapping.read(0, after).equals(pattern(after))).toBe(true)
    mapping.resize(before)
    const zeros = Buffer.alloc(before - after)
    expect(mapping.read(after, before - after).equals(zeros)).toBe(true)
    expect(mapping.fault).toBeNull()
  })

  it('keeps an offset in the file that is not page aligned', () => {
    const [file, mapping] = writable('offset', 3 * pageSize, { offset: pageSize + 7 })
    using _ = mapping
    mapping.resize(5 * pageSize)
    expect(sizeOf(file)).toBe(6 * pageSize + 7)
    const rest = 2 * pageSize - 7
    expect(mapping.read(0, rest).equals(pattern(3 * pageSize).subarray(pageSize + 7))).toBe(true)
    mapping.write(5 * pageSize - 1, 'x')
    expect(readFile(file, 6 * pageSize + 6, 1).toString()).toBe('x')
    mapping.resize(3)
    expect([sizeOf(file), mapping.byteLength]).toEqual([pageSize + 10, 3])
  })

  it('never gets shorter by growth within it', () => {
    const [file, mapping] = writable('part', 4 * pageSize, { length: 10 })
    using _ = mapping
    mapping.resize(20)
    expect(sizeOf(file)).toBe(4 * pageSize)
    expect(mapping.read(0, 20).equals(pattern(20))).toBe(true)
  })

  it('gets new buffers, and its old ones are detached', () => {
    const [, mapping] = writable('views', pageSize)
    using _ = mapping
    const before = mapping.buffer
    const view = mapping.bytes()
    mapping.resize(2 * pageSize)
    expect([before.byteLength, view.length]).toEqual([0, 0])
    expect(mapping.buffer.byteLength).toBe(2 * pageSize)
    const same = mapping.buffer
    mapping.resize(2 * pageSize)
    expect(mapping.buffer).toBe(same)
    expect(same.byteLength).toBe(2 * pageSize)
  })

  it('keeps protection, advice and locks', () => {
    const [, mapping] = writable('kept', pageSize)
    using _ = mapping
    mapping.protect('read')
    mapping.resize(3 * pageSize)
    expect(mapping.protection).toBe('read')
    expect(() => mapping.write(2 * pageSize, 'x')).toThrow('may only be read')
  })

  it('that was empty in between is as writable as before', () => {
    const [file, mapping] = writable('emptied', pageSize)
    using _ = mapping
    mapping.protect('read')
    mapping.resize(0)
    mapping.resize(2 * pageSize)
    mapping.protect('read-write')
    fs.truncateSync(file, 0)
    // The page that replaces the lost one accepts stores too.
    expect(mapping.bytes()[0]).toBe(0)
    mapping.bytes()[1] = 7
    expect(mapping.fault).toEqual({ kind: 'truncated', offset: 0, count: 1 })
  })

  it('leaves no descriptor and no mapping behind', () => {
    const [file, mapping] = writable('traces', pageSize)
    mapping.resize(pageSize)
    const before = openDescriptors()
    for (let i = 1; i <= 200; i++) mapping.resize((i % 7) * pageSize)
    expect(openDescriptors()).toBe(before)
    mapping.unmap()
    expect(traces(file).maps).toBe(0)
  })

  it('is found by its path or its descriptor', () => {
    const file = scratch.file('fd', pattern(10))
    const fd = fs.openSync(file, 'r+')
    using byDescriptor = mapFile(fd, { access: 'read-write' })
    byDescriptor.resize(100)
    expect(sizeOf(file)).toBe(100)
    fs.closeSync(fd)
    using byPath = mapFile(file, { access: 'read-write' })
    byPath.resize(200)
    expect(sizeOf(file)).toBe(200)
  })

  it('never resizes another file that has taken its name', async () => {
    const file = scratch.file('renamed', pattern(10))
    // The kernel's own link to the file works only with a capability, which this child gives up.
    const script = `
      import fs from 'node:fs'
      import { mapFile } from './dist/index.js'
      const mapping = mapFile('${file}', { access: 'read-write' })
      fs.renameSync('${file}', '${file}.old')
      fs.writeFileSync('${file}', 'someone else')
      let code = 'none'
      try { mapping.resize(100) } catch (error) { code = error.code + ' ' + error.syscall }
      const bytes = [...mapping.read(0, 3)]
      console.log(JSON.stringify([code, bytes, fs.statSync('${file}').size, fs.statSync('${file}.old').size]))`
    const node = [process.execPath, '--input-type=module', '--eval', script]
    const plain = await runCommand('setpriv', '--bounding-set=-all', '--inh-caps=-all', ...node)
    expect(plain).toMatchObject({ code: 0, signal: null })
    const answer = JSON.parse(plain.stdout)
    const found = answer[0] === 'none'
    expect(answer).toEqual([found ? 'none' : 'ESTALE open', [1, 2, 3], 12, found ? 100 : 10])
  })

  it('is not changed by ENOSPC on a full disk', async ({ skip }) => {
    const disk = `${scratch.directory}/disk`
    fs.mkdirSync(disk)
    const script = `
      import fs from 'node:fs'
      import { mapFile } from './dist/index.js'
      const mapping = mapFile('${disk}/f', { access: 'read-write', create: true, size: 100 })
      const view = mapping.bytes()
      view.fill(7)
      let error
      try { mapping.resize(1 << 21) } catch (caught) { error = caught }
      console.log(JSON.stringify([error.code, error.syscall, mapping.byteLength, view.length, view[99],
        fs.statSync('${disk}/f').size, mapping.fault]))`
    const inside = (...command: string[]) =>
      runCommand(
        'unshare',
        '-rm',
        'sh',
        '-c',
        `mount -t tmpfs -o size=1m none ${disk} && exec "$@"`,
        'sh',
        ...command,
      )
    if ((await inside('true')).code !== 0) skip('needs a user namespace that may mount a tmpfs')
    const { stdout, stderr } = await inside(
      process.execPath,
      '--input-type=module',
      '--eval',
      script,
    )
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual(['ENOSPC', 'fallocate', 100, 100, 7, 100, null])
  })
})

describe('shared memory', () => {
  it('unsealed grows and shrinks', () => {
    using memory = SharedMemory.create(10, { seal: false })
    memory.write(0, 'abc')
    memory.resize(3 * pageSize)
    using other = SharedMemory.open(memory.fd)
    expect(other.byteLength).toBe(3 * pageSize)
    other.write(2 * pageSize, 'x')
    expect(memory.read(2 * pageSize, 1).toString()).toBe('x')
    memory.resize(3)
    expect(memory.read(0, 3).toString()).toBe('abc')
    expect(other.bytes()[2 * pageSize]).toBe(0)
    expect(other.fault?.kind).toBe('truncated')
  })

  it('by a name as well', () => {
    const name = `posix-mmap-resize-${process.pid}`
    using memory = SharedMemory.create(10, { name })
    SharedMemory.unlink(name)
    memory.resize(5 * pageSize)
    expect(fs.fstatSync(memory.fd).size).toBe(5 * pageSize)
  })

  it('that is sealed is EPERM and stays unchanged', () => {
    using memory = SharedMemory.create(pageSize)
    const view = memory.bytes()
    for (const size of [2 * pageSize, 1, 0]) {
      expect(thrownBy(() => memory.resize(size))).toMatchObject({ code: 'EPERM' })
    }
    memory.bytes()[0] = 5
    expect([memory.byteLength, memory.read(0, 1)[0]]).toEqual([pageSize, 5])
    expect(view.length).toBe(pageSize)
  })
})

it('memory that only the machine limits is ENOMEM before blocks are reserved', () => {
  using memory = SharedMemory.create(10, { seal: false })
  for (const size of [2 ** 45, 2 ** 53 - 1]) {
    expect(() => memory.resize(size)).toThrow(systemError('ENOMEM', 'fallocate'))
  }
  expect(memory.byteLength).toBe(10)
})

it('memory mapped at a given address is at another one after it was empty', () => {
  const file = scratch.file('fixed', pattern(pageSize))
  const fd = fs.openSync(file, 'r+')
  const flags = MapFlags.SHARED | MapFlags.FIXED_NOREPLACE
  const addr = 0x2000_0000_0000n
  using mapping = mmap({ length: pageSize, prot: Prot.READ | Prot.WRITE, flags, addr, fd })
  mapping.resize(0)
  mapping.resize(pageSize)
  expect(addressOf(mapping)).not.toBe(0n)
  expect(mapping.bytes()[0]).toBe(0)
  fs.closeSync(fd)
})

it('lines that were begun before end with ERR_MAPPING_DETACHED', () => {
  const [, mapping] = writable('lines', 0)
  using _ = mapping
  mapping.resize(100_000)
  mapping.bytes().fill(10)
  const lines = mapping.lines()
  expect(lines.next().value).toBe('')
  mapping.resize(10)
  expect(() => [...lines]).toThrow(expect.objectContaining({ code: 'ERR_MAPPING_DETACHED' }))
})

describe('anonymous memory', () => {
  it('keeps its bytes', () => {
    using mapping = mapAnonymous(3 * pageSize)
    mapping.bytes().set(pattern(3 * pageSize))
    mapping.resize(10 * pageSize)
    expect(mapping.read(0, 3 * pageSize).equals(pattern(3 * pageSize))).toBe(true)
    expect(mapping.read(3 * pageSize, 7 * pageSize).equals(Buffer.alloc(7 * pageSize))).toBe(true)
    mapping.resize(pageSize + 1)
    expect(mapping.read(0, pageSize + 1).equals(pattern(pageSize + 1))).toBe(true)
  })

  it('grows from nothing and shrinks to nothing', () => {
    using mapping = mapAnonymous(0)
    mapping.resize(pageSize)
    mapping.write(0, 'abc')
    mapping.resize(0)
    expect(mapping.byteLength).toBe(0)
    mapping.resize(4)
    expect(mapping.read(0, 4).equals(Buffer.alloc(4))).toBe(true)
  })
})

describe('refused', () => {
  it.each(['read', 'copy-on-write'] as const)('access %s', (access) => {
    const file = scratch.file('refused', pattern(10))
    using mapping = mapFile(file, { access })
    expect(() => mapping.resize(20)).toThrow(invalidValue)
    expect([sizeOf(file), mapping.byteLength]).toEqual([10, 10])
  })

  it('values that are not a length', () => {
    using mapping = mapAnonymous(10)
    for (const value of [-1, 1.5, Number.NaN, 2 ** 53, -1n]) {
      expect(() => mapping.resize(value)).toThrow(outOfRange)
    }
    for (const value of [undefined, null, '1', {}]) {
      expect(() => mapping.resize(untyped(value))).toThrow(invalidType)
    }
    expect(() => mapping.resize(2 ** 53 - 1)).toThrow()
    expect(mapping.byteLength).toBe(10)
    mapping.unmap()
    expect(() => mapping.resize(1)).toThrow(mappingClosed)
  })

  it('more than a file can have, and the file stays as it was', () => {
    const [file, mapping] = writable('huge', 10)
    using _ = mapping
    expect(() => mapping.resize(2 ** 53 - 1)).toThrow()
    expect([sizeOf(file), mapping.byteLength]).toEqual([10, 10])
  })
})

it('pages that differ in protection keep what they have', () => {
  const [file, mapping] = writable('mixed', 2 * pageSize)
  using _ = mapping
  mapping.protect('read', 0, 1)
  mapping.resize(4 * pageSize)
  expect([sizeOf(file), mapping.byteLength]).toEqual([4 * pageSize, 4 * pageSize])
  expect(() => mapping.write(0, 'x')).toThrow(MappingFaultError)
  expect(mapping.write(pageSize, 'x')).toBe(1)
})

it('a request in flight on a view taken before ends harmlessly', async () => {
  const file = scratch.file('in-flight', pattern(1 << 20))
  const seen = await runForJson(`
    import fs from 'node:fs/promises'
    import zlib from 'node:zlib'
    import { promisify } from 'node:util'
    import { mapFile } from 'posix-mmap'
    const mapping = mapFile('${file}', { access: 'read-write' })
    const handle = await fs.open('${file}')
    let ended = 0
    for (let round = 0; round < 50; round++) {
      const work = [
        handle.read(mapping.bytes(), 0, mapping.byteLength, 0),
        promisify(zlib.gzip)(mapping.bytes()),
        mapping.flush(),
      ]
      mapping.resize(((round % 5) + 1) << 18)
      await Promise.allSettled(work)
      ended++
    }
    await handle.close()
    console.log(ended)`)
  expect(seen).toBe(50)
})
