import fs from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Advice,
  limits,
  type MapAnonymousOptions,
  type MapFileOptions,
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
} from 'posix-mmap'
import { addressOf } from 'posix-mmap/posix'
import { describe, expect, it, onTestFinished } from 'vitest'
import { invalidValue, outOfRange, systemError } from '../support/errors.js'
import {
  blockBytes,
  pattern,
  readFile,
  scratchDirectory,
  withDescriptor,
} from '../support/files.js'
import {
  lockedBytes,
  mapsOf,
  openDescriptors,
  permissionsOf,
  smapsOf,
} from '../support/kernel-view.js'
import { accesses } from '../support/mappings.js'
import { runCommand } from '../support/processes.js'
import { expectNothingNew, liveRegions, traces } from '../support/traces.js'

const scratch = scratchDirectory()
const content = pattern(3 * pageSize + 100)
const sample = scratch.file('sample', content)

const hugePages = '/sys/kernel/mm/transparent_hugepage'
const noHugePages = `needs transparent huge pages, ${hugePages}`

function expectContent(mapping: Mapping, expected: Uint8Array): void {
  expect(mapping.byteLength).toBe(expected.length)
  expect(mapping.read(0, mapping.byteLength).equals(expected)).toBe(true)
}

describe('access', () => {
  it.each([
    { access: 'read', permissions: 'r--s', protection: 'read' },
    { access: 'read-write', permissions: 'rw-s', protection: 'read-write' },
    { access: 'copy-on-write', permissions: 'rw-p', protection: 'read-write' },
  ] as const)('$access maps $permissions', ({ access, permissions, protection }) => {
    using mapping = mapFile(sample, { access })
    expect(mapsOf(sample).map((area) => area.permissions)).toEqual([permissions])
    expect(mapping).toMatchObject({ access, protection, fileOffset: 0, path: sample })
    expect(mapping.closed).toBe(false)
    expectContent(mapping, content)
  })

  it('is read by default', () => {
    using mapping = mapFile(sample)
    expect(mapping.access).toBe('read')
  })

  it('anonymous memory is private, writable and zero', () => {
    using mapping = mapAnonymous(2 * pageSize + 5)
    expect(permissionsOf(mapping)).toEqual(['rw-p', 'rw-p', 'rw-p'])
    expect(mapping).toMatchObject({ protection: 'read-write', fileOffset: null, path: null })
    expectContent(mapping, Buffer.alloc(2 * pageSize + 5))
  })

  it('read-write changes the file at once', () => {
    const file = scratch.file('shared', content)
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.bytes().set([1, 2, 3], pageSize - 1)
    expect(readFile(file, pageSize - 1, 3)).toEqual(Buffer.from([1, 2, 3]))
  })

  it.each(['read', 'read-write'] as const)('%s shows what others write to the file', (access) => {
    const file = scratch.file('written', content)
    using mapping = mapFile(file, { access })
    expect(mapping.bytes()[pageSize]).toBe(content[pageSize])
    withDescriptor(file, 'r+', (fd) => fs.writeSync(fd, Buffer.from([0]), 0, 1, pageSize))
    expect(mapping.bytes()[pageSize]).toBe(0)
  })

  it('copy-on-write works on a read-only descriptor and leaves the file alone', () => {
    const file = scratch.file('private', content)
    using mapping = withDescriptor(file, 'r', (fd) => mapFile(fd, { access: 'copy-on-write' }))
    mapping.bytes().fill(0)
    expect(mapping.bytes().every((byte) => byte === 0)).toBe(true)
    expect(fs.readFileSync(file).equals(content)).toBe(true)
  })
})

