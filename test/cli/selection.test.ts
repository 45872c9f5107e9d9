// Which files, and which bytes of them.

import fs from 'node:fs'
import path from 'node:path'
import { pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { drop, inShell, jsonOf, mebibyte, pagesMayGo, posixMmap, vectorOf } from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'
import { runCommand } from '../support/processes.js'

const scratch = scratchDirectory()
const tree = path.join(scratch.directory, 'tree')

for (const [name, size] of [
  ['a.log', 10],
  ['b.bin', 5000],
  ['cache/c.bin', 100_000],
  ['cache/deep/d.log', 20],
  ['.git/config', 5],
  ['new\nline', 1],
] as const) {
  fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true })
  fs.writeFileSync(path.join(tree, name), pattern(size))
}

const relative = (found: { path: string }[]) => found.map((one) => path.relative(tree, one.path))
const all = ['.git/config', 'a.log', 'b.bin', 'cache/c.bin', 'cache/deep/d.log', 'new\nline']

describe('options that choose files', () => {
  it.each<[string[], string[]]>([
    [[], all],
    [
      ['--exclude', '*.log'],
      ['.git/config', 'b.bin', 'cache/c.bin', 'new\nline'],
    ],
    [
      ['--exclude', 'cache', '--exclude=.git/'],
      ['a.log', 'b.bin', 'new\nline'],
    ],
    [
      ['--exclude', 'cache/*'],
      ['.git/config', 'a.log', 'b.bin', 'new\nline'],
    ],
    [['--exclude', '/**/deep'], all.filter((name) => !name.includes('deep'))],
    [['--exclude', '/deep'], all],
    [['--exclude', 'tree'], []],
    [['--max-size', '5000'], all.filter((name) => name !== 'cache/c.bin')],
    [['--max-size', '4999B'], all.filter((name) => !name.endsWith('.bin'))],
    [['--max-size', '1M'], all],
    [['--max-size', '0'], []],
  ])('%j', async (options, expected) => {
    expect(relative(await jsonOf('residency', '--json', ...options, tree))).toEqual(expected)
  })

  it('count what is left out for its size', async () => {
    const { stdout } = await posixMmap('residency', '--max-size', '1k', tree)
    expect(stdout).toMatch(/\n4 files: 36 B of 36 B resident \(100%\), 2 left out, /)
    const evicted = await posixMmap('warm', '--max-size', '1k', tree)
    expect(evicted.stdout).toMatch(/^4 files: [^\n]*, 2 left out, /)
  })
})

describe('a list of files', () => {
  it.each([
    ['lines', 'a.log\nb.bin\n', [], ['a.log', 'b.bin']],
    [
      'lines of which the last has no end',
      'a.log\n\ncache',
      [],
      ['a.log', 'cache/c.bin', 'cache/deep/d.log'],
    ],
    ['names that end with NUL bytes', 'new\nline\0a.log\0', ['-0'], ['new\nline', 'a.log']],
    ['a name twice', 'a.log\na.log\n', [], ['a.log']],
    ['nothing', '', ['--null'], []],
  ])('has %s', async (_what, content, options, expected) => {
    const list = scratch.file('list', content)
    const script = `cd ${tree} && "$0" "$1" residency --json ${options.join(' ')} --files-from ${list}`
    const program = path.resolve('dist/cli.js')
    const { code, stdout, stderr } = await runCommand('sh', '-c', script, process.execPath, program)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout).map((one: { path: string }) => one.path)).toEqual(expected)
  })

  it.each(['residency --json --files-from - <', 'residency --json --files-from=/dev/stdin <'])(
    'comes from standard input: %s',
    async (command) => {
      const list = scratch.file('input', `${tree}/b.bin\n`)
      const { code, stdout } = await inShell(`${command} ${list}`)
      expect(code).toBe(0)
      expect(relative(JSON.parse(stdout))).toEqual(['b.bin'])
    },
  )

  it('is what find -print0 writes, next to operands', async () => {
    const find = `find ${tree} -type f -name 'new*' -print0 |`
    const script = `${find} "$0" "$1" residency -0 --json ${tree}/a.log`
    const program = path.resolve('dist/cli.js')
    const { code, stdout } = await runCommand('sh', '-c', script, process.execPath, program)
    expect(code).toBe(0)
    expect(relative(JSON.parse(stdout))).toEqual(['a.log', 'new\nline'])
  })

  it('that is not there, or names what is not there, is an error', async () => {
    const missing = await posixMmap('warm', '--files-from', '/nothing-there')
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toMatch(/^posix-mmap: ENOENT: [^\n]*'\/nothing-there'\n$/)
    const list = scratch.file('wrong', `${tree}/a.log\n/nothing-there\n`)
    const named = await posixMmap('residency', '--json', '--files-from', list)
    expect(named.code).toBe(1)
    expect(named.stderr).toMatch(/^posix-mmap: ENOENT: [^\n]*'\/nothing-there'\n$/)
    expect(relative(JSON.parse(named.stdout))).toEqual(['a.log'])
    const nul = await posixMmap('residency', '--files-from', scratch.file('nul', 'a\0b\n'))
    expect(nul.code).toBe(1)
    expect(nul.stderr).toMatch(/^posix-mmap: [^\n]*null bytes[^\n]*\n$/)
  })
})

describe('--range', pagesMayGo, () => {
  const size = 4 * mebibyte + 100
  const file = scratch.file('ranged', pattern(size))
  const disk = drop(file)
  const pages = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)
  const resident = () => {
    const vector = vectorOf(file)
    return [...vector.keys()].filter((page) => vector[page] === 1)
  }

  it('is what warm reads, residency counts and evict drops', async ({ skip }) => {
    if (!disk) skip(noDisk)
    drop(file)
    const range = `${2 * mebibyte + 10},${3 * pageSize}`
    const first = (2 * mebibyte) / pageSize
    const warmed = await jsonOf('warm', '--json', '--range', range, file)
    // Four pages have bytes of it.
    expect(warmed).toMatchObject([{ size, pages: 4, resident: 4, residentBytes: 3 * pageSize }])
    expect(resident()).toEqual(expect.arrayContaining(pages(first, first + 4)))
    const [entry] = await jsonOf('residency', '--json', '--range', range, file)
    expect(entry).toEqual({
      path: file,
      size,
      offset: 2 * mebibyte + 10,
      length: 3 * pageSize,
      pageSize,
      pages: 4,
      resident: 4,
      residentBytes: 3 * pageSize,
      parts: [1, 1, 1, 1],
    })
    const drawn = await posixMmap('residency', '--range', range, file)
    expect(drawn.stdout).toMatch(/\n1 file: 12 KiB of 12 KiB resident \(100%\), 4 of 4 pages\n$/)
    const before = resident()
    await posixMmap('evict', '--range', range, file)
    expect(resident()).toEqual(before.filter((page) => page < first || page >= first + 4))
  })

  it('that a file does not reach is said, and nothing happens', async () => {
    const { code, stdout } = await posixMmap('residency', '--range', '1G-', file)
    expect(code).toBe(0)
    expect(stdout).toMatch(/ {2}\(no byte in the range\)\n1 file: 0 B of 0 B resident/)
    const before = resident()
    for (const command of ['evict', 'warm']) {
      expect(await posixMmap(command, '--range', '1G-', file)).toMatchObject({
        code: 0,
        stderr: '',
      })
    }
    expect(resident()).toEqual(before)
  })
})
