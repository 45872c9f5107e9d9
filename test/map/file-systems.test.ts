// Files that have no size, and file systems that refuse shared mappings.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { systemError, thrownBy } from '../support/errors.js'
import { pattern, scratchDirectory, withDescriptor } from '../support/files.js'
import { fuseByte, whyNoFuse, withFuse } from '../support/fuse/fuse.js'
import { run } from '../support/processes.js'

const scratch = scratchDirectory()

describe('a file that says it is empty', () => {
  const files = [
    '/proc/cpuinfo',
    '/proc/self/maps',
    '/proc/sys/vm/max_map_count',
    '/proc/self/environ',
  ]

  it.each(files)('%s is the error of the kernel', (file) => {
    const error = thrownBy(() => mapFile(file))
    expect(error).toMatchObject({
      syscall: 'mmap',
      path: file,
      code: expect.stringMatching(/^E(IO|NODEV)$/),
    })
    expect(String(error)).toContain('file system, proc')
    expect(thrownBy(() => mapFile(file, { access: 'copy-on-write' }))).toMatchObject({
      syscall: 'mmap',
    })
  })

  it('is one by its descriptor too', () => {
    withDescriptor('/proc/cpuinfo', 'r', (fd) => {
      expect(() => mapFile(fd)).toThrow(expect.objectContaining({ syscall: 'mmap' }))
    })
  })

  it.each([undefined, 'read', 'read-write', 'copy-on-write'] as const)(
    'is empty if it is an ordinary file: %s',
    (access) => {
      const file = scratch.file('empty', '')
      for (const offset of [0, undefined]) {
        using mapping = mapFile(
          file,
          access === undefined ? { offset: 0 } : { access, offset: offset ?? 0 },
        )
        expect(mapping.byteLength).toBe(0)
      }
      using shm = mapFile(scratch.file('empty-too', ''))
      expect(shm.bytes().length).toBe(0)
      expect(fs.statSync(file).size).toBe(0)
    },
  )
})

it('an error of mmap(2) for a directory of sysfs or a device names no file system in vain', () => {
  expect(() => mapFile('/proc')).toThrow(systemError('EISDIR', 'fstat', '/proc'))
})

describe('a file system without shared mappings', () => {
  const reason = whyNoFuse()

  it('is read through a private one', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'direct', async ({ file }) => {
      const finished = await run(`
        import { mapFile, pageSize } from 'posix-mmap'
        const [reading, copying] = ['read', 'copy-on-write'].map((access) => mapFile('${file}', { access }))
        const page = mapFile('${file}', { offset: 2 * pageSize, length: 1 })
        copying.bytes()[0] = 99
        const { access, protection, fileOffset } = reading
        console.log(JSON.stringify([
          [access, protection, fileOffset, reading.read(pageSize, 1)[0], copying.bytes()[0], page.bytes()[0]],
          reading.indexOf(${fuseByte(3)}) === 3 * pageSize, reading.fault,
        ]))`)
      expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
      expect(JSON.parse(finished.stdout)).toEqual([
        ['read', 'read', 0, fuseByte(1), 99, fuseByte(2)],
        true,
        null,
      ])
    })
  })

  it('is ENODEV with its name for writing, by a path and by a descriptor', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'direct', async ({ file }) => {
      const finished = await run(`
        import fs from 'node:fs'
        import { mapFile } from 'posix-mmap'
        const outcome = (file) => {
          try { return mapFile(file, { access: 'read-write' }) } catch ({ code, syscall, message }) {
            return [code, syscall, message.includes('file system, fuse')]
          }
        }
        console.log(JSON.stringify([outcome('${file}'), outcome(fs.openSync('${file}', 'r+'))]))`)
      expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
      const expected = ['ENODEV', 'mmap', true]
      expect(JSON.parse(finished.stdout)).toEqual([expected, expected])
    })
  })
})

describe('a file system without blocks to reserve, or holes', () => {
  it('is ENOTSUP', ({ skip }) => {
    const directory = fs.mkdtempSync(`${scratch.directory}/ramfs-`)
    const mounted = spawnSync('mount', ['-t', 'ramfs', 'ramfs', directory])
    if (mounted.status !== 0) skip('a ramfs needs root')
    try {
      const file = `${directory}/file`
      fs.writeFileSync(file, pattern(2 * pageSize))
      using mapping = mapFile(file, { access: 'read-write' })
      const calls: [string, () => unknown][] = [
        ['fallocate', () => mapFile(file, { access: 'read-write', size: 4 * pageSize })],
        ['madvise', () => mapping.punchHole(0, pageSize)],
        ['fallocate', () => mapping.resize(4 * pageSize)],
      ]
      for (const [syscall, call] of calls)
        expect(call).toThrow(systemError('ENOTSUP', syscall, file))
      expect(fs.statSync(file).size).toBe(2 * pageSize)
    } finally {
      spawnSync('umount', ['-l', directory])
    }
  })
})