describe('a file can be named by', () => {
  const special = scratch.file('a b#ü%41?.bin', content)

  it.each([
    ['a path', special, special],
    ['a relative path', path.relative(process.cwd(), special), path.relative('', special)],
    ['a URL', pathToFileURL(special), special],
    ['a path as bytes', Buffer.from(special), special],
  ])('%s', (_name, file, expected) => {
    const before = openDescriptors()
    using mapping = mapFile(file)
    expect(openDescriptors()).toBe(before)
    expect(mapping.path).toBe(expected)
    expectContent(mapping, content)
  })

  it('a path that is not UTF-8', () => {
    const name = Buffer.concat([Buffer.from(scratch.file('latin-')), Buffer.from([0xfc])])
    fs.writeFileSync(name, content)
    onTestFinished(() => fs.unlinkSync(name))
    using mapping = mapFile(name)
    expectContent(mapping, content)
  })

  it('a descriptor, which stays open', () => {
    withDescriptor(sample, 'r', (fd) => {
      const mapping = mapFile(fd)
      expect(mapping.path).toBeNull()
      expectContent(mapping, content)
      mapping.unmap()
      expect(fs.fstatSync(fd).size).toBe(content.length)
    })
  })

  it('a FileHandle, which stays open', async () => {
    const handle = await open(sample)
    onTestFinished(() => handle.close())
    using mapping = mapFile(handle)
    expect(mapping.path).toBeNull()
    expectContent(mapping, content)
    expect((await handle.stat()).size).toBe(content.length)
  })

  it('a character device, with a length', () => {
    using mapping = mapFile('/dev/zero', { access: 'copy-on-write', length: pageSize })
    expectContent(mapping, Buffer.alloc(pageSize))
    expect(() => mapFile('/dev/zero', { access: 'copy-on-write' })).toThrow(invalidValue)
  })
})

describe('offset and length', () => {
  const size = content.length

  it.each<[MapFileOptions, number, number]>([
    [{}, 0, size],
    [{ offset: 10 }, 10, size],
    [{ offset: pageSize }, pageSize, size],
    [{ offset: pageSize + 3, length: pageSize }, pageSize + 3, 2 * pageSize + 3],
    [{ length: 5 }, 0, 5],
    [{ length: size }, 0, size],
    [{ offset: size - 1 }, size - 1, size],
    [{ offset: 7n, length: 9n }, 7, 16],
    [{ offset: 7, length: 0 }, 7, 7],
    [{ offset: size }, size, size],
    [{ offset: size, length: 0 }, size, size],
  ])('%o', (options, start, end) => {
    using mapping = mapFile(sample, options)
    expect(mapping.fileOffset).toBe(start)
    expectContent(mapping, content.subarray(start, end))
  })

  it.each<MapFileOptions>([
    { offset: size + 1 },
    { offset: size + 1, length: 0 },
    { length: size + 1 },
    { offset: 1, length: size },
    { offset: 2 ** 53 - 1, length: 2 ** 53 - 1 },
    { length: 2 ** 47 },
  ])('past the end: %o', (options) => {
    const before = traces(scratch.directory)
    expect(() => mapFile(sample, options)).toThrow(outOfRange)
    expectNothingNew(before)
  })
})

describe('an empty range', () => {
  const empty = scratch.file('empty', '')
  it.each([
    ['an empty file', () => mapFile(empty)],
    ['an empty file to write to', () => mapFile(empty, { access: 'read-write' })],
    ['a length of 0', () => mapFile(sample, { length: 0, access: 'copy-on-write' })],
    ['the end of a file', () => mapFile(sample, { offset: content.length })],
    ['no anonymous bytes', () => mapAnonymous(0)],
    ['all options', () => mapFile(empty, { populate: true, lock: true, advice: 'random' })],
  ])('%s gives a mapping whose methods work', (_name, make) => {
    const before = liveRegions()
    using mapping = make()
    expect(liveRegions()).toBeLessThanOrEqual(before)
    expect(mapping.byteLength).toBe(0)
    expect(mapping.buffer.byteLength).toBe(0)
    expect(mapping.buffer).toBe(mapping.buffer)
    expect(mapping.bytes().length).toBe(0)
    expect(mapping.view(Float64Array).length).toBe(0)
    expect(mapping.dataView().byteLength).toBe(0)
    expect(mapping.asBuffer(0, 0).length).toBe(0)
    expect(mapping.read(0, 0).length).toBe(0)
    expect(mapping.write(0, '')).toBe(0)
    expect(() => mapping.write(0, 'x')).toThrow(outOfRange)
    expect(() => mapping.bytes(0, 1)).toThrow(outOfRange)
    mapping.flushSync()
    mapping.advise('willneed')
    mapping.lockSync()
    mapping.unlock()
    mapping.populateSync()
    mapping.protect('read')
    expect(mapping.protection).toBe('read')
    expect(mapping.residency()).toEqual({
      pageSize,
      pages: 0,
      resident: 0,
      vector: new Uint8Array(),
    })
    expect(mapping.checked(() => 1)).toBe(1)
    expect(mapping.fault).toBeNull()
  })
})

