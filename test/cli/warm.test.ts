import fs from 'node:fs'
import { pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { openCached, readIn, readThrough } from '../../dist/internals.js'
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
  residentPages,
  vectorOf,
  withoutColours,
} from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'

const scratch = scratchDirectory()
// Large enough for more than one step, and no whole number of pages.
const size = 40 * mebibyte + 123
const content = pattern(size)
const pages = Math.ceil(size / pageSize)

function coldFile(name: string): { file: string; cold: boolean } {
  const file = scratch.file(name, content)
  return { file, cold: drop(file) }
}

describe('warm', pagesMayGo, () => {
  it('reads all of a file in', async ({ skip }) => {
    const { file, cold } = coldFile('one')
    if (!cold) skip(noDisk)
    expect(await jsonOf('warm', '--json', file)).toEqual([
      {
        path: file,
        size,
        pageSize,
        pages,
        resident: pages,
        residentBytes: size,
        residentBefore: 0,
        residentBytesBefore: 0,
      },
    ])
    expect(residentPages(file)).toBe(pages)
  })

  it('prints only the totals where there is no terminal', async ({ skip }) => {
    const { file, cold } = coldFile('two')
    if (!cold) skip(noDisk)
    const { code, stdout, stderr } = await posixMmap('warm', file)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^1 file: 40\.0 MiB of 40\.0 MiB resident \(100%\), 0% before, \d+\.\d\d s, \S+ [KMG]iB\/s\n$/,
    )
    expect(stdout.trimEnd().length).toBeLessThanOrEqual(80)
  })

  it('draws a progress bar on a terminal, and clears it', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const { file } = coldFile('three')
    const text = withoutColours(await onTerminal({}, 80, 'warm', file))
    expect(text).toMatch(/^\r\S+ +[█▉▊▋▌▍▎▏]+·+ +\d+% +[\d.]+ MiB of 40\.0 MiB +\S+ [KMG]iB\/s/)
    const [bar = ''] = text.slice(1).split('\u001b[K')
    expect(bar.length).toBe(79)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that clears a line
    expect(text).toMatch(/\r\u001b\[K1 file: 40\.0 MiB of 40\.0 MiB resident/)
  })

  it('goes on after a file that cannot be read, with exit code 1', async () => {
    const { file } = coldFile('four')
    const { code, stdout, stderr } = await posixMmap('warm', '/nothing-there', file, '/dev/null')
    expect(code).toBe(1)
    expect(lines(stderr)).toEqual([
      expect.stringMatching(/^posix-mmap: ENOENT: .*'\/nothing-there'$/),
      expect.stringMatching(/^posix-mmap: ENODEV: .*'\/dev\/null'/),
    ])
    expect(stdout).toMatch(/^1 file: /)
    expect(residentPages(file)).toBe(pages)
  })

  it('says for how many files the kernel does not report residency', async () => {
    const shell = fs.realpathSync('/bin/sh')
    const { code, stdout } = await asNobody('warm', '--json', shell)
    expect(code).toBe(0)
    const unknown = { resident: null, residentBytes: null, residentBefore: null }
    expect(JSON.parse(stdout)).toMatchObject([{ path: shell, ...unknown }])
    const { stdout: words } = await asNobody('warm', shell)
    expect(words).toMatch(
      /^1 file done; the kernel reports residency only to owners and writers of a file\n$/,
    )
  })
})

describe('readThrough, where MADV_POPULATE_READ fails', pagesMayGo, () => {
  it('reads a part in', ({ skip }) => {
    const { file, cold } = coldFile('part')
    if (!cold) skip(noDisk)
    const open = openCached(file)
    expect(readThrough(open, 8 * mebibyte, 3 * mebibyte + 1)).toBe(3 * mebibyte + 1)
    open.close()
    const first = (8 * mebibyte) / pageSize
    const read = vectorOf(file).subarray(first, first + (3 * mebibyte) / pageSize + 1)
    expect(read.every((page) => page === 1)).toBe(true)
    expect(residentPages(file)).toBeLessThan(pages)
  })

  it('ends where the file ends', () => {
    const { file } = coldFile('shrinking')
    const open = openCached(file)
    fs.truncateSync(file, 20 * mebibyte)
    const steps: number[] = []
    readIn(open, { offset: 0, length: size }, (bytes) => steps.push(bytes))
    expect(steps).toEqual([16 * mebibyte, 4 * mebibyte])
    expect(readThrough(open, 20 * mebibyte, 1)).toBe(0)
    open.close()
  })
})
