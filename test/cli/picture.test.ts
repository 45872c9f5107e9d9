import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { decodePicture, encodePicture, type PicturedFile } from '../../dist/internals.js'
import {
  drop,
  inShell,
  jsonOf,
  lines,
  mebibyte,
  pagesMayGo,
  posixMmap,
  residentPages,
  touch,
  vectorOf,
} from '../support/cli.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'

const scratch = scratchDirectory()
const disk = drop(scratch.file('probe', 'x'))

const example: PicturedFile[] = [
  { path: '/data/a', size: 10_000, mtime: '1795775730793067756', inode: '17', runs: [0, 5120] },
  { path: '/data/b\u001b\udcff', size: 9, mtime: '-5', inode: '18446744073709551615', runs: [] },
  { path: '/日本', size: 2 ** 52, mtime: '0', inode: '1', runs: [5120, 8192, 12_288, 2 ** 52] },
]

describe('a picture in a file', () => {
  it('is read as it was written', () => {
    const edges = fc.uniqueArray(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { maxLength: 20 })
    const file = fc.record({
      path: fc.string({ unit: 'grapheme' }).map((name) => `/${name.replaceAll('\0', '')}`),
      size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      mtime: fc.bigInt().map(String),
      inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
      runs: edges.map((list) => list.toSorted((a, b) => a - b).slice(0, list.length & ~1)),
    })
    const property = fc.property(fc.array(file), (files) => {
      expect(decodePicture(encodePicture(files), 'x')).toEqual(files)
    })
    fc.assert(property)
    expect(decodePicture(encodePicture(example), 'x')).toEqual(example)
  })

  const content = encodePicture(example)
  const problem = /^'x' is (not a picture|a damaged picture: |a picture of version \d+, and this )/

  it('is refused with each byte damaged in any way', () => {
    for (let at = 0; at < content.length; at++) {
      for (const change of [1, 4, 32, 128]) {
        const damaged = Buffer.from(content)
        damaged[at] = (content[at] ?? 0) ^ change
        expect(() => decodePicture(damaged, 'x'), `${at}`).toThrow(problem)
      }
    }
  })

  it('is refused if any part of it is missing, doubled or put in', () => {
    for (let at = 0; at < content.length; at++) {
      const [start, rest] = [content.subarray(0, at), content.subarray(at)]
      expect(() => decodePicture(start, 'x'), `${at}`).toThrow(problem)
      if (at === 0) continue
      expect(() => decodePicture(rest, 'x'), `${at}`).toThrow(problem)
      const inserted = Buffer.concat([start, Buffer.from('\n'), rest])
      expect(() => decodePicture(inserted, 'x'), `${at}`).toThrow(problem)
    }
    expect(() => decodePicture(Buffer.concat([content, content]), 'x')).toThrow(problem)
  })

  it.each([
    ['', 'is not a picture that posix-mmap save has made'],
    ['\u007fELF', 'is not a picture'],
    ['{"posix-mmap":"other"}', 'is not a picture'],
    [
      '{"posix-mmap":"picture","version":2}\n',
      'is a picture of version 2, and this posix-mmap knows',
    ],
    ['{"posix-mmap":"picture",\n', 'is a damaged picture: its first line is no JSON'],
  ])('%j %s', (text, words) => {
    expect(() => decodePicture(Buffer.from(text), 'x')).toThrow(`'x' ${words}`)
  })

  // Whoever makes one can make its digest too.
  it.each([
    { path: 'relative' },
    { path: '' },
    { path: 7 },
    { path: '/nul\0' },
    { path: '/x', pathBytes: 7 },
    { path: '/x', pathBytes: 'eA==' },
    { size: -1 },
    { size: 1.5 },
    { size: '1' },
    { mtime: 5 },
    { inode: null },
    { runs: 5 },
    { runs: [1] },
    { runs: [0, 0] },
    { runs: [0, -5] },
    { runs: [-1, 5] },
    { runs: [5, 1, -3, 1] },
    { runs: [0, null] },
    { runs: ['0', '5'] },
    { runs: [0, 2 ** 53] },
    { runs: [0, 1e300] },
    { runs: [0.5, 1] },
  ])('whose digest is right, and which says %j, is refused', (slip) => {
    const [head = '', ...rest] = encodePicture([]).toString().split('\n')
    const good = { path: '/x', size: 5, mtime: '1', inode: '1', runs: [0, 5] }
    expect(rest).toHaveLength(2)
    const { createHash } = process.getBuiltinModule('node:crypto')
    const made = (file: object) => {
      const text = `${head}\n${JSON.stringify(file)}\n`
      const sha256 = createHash('sha256').update(text).digest('hex')
      return Buffer.from(`${text}${JSON.stringify({ sha256 })}\n`)
    }
    expect(decodePicture(made(good), 'x')).toHaveLength(1)
    expect(() => decodePicture(made({ ...good, ...slip }), 'x')).toThrow(
      "'x' is a damaged picture: line 2 describes no file",
    )
  })
})

