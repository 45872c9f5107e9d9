// Names of files are bytes, which somebody else may have chosen.

import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, pathFrom } from '../../dist/internals.js'
import {
  hasTerminals,
  inShell,
  lines,
  noTerminals,
  onTerminal,
  posixMmap,
  program,
  withoutColours,
  withoutStatus,
} from '../support/cli.js'
import { scratchDirectory } from '../support/files.js'
import { runCommand } from '../support/processes.js'

const scratch = scratchDirectory()

describe('a path', () => {
  it.each([
    ['plain', 'plain'],
    ['日本', '日本'],
    // The character U+FFFD itself, which is no sign of anything lost.
    ['a\ufffdb', 'a\ufffdb'],
    [[0x66, 0xff, 0x67], 'f\udcffg'],
    // A character cut off, one that needs no second byte, half of a pair of UTF-16, one beyond Unicode.
    [[0xe2, 0x82], '\udce2\udc82'],
    [[0xc0, 0xaf], '\udcc0\udcaf'],
    [[0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    [[0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    [[0xef, 0xbf, 0xbd, 0x80], '\ufffd\udc80'],
  ])('of %j', (bytes, expected) => {
    const given = Buffer.from(bytes as string)
    expect(pathFrom(given)).toBe(expected)
    expect(bytesOf(expected)).toEqual(given)
  })

  it('has all of its bytes', () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0xef, 0xbf, 0xbd, 0xe2, 0x82, 0xf0, 0x9f))
    const property = fc.property(fc.array(byte), (bytes) => {
      expect([...bytesOf(pathFrom(Buffer.from(bytes)))]).toEqual(bytes)
    })
    fc.assert(property, { numRuns: 5000 })
  })
})

/** Names by their bytes, and what is shown of them. */
const names: [bytes: Buffer, shown: string][] = [
  [Buffer.from('a\u001b[31mred'), 'a\\x1b[31mred'],
  [Buffer.from('b\nposix-mmap: forged'), 'b\\nposix-mmap: forged'],
  [Buffer.from('c\u009b31m\u0085'), 'c\\u009b31m\\u0085'],
  [Buffer.from('d\u202egnp.exe'), 'd\\u202egnp.exe'],
  [Buffer.from('e\r\t\u0007\b'), 'e\\r\\t\\x07\\x08'],
  [Buffer.from('f\\x1b'), 'f\\\\x1b'],
  [Buffer.from([0x67, 0xff, 0x1b, 0xc3]), 'g\\xff\\x1b\\xc3'],
  [Buffer.from('h\u001b]0;title\u0007'), 'h\\x1b]0;title\\x07'],
]

const directory = path.join(scratch.directory, 'names')
fs.mkdirSync(directory)
const inDirectory = (name: Buffer) => Buffer.concat([Buffer.from(`${directory}/`), name])
for (const [bytes] of names) fs.writeFileSync(inDirectory(bytes), 'x')

// What the program prints itself; colours are checked in usage.test.ts.
const harmless = /^[\n -~]*$/

/** As words of the shell, in which printf(1) makes each byte of a name. */
const words = names
  .map(([bytes]) => [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''))
  .map((octal) => `"${directory}/$(printf '${octal}')"`)

describe('names that would control the terminal, or are not UTF-8', () => {
  const shown = names.map(([, text]) => `${directory}/${text}`)

  it('are shown whole and with escapes where there is no terminal', async () => {
    const { code, stdout, stderr } = await posixMmap('residency', directory)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(harmless)
    const rows = lines(stdout).slice(0, -1)
    expect(rows.map((row) => row.replace(/ {2,}[.+*#-]+ +\d+% .*$/, ''))).toEqual(shown)
  })

  it('are found as operands, by all their bytes', async () => {
    const { code, stdout, stderr } = await inShell(`residency --json ${words.join(' ')}`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const found = JSON.parse(stdout) as { path: string; pathBytes?: string }[]
    const bytes = found.map(({ path, pathBytes }) =>
      pathBytes === undefined ? Buffer.from(path) : Buffer.from(pathBytes, 'base64'),
    )
    expect(bytes).toEqual(names.map(([name]) => inDirectory(name)))
    const isText = names.map(([name]) => Buffer.from(name.toString()).equals(name))
    expect(found.map(({ pathBytes }) => pathBytes === undefined)).toEqual(isText)
    // JSON has escapes of its own.
    expect(stdout).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u)
  })

  it('are harmless on a terminal', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const text = withoutStatus(await onTerminal({ NO_COLOR: '1' }, 200, 'residency', directory))
    expect(text).not.toMatch(/[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}]/u)
    for (const name of shown) expect(text).toContain(`${name} `)
  })

  it('are harmless in a progress bar', async ({ skip }) => {
    if (!hasTerminals) skip(noTerminals)
    const text = withoutColours(await onTerminal({}, 200, 'warm', directory))
    // The program's own: to the start of the line, and clear what is behind the bar.
    expect(text.replaceAll('\r', '').replaceAll('\u001b[K', '')).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u)
  })

  it.each(['residency', 'warm', 'evict', 'diff', 'save --to'])(
    'are harmless in the errors of %s',
    async (command) => {
      const missing = words.map((word) => `${word.slice(0, -1)}-missing"`)
      for (const [i, word] of missing.entries()) {
        const { code, stderr, stdout } = await inShell(
          `${command} ${word} ${command === 'save --to' ? word : ''}`,
        )
        expect(code).toBe(1)
        expect(stdout).toMatch(harmless)
        expect(stderr).toMatch(/^posix-mmap: [ -~]+\n$/)
        expect(stderr).toContain(`'${shown[i]}-missing'`)
      }
    },
  )

  it('can be excluded, saved, compared and read in again', async () => {
    const picture = scratch.file('names.picture')
    expect(await posixMmap('save', '--to', picture, directory)).toMatchObject({
      code: 0,
      stderr: '',
    })
    expect((await posixMmap('warm', '--from', picture)).stdout).toMatch(/^8 files: /)
    const some = await inShell(
      `diff --json --exclude "$(printf 'g\\377*')" ${picture} ${directory}`,
    )
    expect(JSON.parse(some.stdout)).toHaveLength(7)
    const one = await inShell(`diff --json ${picture} ${words[6]}`)
    expect(JSON.parse(one.stdout)).toMatchObject([{ state: 'same', pathBytes: expect.any(String) }])
  })
})

it('a directory whose name is not UTF-8 is entered, also as the current one', async () => {
  const parent = Buffer.concat([Buffer.from(`${scratch.directory}/`), Buffer.of(0xfe, 0x64)])
  fs.mkdirSync(parent)
  fs.writeFileSync(Buffer.concat([parent, Buffer.from('/inner')]), 'x')
  const { stdout } = await posixMmap('residency', '--exclude', 'names*', scratch.directory)
  expect(stdout).toContain(`${scratch.directory}/\\xfed/inner `)
  const cd = `cd "${scratch.directory}/$(printf '\\376d')"`
  const save = `"$0" "$1" save --to ../here.picture . && "$0" "$1" diff --json ../here.picture inner`
  const { stdout: json } = await runCommand(
    'sh',
    '-c',
    `${cd} && ${save}`,
    process.execPath,
    program,
  )
  const [, found = ''] = json.split('\n')
  const [{ pathBytes = '' } = {}] = JSON.parse(found)
  expect(Buffer.from(pathBytes, 'base64')).toEqual(Buffer.concat([parent, Buffer.from('/inner')]))
})