describe('size', () => {
  const wanted = 64 * pageSize + 7
  const access = 'read-write'

  it.each([true, false])('grows a file that exists: %s', (exists) => {
    const file = scratch.file(`grown-${exists}`, exists ? content : undefined)
    using mapping = mapFile(file, { access, create: true, size: wanted })
    expect(mapping.byteLength).toBe(wanted)
    expect(fs.statSync(file).size).toBe(wanted)
    expect(blockBytes(file)).toBeGreaterThanOrEqual(wanted)
    expect(
      mapping.read(0, content.length).equals(exists ? content : Buffer.alloc(content.length)),
    ).toBe(true)
    expect(mapping.bytes(content.length).every((byte) => byte === 0)).toBe(true)
  })

  it('with sparse reserves nothing', () => {
    const file = scratch.file('sparse')
    using mapping = mapFile(file, { access, create: true, size: wanted, sparse: true })
    expect(mapping.byteLength).toBe(wanted)
    expect(fs.statSync(file).size).toBe(wanted)
    expect(blockBytes(file)).toBe(0)
  })

  it('reserves the holes of a file that is long enough', () => {
    const file = scratch.hole('holes', wanted)
    mapFile(file, { access, size: wanted }).unmap()
    expect(blockBytes(file)).toBeGreaterThanOrEqual(wanted)
  })

  it.each([true, false])('never shrinks a file, sparse: %s', (sparse) => {
    const file = scratch.file('longer', content)
    using mapping = mapFile(file, { access, size: 10, sparse })
    expectContent(mapping, content)
    expect(fs.statSync(file).size).toBe(content.length)
  })

  it('counts for offset and length', () => {
    const file = scratch.file('later')
    const offset = wanted - 10
    using mapping = mapFile(file, { access, create: true, size: wanted, offset })
    expect(mapping.byteLength).toBe(10)
    expect(() => mapFile(file, { access, size: wanted, offset, length: 11 })).toThrow(outOfRange)
  })

  it('beyond which a range reaches is a RangeError before the file changes', () => {
    const file = scratch.file('unchanged', content)
    const options = { access, size: wanted, length: wanted + 1 } as const
    expect(() => mapFile(file, options)).toThrow(outOfRange)
    expect(fs.statSync(file).size).toBe(content.length)
  })

  it.each(['read', 'copy-on-write'] as const)('is refused with access %s', (other) => {
    expect(() => mapFile(sample, { access: other, size: wanted })).toThrow(invalidValue)
  })

  it('beyond RLIMIT_FSIZE is EFBIG, and the file stays as it was', async () => {
    const file = scratch.file('limited', content)
    const script = `
      import { mapFile } from 'posix-mmap'
      const errors = [false, true].map((sparse) => {
        try {
          mapFile('${file}', { access: 'read-write', size: 4 << 20, sparse })
        } catch ({ code, syscall, path, message }) {
          return { code, syscall, path, message }
        }
      })
      console.log(JSON.stringify(errors))`
    const node = `'${process.execPath}' --input-type=module -e "${script}"`
    const { stdout } = await runCommand('sh', '-c', `ulimit -f 1024; ${node}`)
    expect(JSON.parse(stdout)).toEqual(
      ['fallocate', 'ftruncate'].map((syscall) => ({
        code: 'EFBIG',
        syscall,
        path: file,
        message: `EFBIG: file too large, ${syscall} '${file}'`,
      })),
    )
    expect(fs.readFileSync(file).equals(content)).toBe(true)
  })

  it('on a full disk is ENOSPC, and what is sparse cannot be populated', async ({ skip }) => {
    const disk = path.join(scratch.directory, 'disk')
    fs.mkdirSync(disk)
    const inside = (command: string) => {
      const mount = `mount -t tmpfs -o size=1m none ${disk}`
      return runCommand('unshare', '-rm', 'sh', '-c', `${mount} && ${command}`)
    }
    if ((await inside('true')).code !== 0) skip('needs a user namespace that may mount a tmpfs')
    const script = `
      import fs from 'node:fs'
      import { mapFile } from 'posix-mmap'
      const file = '${disk}/file'
      fs.writeFileSync(file, 'abc')
      const outcome = (options) => {
        try {
          mapFile(file, { access: 'read-write', size: 4 << 20, ...options })
        } catch ({ code, syscall, path, fault }) {
          return { code, syscall, path, fault, size: fs.statSync(file).size }
        }
      }
      console.log(JSON.stringify([outcome({}), outcome({ sparse: true, populate: true })]))`
    const { stdout } = await inside(`'${process.execPath}' --input-type=module -e "${script}"`)
    const file = `${disk}/file`
    expect(JSON.parse(stdout)).toEqual([
      { code: 'ENOSPC', syscall: 'fallocate', path: file, size: 3 },
      {
        code: 'ERR_MAPPING_FAULT',
        path: file,
        fault: {
          kind: 'unreadable',
          offset: expect.toSatisfy((offset) => offset > 0 && offset <= 1 << 20),
          count: 1,
          code: 'ENOSPC',
        },
        size: 4 << 20,
      },
    ])
  })
})