const size = 24 * mebibyte + 123

/** A file of which some pages are in memory, and no others. */
function partlyCached(name: string): { file: string; vector: Uint8Array } {
  const file = scratch.file(name, pattern(size))
  drop(file)
  // Without read-ahead, so that there are single pages too.
  using mapping = mapFile(file, { advice: 'random' })
  for (const page of [0, 5, 7, 8, 9, 3000]) mapping.read(page * pageSize, 1)
  mapping.read(10 * mebibyte, mebibyte)
  mapping.read(size - 1, 1)
  return { file, vector: vectorOf(file) }
}

const words = (name: string) => scratch.file(`${name}.picture`)

describe('save, warm --from and diff', pagesMayGo, () => {
  it('bring exactly the same pages back', async ({ skip }) => {
    if (!disk) skip(noDisk)
    const { file, vector } = partlyCached('exact')
    const picture = words('exact')
    const saved = await posixMmap('save', '--to', picture, file)
    expect(saved).toMatchObject({ code: 0, stderr: '' })
    expect(saved.stdout).toMatch(/^1 file: \S+ MiB of 24\.0 MiB resident \(\d+%\), saved in '/)
    expect(vectorOf(file)).toEqual(vector)
    expect(drop(file)).toBe(true)
    expect(await jsonOf('diff', '--json', picture)).toMatchObject([
      { path: file, state: 'same', size, residentBytes: 0, cameInBytes: 0, cameIn: [] },
    ])
    const [entry] = await jsonOf<{ residentBytes: number }>('warm', '--json', '--from', picture)
    expect(entry).toMatchObject({ path: file, changed: false, residentBefore: 0 })
    expect(vectorOf(file)).toEqual(vector)
    const { code, stdout } = await posixMmap('diff', picture)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1 file: 0 B came in, 0 B went out\n' })
  })

  it('tell what came in and what went out', async ({ skip }) => {
    if (!disk) skip(noDisk)
    const { file, vector } = partlyCached('both')
    const picture = words('both')
    await posixMmap('save', '--to', picture, file)
    drop(file)
    touch(file, 16 * mebibyte, 1)
    const now = vectorOf(file)
    const [found] = await jsonOf<Record<string, [number, number][]>>('diff', '--json', picture)
    const pagesIn = (pairs: [number, number][] = []) =>
      pairs.flatMap(([offset, length]) =>
        Array.from({ length: Math.ceil(length / pageSize) }, (_, i) => offset / pageSize + i),
      )
    const pages = [...now.keys()]
    expect(pagesIn(found?.['cameIn'])).toEqual(pages.filter((i) => now[i] === 1 && vector[i] === 0))
    expect(pagesIn(found?.['wentOut'])).toEqual(
      pages.filter((i) => now[i] === 0 && vector[i] === 1),
    )
    const { stdout } = await posixMmap('diff', picture)
    const [title = '', row = '', total = ''] = lines(stdout)
    expect(title).toMatch(/^ +came in +went out +before +after$/)
    expect(row).toMatch(new RegExp(`^${file} +\\d\\S+ +\\d\\S+ +\\d\\S+ +\\d\\S+$`))
    expect(total).toMatch(/^1 file: \S+ \S+ came in, \S+ MiB went out$/)
    // The other picture has the pages that came in, so that nothing differs from it.
    const second = words('second')
    await posixMmap('save', '--to', second, file)
    const between = await jsonOf('diff', '--json', '--to', second, picture)
    expect(between).toEqual([found])
  })

  it('tell of files that changed, are gone, or are new', async () => {
    const directory = path.join(scratch.directory, 'states')
    fs.mkdirSync(directory, { recursive: true })
    const [grown = '', cut = '', gone = '', same = '', fresh = ''] = [
      'grown',
      'cut',
      'gone',
      'same',
      'new',
    ].map((name) => path.join(directory, name))
    for (const file of [grown, cut, gone, same]) fs.writeFileSync(file, pattern(3 * pageSize))
    fs.rmSync(fresh, { force: true })
    const picture = words('states')
    expect(await posixMmap('save', '--to', picture, directory)).toMatchObject({ code: 0 })
    fs.appendFileSync(grown, 'more')
    fs.truncateSync(cut, pageSize + 1)
    fs.rmSync(gone)
    fs.writeFileSync(fresh, 'x')
    const states = (found: { path: string; state: string }[]) =>
      Object.fromEntries(found.map((one) => [path.basename(one.path), one.state]))
    const expected = { grown: 'changed', cut: 'changed', gone: 'gone', same: 'same' }
    expect(states(await jsonOf('diff', '--json', picture))).toEqual(expected)
    expect(states(await jsonOf('diff', '--json', picture, directory))).toEqual({
      ...expected,
      new: 'new',
    })
    expect(states(await jsonOf('diff', '--json', picture, gone))).toEqual({ gone: 'gone' })
    expect(states(await jsonOf('diff', '--json', '--exclude', 'g*', picture))).toEqual({
      cut: 'changed',
      same: 'same',
    })
    expect(await posixMmap('diff', picture, '/nothing-there')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("ENOENT: no such file or directory, stat '/nothing-there'"),
    })
    const { code, stdout, stderr } = await posixMmap('warm', '--from', picture)
    expect(code).toBe(1)
    expect(stderr).toBe(`posix-mmap: ENOENT: no such file or directory, open '${gone}'\n`)
    expect(stdout).toMatch(/^3 files: [^\n]*\n2 files changed since the picture\n$/)
  })

  it('keep to the ranges and files that are asked for', async ({ skip }) => {
    if (!disk) skip(noDisk)
    const { file } = partlyCached('ranged')
    const picture = words('ranged')
    await posixMmap('save', '--to', picture, '--range', '0,1M', file)
    drop(file)
    await posixMmap('warm', '--from', picture, '/elsewhere')
    await posixMmap('warm', '--from', picture, '--max-size', '1M')
    expect(residentPages(file)).toBe(0)
    expect(
      await posixMmap('warm', '--from', picture, '--range', `${5 * pageSize},1`),
    ).toMatchObject({ code: 0 })
    expect([...vectorOf(file).keys()].filter((page) => vectorOf(file)[page] === 1)).toEqual([5])
    expect(await posixMmap('warm', '--from', picture, scratch.directory)).toMatchObject({ code: 0 })
    expect(residentPages(file)).toBe(5)
  })
})

