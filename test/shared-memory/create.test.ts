// Making shared memory and opening it, and what is left afterwards.

import fs from 'node:fs'
import { Mapping, pageSize, SharedMemory } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  systemError,
  untyped,
} from '../support/errors.js'
import { scratchDirectory } from '../support/files.js'
import { openDescriptors } from '../support/kernel-view.js'
import { runForJson } from '../support/processes.js'
import { expectNothingNew, traces } from '../support/traces.js'

const scratch = scratchDirectory()
let names = 0
const newName = () => `posix-mmap-test-${process.pid}-${names++}`

describe('SharedMemory.create() without a name', () => {
  it('is zeroed and writable, has its blocks reserved and cannot change its size', () => {
    using memory = SharedMemory.create(3 * pageSize + 5)
    expect(memory).toBeInstanceOf(Mapping)
    expect(memory.byteLength).toBe(3 * pageSize + 5)
    expect(memory.access).toBe('read-write')
    expect(memory.name).toBeNull()
    expect(memory.bytes().every((byte) => byte === 0)).toBe(true)
    expect(memory.seals).toEqual(expect.arrayContaining(['shrink', 'grow']))
    expect(fs.fstatSync(memory.fd).blocks * 512).toBeGreaterThanOrEqual(memory.byteLength)
    for (const size of [0, pageSize, 100 * pageSize]) {
      expect(() => fs.ftruncateSync(memory.fd, size)).toThrow(
        expect.objectContaining({ code: 'EPERM' }),
      )
    }
    memory.write(0, 'hello')
    expect(memory.fault).toBeNull()
  })

  it('has no seal but that against execution with seal: false', () => {
    using memory = SharedMemory.create(1, { seal: false })
    expect(memory.seals).not.toContain('shrink')
    fs.ftruncateSync(memory.fd, 10)
  })

  it('has its label in /proc/self/maps', () => {
    using _memory = SharedMemory.create(1, { label: 'a-label-of-mine' })
    expect(fs.readFileSync('/proc/self/maps', 'utf8')).toContain('/memfd:a-label-of-mine')
  })

  it('closes its descriptor with unmap(), and leaves nothing after 1,000 cycles', () => {
    const before = traces()
    for (let i = 0; i < 1000; i++) SharedMemory.create(pageSize).unmap()
    expectNothingNew(before)
    const memory = SharedMemory.create(1)
    memory.unmap()
    memory.unmap()
    expect(memory.fd).toBe(-1)
    for (const use of [() => memory.seals, () => memory.readOnly(), () => memory.sealWrites()]) {
      expect(use).toThrow(mappingClosed)
    }
  })

  it('is freed by the garbage collector, and its descriptor closed', async () => {
    const seen = await runForJson(
      `import fs from 'node:fs'
       import { SharedMemory } from 'posix-mmap'
       import { native } from './dist/internals.js'
       const count = () => fs.readdirSync('/proc/self/fd').length
       const before = count()
       const make = () => SharedMemory.create(10).bytes()[0]
       for (let i = 0; i < 100; i++) make()
       for (let i = 0; i < 10; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)) }
       console.log(JSON.stringify([count() - before, native.regionCounts()[0]]))`,
      '--expose-gc',
    )
    expect(seen).toEqual([0, 0])
  })
})

describe('named shared memory', () => {
  it('is exclusive, can be opened by its name, and is gone after unlink()', () => {
    const name = newName()
    const path = `/dev/shm/${name}`
    using memory = SharedMemory.create(10, { name })
    try {
      expect(memory.name).toBe(`/${name}`)
      expect(fs.statSync(path).mode & 0o777).toBe(0o600)
      expect(memory.seals).toEqual(['seal'])
      expect(() => SharedMemory.create(10, { name })).toThrow(
        systemError('EEXIST', 'shm_open', `/${name}`),
      )
      for (const other of [name, `/${name}`, path]) {
        using opened = SharedMemory.open(other)
        opened.write(0, 'x')
        expect(memory.read(0, 1).toString()).toBe('x')
        opened.write(0, '\0')
      }
      using reader = SharedMemory.open(name, { access: 'read' })
      expect(reader.access).toBe('read')
      expect(() => reader.protect('read-write')).toThrow(
        systemError('EACCES', 'mprotect', `/${name}`),
      )
    } finally {
      SharedMemory.unlink(name)
    }
    expect(fs.existsSync(path)).toBe(false)
    expect(() => SharedMemory.open(name)).toThrow(systemError('ENOENT', 'shm_open', `/${name}`))
    expect(() => SharedMemory.unlink(name)).toThrow(systemError('ENOENT', 'shm_unlink', `/${name}`))
    memory.write(0, 'mapped')
  })

  it('that is half made is ENODATA', () => {
    const name = newName()
    fs.writeFileSync(`/dev/shm/${name}`, '')
    try {
      expect(() => SharedMemory.open(name)).toThrow(systemError('ENODATA', 'fstat', `/${name}`))
    } finally {
      SharedMemory.unlink(name)
    }
  })

  it('that does not fit leaves no name and no descriptor', async () => {
    const name = newName()
    const before = openDescriptors()
    // More than any machine's memory, and less than the largest size of a file.
    expect(() => SharedMemory.create(2 ** 45, { name })).toThrow(
      expect.objectContaining({ syscall: 'fallocate' }),
    )
    expect(fs.existsSync(`/dev/shm/${name}`)).toBe(false)
    expect(openDescriptors()).toBe(before)
  })
})