describe('create', () => {
  it.each(accesses)('makes a missing file, access %s', (access) => {
    const file = scratch.file(`created-${access}`)
    expect(() => mapFile(file, { access })).toThrow(systemError('ENOENT', 'open', file))
    using mapping = mapFile(file, { access, create: true })
    expect(mapping.byteLength).toBe(0)
    expect(fs.statSync(file).size).toBe(0)
  })

  it('keeps a file that exists', () => {
    using mapping = mapFile(sample, { create: true })
    expectContent(mapping, content)
  })

  it('exclusive refuses a file that exists', () => {
    const file = scratch.file('exclusive')
    const options = { access: 'read-write', create: 'exclusive', size: 10 } as const
    using mapping = mapFile(file, options)
    expect(mapping.byteLength).toBe(10)
    expect(() => mapFile(file, options)).toThrow(systemError('EEXIST', 'open', file))
  })

  it('is refused for a descriptor', () => {
    withDescriptor(sample, 'r', (fd) =>
      expect(() => mapFile(fd, { create: true })).toThrow(invalidValue),
    )
  })

  it.each([
    { umask: '022', mode: undefined, permissions: '644' },
    { umask: '027', mode: undefined, permissions: '640' },
    { umask: '000', mode: undefined, permissions: '666' },
    { umask: '022', mode: '600', permissions: '600' },
    { umask: '022', mode: '777', permissions: '755' },
  ])('mode $mode with umask $umask is $permissions', ({ umask, mode, permissions }) => {
    const file = scratch.file(`mode-${umask}-${mode}`)
    const before = process.umask(umask)
    onTestFinished(() => void process.umask(before))
    const found = () => (fs.statSync(file).mode & 0o777).toString(8)
    mapFile(file, { create: true, ...(mode && { mode: Number.parseInt(mode, 8) }) }).unmap()
    expect(found()).toBe(permissions)
    mapFile(file, { create: true, mode: 0o700 }).unmap()
    expect(found()).toBe(permissions)
  })
})

