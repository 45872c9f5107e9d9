import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import { pageSize } from 'posix-mmap'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseSmaps } from '../../dist/internals.js'
import {
  asNobody,
  hasTerminals,
  jsonOf,
  lines,
  noTerminals,
  onTerminal,
  posixMmap,
  withoutColours,
  withoutStatus,
} from '../support/cli.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { projectRoot } from '../support/processes.js'

interface Entry {
  start: string
  end: string
  permissions: string
  offset: number
  path: string | null
  size: number
  residentBytes: number
  sharedBytes: number
  dirtyBytes: number
  swapBytes: number
  proportionalBytes: number
}

const scratch = scratchDirectory()
const page = pageSize
const file = scratch.file('mapped.bin', pattern(16 * page))

// A child that maps 8 pages of a file from the fourth on and has written to its private copies of
// two, and that has a memfd of 4 pages of which it has written to three.
const script = `
  import { mapFile, SharedMemory } from 'posix-mmap'
  import { addressOf } from 'posix-mmap/posix'
  const file = mapFile(${JSON.stringify(file)}, {
    access: 'copy-on-write', offset: ${4 * page}, length: ${8 * page}, populate: true })
  file.write(0, 'x')
  file.write(${5 * page}, 'x')
  const memory = SharedMemory.create(${4 * page}, { label: 'a-memfd-of-mine' })
  for (let i = 0; i < 3; i++) memory.write(i * ${page}, 'x')
  console.log(JSON.stringify([file, memory].map((it) => '0x' + addressOf(it).toString(16))))
  globalThis.kept = [file, memory]
  setInterval(() => {}, 1 << 30)`

let child: ChildProcess
let pid = ''
let addresses: string[] = []

beforeAll(async () => {
  const args = ['--input-type=module', '--eval', script]
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  child = spawn(process.execPath, args, { cwd: projectRoot, stdio: [...stdio] })
  pid = String(child.pid)
  addresses = await new Promise((resolve) => {
    child.stdout?.once('data', (line) => resolve(JSON.parse(line)))
  })
})

afterAll(() => {
  child.kill('SIGKILL')
})

describe('maps', () => {
  it('--json describes a mapping of a file and a memfd', async () => {
    const entries = await jsonOf<Entry>('maps', '--json', pid)
    const [ofFile, ofMemory] = addresses.map((at) => entries.find(({ start }) => start === at))
    expect(ofFile).toMatchObject({
      permissions: 'rw-p',
      path: file,
      offset: 4 * page,
      size: 8 * page,
      residentBytes: 8 * page,
    })
    // The two pages that were written to are private. Whether the others are dirty depends on
    // whether the file has been written to the disk yet.
    expect(ofFile?.dirtyBytes).toBeGreaterThanOrEqual(2 * page)
    expect(ofMemory).toMatchObject({
      permissions: 'rw-s',
      path: '/memfd:a-memfd-of-mine (deleted)',
      size: 4 * page,
      residentBytes: 3 * page,
      dirtyBytes: 3 * page,
    })
    for (const { start, end, size } of entries) {
      expect(Number(BigInt(end) - BigInt(start))).toBe(size)
    }
    expect(entries.some((entry) => entry.path === null)).toBe(true)
    expect(entries.some((entry) => entry.path === '[stack]')).toBe(true)
    expect(entries.length).toBe(lines(fs.readFileSync(`/proc/${pid}/maps`, 'utf8')).length)
  })

  it('prints a table with whole names and totals', async () => {
    const { code, stdout, stderr } = await posixMmap('maps', pid)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [title = '', ...rows] = lines(stdout)
    const total = rows.pop() ?? ''
    expect(title).toMatch(/^address +perm +size +res +share +dirty +name$/)
    const columns = /^[0-9a-f]+-[0-9a-f]+ +[rwxsp-]{4}( +\d[\d.]*[KMGT]?){4} {2}/
    for (const row of rows) expect(row).toMatch(columns)
    const entries = await jsonOf<Entry>('maps', '--json', pid)
    const names = rows.map((row) => row.replace(columns, ''))
    expect(names).toEqual(entries.map((entry) => entry.path ?? '[anon]'))
    expect(total).toMatch(new RegExp(`^${entries.length} mappings +\\d`))
    const memfd = rows.find((row) => row.startsWith(`${addresses[1]?.slice(2)}-`)) ?? ''
    const kibibytes = (count: number) => `${(count * page) / 1024}K`
    expect(memfd).toMatch(new RegExp(`rw-s +${kibibytes(4)} +${kibibytes(3)} .* +${kibibytes(3)} `))
    expect(memfd).toMatch(/ {2}\/memfd:.*\(deleted\)$/)
  })

  it('cuts names on a terminal of 80 columns', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const rows = lines(withoutStatus(withoutColours(await onTerminal({}, 80, 'maps', pid))))
    const long = rows.filter((row) => !row.startsWith('ffffffffff'))
    for (const row of long) expect(row.length).toBeLessThanOrEqual(80)
    expect(rows.some((row) => row.includes('…'))).toBe(true)
  })

  it.each([
    ['size', 'size'],
    ['resident', 'residentBytes'],
    ['shared', 'sharedBytes'],
    ['dirty', 'dirtyBytes'],
  ] as const)('--sort %s lists the largest first', async (word, key) => {
    const entries = await jsonOf<Entry>('maps', '--json', '--sort', word, pid)
    const values = entries.map((entry) => entry[key])
    expect(values).toEqual(values.toSorted((a, b) => b - a))
    expect(values[0]).toBeGreaterThan(0)
  })

  it('accepts self as PID', async () => {
    expect((await jsonOf('maps', '--json', 'self')).length).toBeGreaterThan(10)
  })

  it('of a process that does not exist is ESRCH', async () => {
    // Above the largest value of /proc/sys/kernel/pid_max.
    const { code, stdout, stderr } = await posixMmap('maps', '4194305')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^posix-mmap: ESRCH: no such process, open '\/proc\/4194305\/smaps'\n$/)
  })

  it("of another user's process is EACCES", async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root, to be somebody else')
    const { code, stdout, stderr } = await asNobody('maps', pid)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^posix-mmap: E(ACCES|PERM): /)
  })
})

it('parseSmaps reads names with spaces, pages of hugetlbfs and lines that it does not know', () => {
  const text = `7f0000000000-7f0000400000 rw-s 00200000 00:0f 17      /dev/hugepages/a file
Size:               4096 kB
KernelPageSize:     2048 kB
Rss:                   0 kB
Shared_Hugetlb:     2048 kB
Private_Hugetlb:    2048 kB
THPeligible:           0
VmFlags: rd wr sh mr mw me ms de ht sd
7f0000400000-7f0000401000 ---p 00000000 00:00 0
Size:                  4 kB
Swap:                  4 kB
`
  expect(parseSmaps(text)).toEqual([
    {
      start: '0x7f0000000000',
      end: '0x7f0000400000',
      permissions: 'rw-s',
      offset: 0x200000,
      path: '/dev/hugepages/a file',
      size: 2 ** 22,
      residentBytes: 2 ** 22,
      sharedBytes: 2 ** 21,
      dirtyBytes: 0,
      swapBytes: 0,
      proportionalBytes: 0,
    },
    expect.objectContaining({
      path: null,
      permissions: '---p',
      residentBytes: 0,
      swapBytes: 2 ** 12,
    }),
  ])
})