describe('SharedMemory.open()', () => {
  it('accepts a path, and a descriptor, which stays open', () => {
    const file = scratch.file('opened', Buffer.alloc(100, 1))
    using byPath = SharedMemory.open(file)
    const fd = fs.openSync(file, 'r')
    using byFd = SharedMemory.open(fd)
    expect(byFd.access).toBe('read')
    fs.closeSync(fd)
    byPath.write(0, 'z')
    expect(byFd.read(0, 1).toString()).toBe('z')
  })
})

describe('readOnly() and sealWrites()', () => {
  it('give memory that the receiver cannot write to', () => {
    using memory = SharedMemory.create(pageSize)
    using reader = memory.readOnly()
    memory.write(0, 'seen')
    expect(reader.read(0, 4).toString()).toBe('seen')
    expect(() => reader.protect('read-write')).toThrow(systemError('EACCES', 'mprotect'))
    expect(() => SharedMemory.open(reader.fd, { access: 'read-write' })).toThrow(
      systemError('EACCES', 'mmap'),
    )
    memory.sealWrites()
    expect(memory.seals).toEqual(expect.arrayContaining(['future-write', 'seal']))
    memory.write(0, 'mine')
    expect(reader.read(0, 4).toString()).toBe('mine')
    expect(() => SharedMemory.open(memory.fd, { access: 'read-write' })).toThrow(
      systemError('EPERM', 'mmap'),
    )
    using again = SharedMemory.open(memory.fd)
    expect(again.access).toBe('read')
    expect(() => fs.writeSync(memory.fd, 'x')).toThrow(expect.objectContaining({ code: 'EPERM' }))
  })

  it('sealWrites() of a named segment is EPERM', () => {
    const name = newName()
    using memory = SharedMemory.create(1, { name })
    SharedMemory.unlink(name)
    expect(() => memory.sealWrites()).toThrow(systemError('EPERM', 'fcntl'))
  })
})

describe('bad input', () => {
  it.each([
    ['create(0)', () => SharedMemory.create(0), invalidValue],
    ['create(-1)', () => SharedMemory.create(-1), outOfRange],
    ['create("1")', () => SharedMemory.create(untyped('1')), invalidType],
    ['name: 1', () => SharedMemory.create(1, { name: untyped(1) }), invalidType],
    ['name: ""', () => SharedMemory.create(1, { name: '' }), invalidValue],
    ['name: "a/b"', () => SharedMemory.create(1, { name: 'a/b' }), invalidValue],
    ['name: ".."', () => SharedMemory.create(1, { name: '..' }), invalidValue],
    ['name with a null byte', () => SharedMemory.create(1, { name: 'a\0' }), invalidValue],
    ['mode: "600"', () => SharedMemory.create(1, { mode: untyped('600') }), invalidType],
    ['seal: 1', () => SharedMemory.create(1, { seal: untyped(1) }), invalidType],
    ['open(null)', () => SharedMemory.open(untyped(null)), invalidType],
    ['open(-1)', () => SharedMemory.open(-1), outOfRange],
    ['open(a closed fd)', () => SharedMemory.open(1_000_000), systemError('EBADF', 'fcntl')],
    [
      'open(a directory)',
      () => SharedMemory.open(scratch.directory),
      expect.objectContaining({ code: 'EISDIR' }),
    ],
    ['access', () => SharedMemory.open('x', { access: untyped('copy-on-write') }), invalidValue],
    ['unlink(1)', () => SharedMemory.unlink(untyped(1)), invalidType],
    ['inherited(1)', () => SharedMemory.inherited(untyped(1)), invalidType],
    [
      'new',
      () => new (untyped(SharedMemory) as new () => unknown)(),
      expect.objectContaining({ code: 'ERR_ILLEGAL_CONSTRUCTOR' }),
    ],
  ])('%s', (_name, use, error) => {
    const before = traces()
    expect(use).toThrow(error)
    expectNothingNew(before)
  })
})