describe('options for all kinds of memory', () => {
  const pages = 16
  let files = 0
  type Options = Pick<MapAnonymousOptions, 'populate' | 'lock' | 'advice'>
  type Kind = [name: string, make: (options: Options) => Mapping]
  const kinds: Kind[] = [
    ...accesses.map((access): Kind => {
      const file = () => scratch.hole(`kind-${files++}`, pages * pageSize)
      return [access, (options) => mapFile(file(), { access, ...options })]
    }),
    ['anonymous', (options) => mapAnonymous(pages * pageSize, options)],
  ]

  describe.each(kinds)('%s', (_kind, make) => {
    it('populate reads everything into memory', () => {
      using lazy = make({})
      expect(lazy.residency().resident).toBe(0)
      using eager = make({ populate: true })
      expect(eager.residency().resident).toBe(pages)
    })

    it('lock keeps everything in memory', ({ skip }) => {
      if (limits().lockedBytes < pages * pageSize) skip('needs a higher RLIMIT_MEMLOCK')
      const before = lockedBytes()
      const mapping = make({ lock: true })
      expect(lockedBytes()).toBe(before + pages * pageSize)
      expect(smapsOf(mapping).flags).toContain('lo')
      expect(mapping.residency().resident).toBe(pages)
      mapping.unmap()
      expect(lockedBytes()).toBe(before)
    })

    it.each<[Advice, string]>([
      ['random', 'rr'],
      ['sequential', 'sr'],
      ['dontfork', 'dc'],
      ['dontdump', 'dd'],
    ])('advice %s holds for the whole mapping', (advice, flag) => {
      using plain = make({})
      expect(smapsOf(plain).flags).not.toContain(flag)
      using mapping = make({ advice })
      const { flags, bytes } = smapsOf(mapping)
      expect(flags).toContain(flag)
      expect(bytes('Size')).toBe(pages * pageSize)
    })
  })

  it('advice that the kernel refuses is an error, and nothing stays mapped', () => {
    const before = traces(scratch.directory)
    const file = scratch.file('not-wiped', content)
    const call = () => mapFile(file, { advice: 'wipeonfork' })
    expect(call).toThrow(systemError('EINVAL', 'madvise', file))
    expectNothingNew(before)
  })

  it('noReserve memory is not counted as committed', () => {
    using mapping = mapAnonymous(pageSize, { noReserve: true })
    expect(smapsOf(mapping).flags).toContain('nr')
    using reserved = mapAnonymous(pageSize)
    expect(smapsOf(reserved).flags).not.toContain('nr')
  })
})

/** VmSize, in bytes. */
function addressSpace(): number {
  const status = fs.readFileSync('/proc/self/status', 'utf8')
  return Number(/^VmSize:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024
}

describe('hugePages', () => {
  const available = fs.existsSync(`${hugePages}/hpage_pmd_size`)
  const huge = available ? Number(fs.readFileSync(`${hugePages}/hpage_pmd_size`, 'utf8')) : 0

  it('places anonymous memory so that the kernel uses them', ({ skip }) => {
    if (!available) skip(noHugePages)
    using mapping = mapAnonymous(4 * huge + 5, { hugePages: true, populate: true })
    expect(addressOf(mapping) % BigInt(huge)).toBe(0n)
    const { flags, bytes } = smapsOf(mapping)
    expect(flags).toContain('hg')
    if (fs.readFileSync(`${hugePages}/enabled`, 'utf8').includes('[never]')) skip(noHugePages)
    expect(bytes('AnonHugePages')).toBeGreaterThanOrEqual(4 * huge)
  })

  it('places a file at addresses congruent to its offset', ({ skip }) => {
    if (!available) skip(noHugePages)
    const offset = 3 * pageSize + 5
    const file = scratch.hole('huge-file', 3 * huge)
    using mapping = mapFile(file, { hugePages: true, offset })
    expect(addressOf(mapping) % BigInt(huge)).toBe(BigInt(offset))
    expect(smapsOf(mapping).flags).toContain('hg')
  })

  it('unmaps the space in which it has looked for a place', ({ skip }) => {
    if (!available) skip(noHugePages)
    const length = 2 * huge + pageSize
    const file = scratch.hole('huge-placed', 4 * huge)
    const offsets = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => n * (huge / 8))
    const before = addressSpace()
    const mappings = offsets.map((offset) => mapFile(file, { hugePages: true, offset, length }))
    expect(addressSpace() - before - offsets.length * length).toBeLessThan(huge)
    for (const mapping of mappings) mapping.unmap()
    expect(addressSpace() - before).toBeLessThan(huge)
  })

  it('works for a small mapping too', ({ skip }) => {
    if (!available) skip(noHugePages)
    using mapping = mapFile(sample, { hugePages: true })
    expectContent(mapping, content)
  })
})

describe('a mapping outlives', () => {
  it.each<[string, (file: string) => void]>([
    ['its descriptor', () => {}],
    ['the name of its file', (file) => fs.unlinkSync(file)],
    ['a new name of its file', (file) => fs.renameSync(file, `${file}.new`)],
  ])('%s', (_name, change) => {
    for (const access of accesses) {
      const file = scratch.file(`outlived-${access}`, content)
      using mapping = withDescriptor(file, 'r+', (fd) => mapFile(fd, { access }))
      change(file)
      expectContent(mapping, content)
      if (access === 'read') continue
      mapping.write(pageSize - 1, 'ab')
      expect(mapping.read(pageSize - 1, 2).toString()).toBe('ab')
    }
  })
})
