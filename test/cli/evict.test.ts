import fs from 'node:fs'
import path from 'node:path'
import { mapFile, pageSize } from 'posix-mmap'
import { expect, it } from 'vitest'
import {
  drop,
  jsonOf,
  lines,
  mebibyte,
  pagesMayGo,
  posixMmap,
  residentPages,
} from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'

const scratch = scratchDirectory()
const size = 8 * mebibyte + 123
const content = pattern(size)
const pages = Math.ceil(size / pageSize)
const disk = drop(scratch.file('probe', 'x'))

const entry = { size, pageSize, pages, residentBefore: pages, residentBytesBefore: size }

it('drops a file, even pages that were dirty', pagesMayGo, async ({ skip }) => {
  if (!disk) skip(noDisk)
  const file = scratch.file('dirty', content)
  const found = await jsonOf('evict', '--json', file)
  expect(found).toEqual([{ ...entry, path: file, resident: 0, residentBytes: 0 }])
  expect(residentPages(file)).toBe(0)
  expect(fs.readFileSync(file).equals(content)).toBe(true)
})

it('prints only the totals when nothing is left', pagesMayGo, async ({ skip }) => {
  if (!disk) skip(noDisk)
  const file = scratch.file('words', content)
  const { code, stdout, stderr } = await posixMmap('evict', file)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe('1 file: 0 B of 8.0 MiB resident (0%), 100% before\n')
})

it('draws a file of which pages stay because they are mapped', pagesMayGo, async ({ skip }) => {
  if (!disk) skip(noDisk)
  const file = scratch.file('mapped', content)
  using mapping = mapFile(file, { length: 4 * mebibyte, populate: true })
  const { code, stdout } = await posixMmap('evict', file)
  expect(code).toBe(0)
  const [row = '', total = '', reason = ''] = lines(stdout)
  const bar = / {2}([.+*#-]+) +\d+% /.exec(row)?.[1] ?? ''
  expect(bar).toMatch(/^#+[-+*]?\.+$/)
  expect(Math.abs(bar.indexOf('.') - bar.length / 2)).toBeLessThanOrEqual(2)
  expect(total).toMatch(/^1 file: 4(\.0)? MiB of 8\.0 MiB resident/)
  expect(reason).toContain('mapped or locked')
  expect(mapping.residency().resident).toBe((4 * mebibyte) / pageSize)
})

it('draws a file on tmpfs, which stays', pagesMayGo, async ({ skip }) => {
  if (!fs.existsSync('/dev/shm')) skip('needs /dev/shm')
  const file = path.join('/dev/shm', `posix-mmap-test-${process.pid}`)
  fs.writeFileSync(file, content)
  try {
    const found = await jsonOf('evict', '--json', file)
    expect(found).toEqual([{ ...entry, path: file, resident: pages, residentBytes: size }])
    const { code, stdout } = await posixMmap('evict', file)
    expect(code).toBe(0)
    expect(stdout).toContain('all of tmpfs')
  } finally {
    fs.unlinkSync(file)
  }
})

it('accepts empty files, and reports files that it cannot open', pagesMayGo, async () => {
  const empty = scratch.file('empty', '')
  const { code, stdout, stderr } = await posixMmap('evict', '--json', empty, '/nothing-there')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^posix-mmap: ENOENT: [^\n]*'\/nothing-there'\n$/)
  expect(JSON.parse(stdout)).toMatchObject([{ path: empty, size: 0, pages: 0, resident: 0 }])
})
