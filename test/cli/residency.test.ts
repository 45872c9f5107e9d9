import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { mapFile, pageSize } from 'posix-mmap'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  asNobody,
  drop,
  hasTerminals,
  jsonOf,
  lines,
  mebibyte,
  noTerminals,
  onTerminal,
  pagesMayGo,
  posixMmap,
  program,
  touch,
  vectorOf,
  withoutColours,
  withoutStatus,
} from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'
import { run, runCommand } from '../support/processes.js'

interface Entry {
  path: string
  size: number
  pageSize: number
  pages: number
  resident: number
  residentBytes: number
  parts: number[]
}

const scratch = scratchDirectory()

const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, one) => total + one, 0)

/** A vector in `count` parts, as equal as possible. */
function split(vector: Uint8Array, count: number): Uint8Array[] {
  const bound = (part: number) => Math.floor((part * vector.length) / count)
  return Array.from({ length: count }, (_, part) => vector.subarray(bound(part), bound(part + 1)))
}

describe('a file that is in memory in part', pagesMayGo, () => {
  // The size is no whole number of pages, and the pages are no multiple of the parts.
  const size = 24 * mebibyte + 5 * pageSize + 123
  const content = pattern(size)
  const file = scratch.file('part.bin')
  let disk = false
  let vector: Uint8Array = new Uint8Array()

  beforeEach(() => {
    fs.writeFileSync(file, content)
    disk = drop(file)
    touch(file, 5 * mebibyte, 3 * mebibyte)
    touch(file, 15 * mebibyte + 17, 1)
    touch(file, size - 1, 1)
    vector = vectorOf(file)
  })

  it('--json has the same numbers as mincore(2), and reads nothing in', async ({ skip }) => {
    if (!disk) skip(noDisk)
    const resident = sum(vector)
    expect(resident).toBeGreaterThan(0)
    expect(resident).toBeLessThan(vector.length)
    const [entry, ...more] = await jsonOf<Entry>('residency', '--json', file)
    expect(more).toEqual([])
    expect(entry).toEqual({
      path: file,
      size,
      pageSize,
      pages: Math.ceil(size / pageSize),
      resident,
      // The last page is in memory, and has 123 bytes of the file.
      residentBytes: (resident - 1) * pageSize + 123,
      parts: split(vector, 64).map(sum),
    })
    expect(vectorOf(file)).toEqual(vector)
  })

  /** The kinds of the cells of a bar for the vector: nothing, all or something between. */
  const kinds = (count: number) =>
    split(vector, count).map((part) => {
      const resident = sum(part)
      return resident === 0 ? 'none' : resident === part.length ? 'all' : 'some'
    })

  it('is drawn in 80 columns of ASCII where there is no terminal', async ({ skip }) => {
    if (!disk) skip(noDisk)
    const { code, stdout, stderr } = await posixMmap('residency', file)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [row = '', total = '', ...more] = lines(stdout)
    expect(more).toEqual([])
    expect(row).toHaveLength(80)
    const [, bar = '', percent, used, whole] =
      / {2}([.+*#-]+) +(\d+)% +([\d.]+)M \/ +([\d.]+)M$/.exec(row) ?? []
    const kindOf = (cell: string) => (cell === '.' ? 'none' : cell === '#' ? 'all' : 'some')
    expect(Array.from(bar, kindOf)).toEqual(kinds(bar.length))
    const bytes = (sum(vector) - 1) * pageSize + 123
    expect(Number(percent)).toBe(Math.round((bytes / size) * 100))
    expect(Number(used)).toBeCloseTo(bytes / mebibyte, 0)
    expect(whole).toBe((size / mebibyte).toFixed(1))
    expect(total).toContain('1 file: ')
    expect(total).toContain(`${sum(vector)} of ${vector.length.toLocaleString('en-US')} pages`)
  })

  it.for([
    [60, {}, /^[·▁-▇█]+$/],
    [120, { NO_COLOR: '1' }, /^[·▁-▇█]+$/],
    [80, { LC_ALL: 'C' }, /^[.+*#-]+$/],
  ] as const)(
    'is drawn on a terminal of %i columns, %o',
    async ([columns, env, cells], context) => {
      if (!disk) context.skip(noDisk)
      if (!hasTerminals) context.skip(noTerminals)
      const [row = ''] = lines(
        withoutStatus(withoutColours(await onTerminal({ ...env }, columns, 'residency', file))),
      )
      expect(row).toHaveLength(columns)
      const bar = /^\S+ {2}(\S+) /.exec(row)?.[1] ?? ''
      expect(bar).toMatch(cells)
      const kindOf = (cell: string) =>
        /[.·]/.test(cell) ? 'none' : /[█#]/.test(cell) ? 'all' : 'some'
      expect(Array.from(bar, kindOf)).toEqual(kinds(bar.length))
    },
  )
})

describe('several files', () => {
  it(
    'get a line each and a line of totals, in 80 columns unless a name is longer',
    pagesMayGo,
    async () => {
      const long = scratch.file(`${'very-'.repeat(30)}long-name`, pattern(11.5 * 1024))
      const wide = scratch.file('日本語のとても長いファイルの名前です.txt', pattern(1))
      const empty = scratch.file('empty', '')
      const { code, stdout } = await posixMmap('residency', long, wide, empty)
      expect(code).toBe(0)
      const [first = '', second = '', third = '', total = '', ...more] = lines(stdout)
      expect(more).toEqual([])
      expect(first).toMatch(/^\/\S+ {2}#+ 100% +11\.5K \/ +11\.5K$/)
      expect(first.startsWith(`${long}  #`)).toBe(true)
      expect(second.startsWith(`${wide}  #`)).toBe(true)
      // What is behind the longest name that a line of 80 columns has room for.
      const behind = 2 + 20 + ' 100%  11.5K / 11.5K'.length
      for (const [row, name] of [
        [first, long],
        [second, wide],
      ] as const) {
        expect(row.length - name.length).toBe(behind)
      }
      expect(third).toMatch(/empty +\(empty\)$/)
      const pages = Math.ceil((11.5 * 1024) / pageSize) + 1
      const bytes = `11.5 KiB of 11.5 KiB resident (100%), ${pages} of ${pages} pages`
      expect(total).toBe(`3 files: ${bytes}`)
    },
  )

  it('are cut on a terminal, in 80 columns', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const long = scratch.file(`${'very-'.repeat(30)}long-name`, pattern(11.5 * 1024))
    const wide = scratch.file('日本語のとても長いファイルの名前です.txt', pattern(1))
    const rows = lines(
      withoutStatus(withoutColours(await onTerminal({}, 80, 'residency', long, wide))),
    )
    const [first = '', second = ''] = rows
    expect(first).toMatch(/^\/[^ ]*…[^ ]*long-name {2}\S+ +\d+% /)
    expect(first).toHaveLength(80)
    // Each of these letters takes two columns.
    expect(second.length + second.replace(/[\p{ASCII}…·▁-█]/gu, '').length).toBe(80)
  })

  it('of a directory are ordered by name, without symbolic links, with several links once', async () => {
    const directory = path.join(scratch.directory, 'tree')
    fs.mkdirSync(path.join(directory, 'b'), { recursive: true })
    for (const name of ['c', 'a', 'b/d']) fs.writeFileSync(path.join(directory, name), name)
    fs.linkSync(path.join(directory, 'a'), path.join(directory, 'z'))
    fs.symlinkSync(path.join(directory, 'b'), path.join(directory, 'y'))
    fs.symlinkSync(path.join(directory, 'c'), path.join(directory, 'x'))
    spawnSync('mkfifo', [path.join(directory, 'fifo')])
    const entries = await jsonOf<Entry>('residency', '--json', directory)
    const names = entries.map((entry) => path.relative(directory, entry.path))
    expect(names).toEqual(['a', 'b/d', 'c'])
  })

  it('of an empty directory are an empty list', async () => {
    const directory = path.join(scratch.directory, 'nothing')
    fs.mkdirSync(directory)
    expect(await jsonOf('residency', '--json', directory)).toEqual([])
    const { code, stdout } = await posixMmap('residency', directory)
    expect(code).toBe(0)
    expect(stdout).toMatch(/^0 files: /)
  })
})

describe('COLUMNS', () => {
  const file = scratch.file('columns', pattern(3 * pageSize))
  const widthOf = async (columns: string) => {
    const { stdout } = await runCommand(
      'env',
      `COLUMNS=${columns}`,
      process.execPath,
      program,
      'residency',
      file,
    )
    return lines(stdout)[0]?.length
  }

  it.each([
    ['100', 100],
    ['200', 200],
    ['', 80],
    ['0', 80],
    ['-5', 80],
    ['wide', 80],
  ])('%j makes lines of %i columns', async (columns, expected) => {
    expect(await widthOf(columns)).toBe(expected)
  })

  it('counts on a terminal too, where a name is cut', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const [row = ''] = lines(
      withoutStatus(withoutColours(await onTerminal({ COLUMNS: '50' }, 120, 'residency', file))),
    )
    expect(row).toHaveLength(50)
    expect(row).toMatch(/^\/[^ ]*…[^ ]*columns {2}/)
  })
})

describe('a file that has no pages in the page cache or cannot be opened', () => {
  const good = scratch.file('good', 'content')
  const fifo = path.join(scratch.directory, 'fifo')
  spawnSync('mkfifo', [fifo])

  it.each([
    [
      'a missing file',
      path.join(scratch.directory, 'missing'),
      'ENOENT: no such file or directory',
    ],
    ['a FIFO', fifo, 'ENODEV: no such device'],
    ['a character device', '/dev/null', 'ENODEV: no such device'],
  ])('%s is reported, and the other files are drawn', async (_kind, place, words) => {
    const { code, stdout, stderr } = await posixMmap('residency', '--json', place, good)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^posix-mmap: [^\n]*\n$/)
    expect(stderr).toContain(words)
    expect(stderr).toContain(`'${place}'`)
    expect(JSON.parse(stdout)).toMatchObject([{ path: good, pages: 1 }])
  })

  it('a socket', async () => {
    const place = path.join(scratch.directory, 'socket')
    const server = net.createServer().listen(place)
    const { code, stderr } = await posixMmap('residency', place)
    server.close()
    expect(code).toBe(1)
    expect(stderr).toContain('a socket has no pages in the page cache')
  })

  it('a file that may not be read', async () => {
    const directory = fs.mkdtempSync('/tmp/posix-mmap-test-open-')
    fs.chmodSync(directory, 0o755)
    const file = path.join(directory, 'secret')
    fs.writeFileSync(file, 'x', { mode: 0 })
    const { code, stderr } = await asNobody('residency', file)
    fs.rmSync(directory, { recursive: true })
    expect(code).toBe(1)
    expect(stderr).toBe(`posix-mmap: EACCES: permission denied, open '${file}'\n`)
  })
})

it('reports EPERM for files of which the kernel would call every page resident', async () => {
  const shell = fs.realpathSync('/bin/sh')
  const { code, stdout, stderr } = await asNobody('residency', shell)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(
    /^posix-mmap: EPERM: .* the owner of the file and to processes that may write to it\)\n$/,
  )
  expect(stderr).toContain(shell)
})

it('needs little memory for a sparse file of a tebibyte', async () => {
  const file = scratch.hole('tebibyte', 2 ** 40)
  touch(file, 2 ** 39, 1)
  const { code, stdout, stderr } = await run(`
    process.on('exit', () => console.error(process.resourceUsage().maxRSS))
    const { main } = await import('./dist/internals.js')
    process.exitCode = await main(['residency', '--json', ${JSON.stringify(file)}])`)
  expect(code).toBe(0)
  const [entry] = JSON.parse(stdout) as Entry[]
  const resident = residentFrom(file, 2 ** 39)
  expect(resident).toBeGreaterThan(0)
  expect(entry).toMatchObject({ size: 2 ** 40, pages: 2 ** 40 / pageSize, resident })
  expect(entry?.parts).toEqual(Array.from({ length: 64 }, (_, i) => (i === 32 ? resident : 0)))
  // A byte for each page would take 256 MiB.
  expect(Number(stderr) * 1024).toBeLessThan(200 * mebibyte)
})

/** How many pages of the first mebibytes from an offset on are in memory. */
function residentFrom(file: string, offset: number): number {
  using mapping = mapFile(file, { offset, length: 64 * mebibyte })
  return mapping.residency().resident
}