describe('the file of a picture', () => {
  const file = scratch.file('data', pattern(pageSize))

  it('is replaced whole, keeps its mode, and is reached through a symbolic link', async () => {
    const [target, link] = [words('target'), words('link')]
    expect(await posixMmap('save', '--to', target, file)).toMatchObject({ code: 0 })
    fs.chmodSync(target, 0o600)
    fs.symlinkSync(target, link)
    const before = fs.statSync(target)
    expect(await posixMmap('save', '--to', link, file)).toMatchObject({ code: 0 })
    const after = fs.statSync(target)
    expect(after.ino).not.toBe(before.ino)
    expect(after.mode & 0o777).toBe(0o600)
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true)
    expect(fs.readdirSync(scratch.directory).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('may be standard output and standard input', async () => {
    const { code, stdout, stderr } = await inShell(
      `save --to - ${file} | "$0" "$1" diff --json - && "$0" "$1" save --to - ${file} | "$0" "$1" warm --from -`,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\[\{"path":"[^"]*data","state":"same"[^\n]*\n1 file: /)
  })

  it('is never a file of another kind, nor replaced by a picture of nothing', async () => {
    const original = fs.readFileSync(file)
    const { code, stdout, stderr } = await posixMmap('save', '--to', file, scratch.directory)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(
      `posix-mmap: '${file}' exists and is not a picture: save does not replace it\n`,
    )
    expect(fs.readFileSync(file)).toEqual(original)
    const picture = words('kept')
    await posixMmap('save', '--to', picture, file)
    const kept = fs.readFileSync(picture)
    expect(await posixMmap('save', '--to', picture, '/nothing-there')).toMatchObject({ code: 1 })
    expect(fs.readFileSync(picture)).toEqual(kept)
  })

  it('that cannot be written leaves nothing behind', async () => {
    const { code, stderr } = await posixMmap('save', '--to', '/nothing-there/picture', file)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^posix-mmap: ENOENT: [^\n]*\/nothing-there\/picture[^\n]*\n$/)
  })

  it.each(['warm --from', 'diff'])('that is none is an error of %s', async (command) => {
    for (const [place, words] of [
      [file, 'is not a picture that posix-mmap save has made'],
      ['/nothing-there', 'ENOENT: no such file or directory'],
      [scratch.directory, 'EISDIR: illegal operation on a directory'],
    ]) {
      const { code, stdout, stderr } = await posixMmap(...command.split(' '), place as string)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^posix-mmap: [^\n]*\n$/)
      expect(stderr).toContain(words)
    }
  })
})
