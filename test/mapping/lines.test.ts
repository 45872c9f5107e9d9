import { constants as bufferConstants } from 'node:buffer'
import fs from 'node:fs'
import fc from 'fast-check'
import { type LinesOptions, type Mapping, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  thrownBy,
  untyped,
} from '../support/errors.js'
import { pattern, scratchDirectory, withDescriptor } from '../support/files.js'
import { runForJson } from '../support/processes.js'

const scratch = scratchDirectory()

// The number of bytes that lines() copies at once.
const copyLength = 1 << 15

function filled(content: Uint8Array | string): Mapping {
  const mapping = mapAnonymous(Buffer.byteLength(content))
  mapping.write(0, content)
  return mapping
}

/** The lines of a range, found byte by byte. */
function linesOf(content: Buffer, unit: 1 | 2 = 1): Buffer[] {
  const at = (index: number) =>
    unit === 1 ? content[index] : index + 1 < content.length ? content.readUInt16LE(index) : -1
  const lines: Buffer[] = []
  let start = 0
  for (let index = 0; index < content.length; index += unit) {
    if (at(index) !== 10) continue
    const carriage = index > start && at(index - unit) === 13
    lines.push(content.subarray(start, carriage ? index - unit : index))
    start = index + unit
  }
  if (start < content.length) lines.push(content.subarray(start))
  return lines
}

/** The methods of Iterator.prototype, which are not in the types of ES2023. */
interface Helpers {
  drop(count: number): { toArray(): unknown[] }
}

describe('lines', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['\n', ['']],
    ['\r\n', ['']],
    ['\r', ['\r']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\r\n', ['a']],
    ['a\r', ['a\r']],
    ['a\n\nb', ['a', '', 'b']],
    ['a\r\r\nb\rc\n', ['a\r', 'b\rc']],
    ['\r\n\n\r\n', ['', '', '']],
    ['ü€😀\r\n😀', ['ü€😀', '😀']],
    ['\ufeffa\n\0b', ['\ufeffa', '\0b']],
  ])('%j', (text, lines) => {
    using mapping = filled(text)
    expect([...mapping.lines()]).toEqual(lines)
    const views = [...mapping.lines({ encoding: null })]
    expect(views.map((view) => Buffer.from(view).toString())).toEqual(lines)
    expect([...mapping.lines({ encoding: 'base64' })]).toEqual(
      lines.map((line) => Buffer.from(line).toString('base64')),
    )
    using wide = filled(Buffer.from(text, 'utf16le'))
    expect([...wide.lines({ encoding: 'utf16le' })]).toEqual(lines)
  })

  const encodings: BufferEncoding[] = ['utf8', 'latin1', 'ascii', 'hex', 'base64', 'base64url']
  it.each([...encodings, null])('are those of a byte by byte search, encoding %s', (encoding) => {
    const byte = fc.constantFrom(10, 13, 10, 65, 0, 0x8a, 0x8d, 0xc3, 0xa4, 0xe2, 0x82, 0xff)
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), fc.nat(60), (values, from) => {
        const content = Buffer.from(values)
        using mapping = filled(content)
        const start = Math.min(from, content.length)
        const expected = linesOf(content.subarray(start))
        const lines = [...mapping.lines({ encoding, offset: start } as LinesOptions)]
        if (encoding === null) expect(lines.map((line) => Buffer.from(line))).toEqual(expected)
        else expect(lines).toEqual(expected.map((line) => line.toString(encoding)))
      }),
      { numRuns: 300 },
    )
  })

  it('are those of a search by units of two bytes, encoding utf16le', () => {
    const byte = fc.constantFrom(10, 0, 13, 0, 65)
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 60 }), fc.nat(9), (values, start) => {
        fc.pre(start <= values.length && (values.length - start) % 2 === 0)
        const content = Buffer.from(values)
        using mapping = filled(content)
        const lines = [...mapping.lines({ encoding: 'utf16le', offset: start })]
        expect(lines).toEqual(
          linesOf(content.subarray(start), 2).map((line) => line.toString('utf16le')),
        )
      }),
      { numRuns: 500 },
    )
  })

  const unicode = ['a', 'ü', '€', '😀', '\n', '\r\n', '\r', 'x'.repeat(700)]
  it.each(['utf8', 'utf16le', null] as const)(
    'around the ends of copies, encoding %s',
    (encoding) => {
      const piece = fc.constantFrom(...unicode)
      fc.assert(
        fc.property(
          fc.array(piece, { minLength: 1, maxLength: 8 }),
          fc.integer({ min: -9, max: 9 }),
          fc.constantFrom(1, 2, 3),
          fc.boolean(),
          (pieces, shift, copies, lines) => {
            const before = 'y'.repeat(copies * copyLength + 2 * shift)
            const parts = [lines ? before.replaceAll('yyyyyyyy', 'yyyyyyy\n') : before, ...pieces]
            const content = Buffer.from(parts.join('') + pieces.join(''), encoding ?? 'utf8')
            using mapping = filled(content)
            const expected = linesOf(content, encoding === 'utf16le' ? 2 : 1)
            const actual = [...mapping.lines({ encoding })]
            if (encoding === null) {
              const views = actual as Uint8Array[]
              expect(Buffer.concat(views).equals(Buffer.concat(expected))).toBe(true)
              expect(views.map(({ length }) => length)).toEqual(
                expected.map(({ length }) => length),
              )
            } else {
              expect(actual).toEqual(expected.map((line) => line.toString(encoding)))
            }
          },
        ),
        { numRuns: 60 },
      )
    },
  )

  it('do not end between two units whose bytes together look like a line end', () => {
    // U+0A41 U+0041: the bytes 41 0a 41 00; U+0A00 U+4100: 00 0a 00 41.
    const text = '\u0a41\u4100\u0a00\u4100'.repeat(copyLength)
    using mapping = filled(Buffer.from(`${text}\r\nlast`, 'utf16le'))
    expect([...mapping.lines({ encoding: 'utf-16le' as BufferEncoding })]).toEqual([text, 'last'])
  })

  it.each(['utf-8', 'UTF8', 'ucs2', 'Latin1', 'binary', 'BASE64'])('encoding %s', (encoding) => {
    using mapping = filled('ab\ncd')
    const expected = encoding === 'ucs2' ? [...mapping.lines({ encoding: 'utf16le' })] : undefined
    const lines = [...mapping.lines({ encoding: encoding as BufferEncoding })]
    expect(lines).toEqual(
      expected ??
        ['ab', 'cd'].map((line) => Buffer.from(line).toString(encoding as BufferEncoding)),
    )
  })

  it('of a range', () => {
    using mapping = filled('one\ntwo\r\nthree')
    expect([...mapping.lines({ offset: 4 })]).toEqual(['two', 'three'])
    expect([...mapping.lines({ offset: 5n, length: 5n })]).toEqual(['wo', 't'])
    expect([...mapping.lines({ offset: 4, length: 4 })]).toEqual(['two\r'])
    expect([...mapping.lines({ offset: 4, length: 0 })]).toEqual([])
    for (const range of [
      { offset: 15 },
      { length: 15 },
      { offset: 5, length: 10 },
      { offset: -1 },
    ]) {
      expect(() => mapping.lines(range)).toThrow(outOfRange)
    }
  })

  it('have their options checked at once', () => {
    using mapping = filled('x')
    expect(() => mapping.lines(untyped({ encoding: 'utf-9' }))).toThrow(invalidValue)
    for (const encoding of [1, {}, true]) {
      expect(() => mapping.lines(untyped({ encoding }))).toThrow(invalidType)
    }
    expect([...mapping.lines(untyped({ encoding: undefined }))]).toEqual(['x'])
  })

  it('are views of the memory itself with encoding null', () => {
    using mapping = filled('abc\ndef\n')
    const [, second] = mapping.lines({ encoding: null })
    expect(second?.buffer).toBe(mapping.buffer)
    expect(second?.byteOffset).toBe(4)
    mapping.write(4, 'xyz')
    expect(Buffer.from(second ?? []).toString()).toBe('xyz')
  })

  it('come from an iterator', () => {
    using mapping = filled('a\nb\nc')
    const lines = mapping.lines()
    expect(lines[Symbol.iterator]()).toBe(lines)
    for (const line of lines) {
      expect(line).toBe('a')
      break
    }
    expect(lines.next()).toEqual({ value: undefined, done: true })
    if ('Iterator' in globalThis) {
      expect((mapping.lines() as unknown as Helpers).drop(1).toArray()).toEqual(['b', 'c'])
    }
  })
})

describe('many short lines', () => {
  // More than one call of the addon finds in what is copied at once.
  const short = (length: number, end: string) => Buffer.from(end.repeat(length / end.length))

  it.each(['utf8', 'latin1', 'hex', 'utf16le', null] as const)('encoding %s', (encoding) => {
    const unit = encoding === 'utf16le' ? 2 : 1
    const bytes = Buffer.from(
      `${'\n'.repeat(20_000)}last\r\n${'a\nü\n'.repeat(9_000)}`,
      encoding === 'utf16le' ? encoding : 'utf8',
    )
    using mapping = filled(bytes)
    const expected = linesOf(bytes, unit).map((line) => line.toString(encoding ?? 'latin1'))
    const lines = [...mapping.lines({ encoding } as LinesOptions)] as (string | Uint8Array)[]
    const text = lines.map((line) =>
      typeof line === 'string' ? line : Buffer.from(line).toString('latin1'),
    )
    expect(text).toEqual(expected)
  })

  it.each(['utf8', 'hex', 'utf16le', null] as const)(
    'before a page that is gone, encoding %s',
    (encoding) => {
      const end = encoding === 'utf16le' ? '\n\0' : '\n'
      const file = scratch.file('short', short(8 * pageSize, end))
      using mapping = mapFile(file)
      fs.truncateSync(file, 5 * pageSize)
      const lines = mapping.lines({ encoding } as LinesOptions)
      for (let i = 0; i < (5 * pageSize) / end.length; i++) expect(lines.next().done).toBe(false)
      expect(thrownBy(() => lines.next())).toMatchObject({
        code: 'ERR_MAPPING_FAULT',
        fault: { kind: 'truncated', offset: 5 * pageSize, count: 1 },
      })
      expect(lines.next().done).toBe(true)
    },
  )
})

describe('views', () => {
  const content = Buffer.from('first\nsecond\r\n\nfourth\n')
  const text = (line: { value?: unknown }) => Buffer.from(line.value as Uint8Array).toString()

  it('are of the fresh buffer after somebody transferred the one before', () => {
    using mapping = filled(content)
    const lines = mapping.lines({ encoding: null })
    expect(text(lines.next())).toBe('first')
    structuredClone(mapping.buffer, { transfer: [mapping.buffer] })
    expect([lines.next(), lines.next(), lines.next()].map(text)).toEqual(['second', '', 'fourth'])
    expect(lines.next().done).toBe(true)
  })

  it('are of the memory after resize(), and an error where it has become too short', () => {
    const file = scratch.file('resized', content)
    using mapping = mapFile(file, { access: 'read-write' })
    const lines = mapping.lines({ encoding: null })
    expect(text(lines.next())).toBe('first')
    mapping.resize(content.length + pageSize)
    expect(text(lines.next())).toBe('second')
    mapping.resize(3)
    expect(() => lines.next()).toThrow(expect.objectContaining({ code: 'ERR_MAPPING_DETACHED' }))
  })
})

describe('next()', () => {
  it.each(['utf8', null] as const)('throws after unmap(), encoding %s', (encoding) => {
    const mapping = filled('a\nb\nc\n')
    const lines = mapping.lines({ encoding } as LinesOptions)
    expect(lines.next().done).toBe(false)
    mapping.unmap()
    for (let i = 0; i < 2; i++) expect(() => lines.next()).toThrow(mappingClosed)
    expect(() => mapping.lines()).toThrow(mappingClosed)
  })

  it.each(['utf8', 'hex', 'utf16le', null] as const)(
    'gives each line before a page that is gone, then throws, encoding %s',
    (encoding) => {
      const text = Buffer.from(
        '0123456789abcd\n'.repeat(pageSize),
        encoding === 'utf16le' ? encoding : 'utf8',
      )
      const file = scratch.file('truncated', text)
      using mapping = mapFile(file)
      const offset = 3 * pageSize
      fs.truncateSync(file, offset)
      const lines = mapping.lines({ encoding } as LinesOptions)
      const before = linesOf(text.subarray(0, offset), encoding === 'utf16le' ? 2 : 1).length - 1
      for (let i = 0; i < before; i++) expect(lines.next().done).toBe(false)
      const fault = { kind: 'truncated', offset, count: 1 }
      expect(thrownBy(() => lines.next())).toMatchObject({
        code: 'ERR_MAPPING_FAULT',
        fault,
        path: file,
      })
      expect(mapping.fault).toEqual(fault)
      expect(lines.next().done).toBe(true)
    },
  )

  it('throws for a page that was replaced, in a long line too', () => {
    const file = scratch.file('replaced', Buffer.alloc(copyLength + 4 * pageSize, 'x'))
    using mapping = mapFile(file)
    fs.truncateSync(file, copyLength)
    mapping.bytes(copyLength + pageSize, 1)[0]
    fs.truncateSync(file, copyLength + 4 * pageSize)
    mapping.clearFault()
    const fault = { kind: 'truncated', offset: copyLength + pageSize, count: 1 }
    for (const encoding of ['utf8', null] as const) {
      const lines = mapping.lines({ encoding } as LinesOptions)
      expect(thrownBy(() => lines.next())).toMatchObject({ code: 'ERR_MAPPING_FAULT', fault })
    }
    expect(mapping.fault).toBeNull()
  })
})

describe('long lines and large files', () => {
  it('a line beyond 4 GiB', () => {
    const file = scratch.hole('sparse', 5 * 2 ** 30)
    const start = 4 * 2 ** 30 - 3
    withDescriptor(file, 'r+', (fd) => fs.writeSync(fd, '\none\r\ntwo\n', start))
    using mapping = mapFile(file)
    const lines = mapping.lines({ offset: start + 1 })
    expect([lines.next().value, lines.next().value]).toEqual(['one', 'two'])
    const [view] = mapping.lines({ encoding: null, offset: start + 1, length: 5 })
    expect(Buffer.from(view ?? []).toString()).toBe('one')
  })

  it('a line that is too long for a string is an error, but a view of it is not', async () => {
    const size = bufferConstants.MAX_STRING_LENGTH + 100
    const file = scratch.hole('long', size)
    withDescriptor(file, 'r+', (fd) => fs.writeSync(fd, '\r\nnext', size - 6))
    const result = await runForJson(`
      import { mapFile } from 'posix-mmap'
      const mapping = mapFile('${file}')
      const outcome = (encoding) => {
        const lines = mapping.lines({ encoding })
        try {
          return [lines.next().value.length, String.fromCharCode(...lines.next().value)]
        } catch ({ name, code }) {
          return { name, code, done: lines.next().done }
        }
      }
      console.log(JSON.stringify([null, 'latin1', 'hex', 'utf8'].map(outcome)))`)
    const error = { name: 'Error', code: 'ERR_STRING_TOO_LONG', done: true }
    expect(result).toEqual([[size - 6, 'next'], error, error, error])
  })
})

it('content that another process writes to is decoded from copies', async () => {
  const file = scratch.file('shared', pattern(16 * pageSize))
  const result = await runForJson(`
    import { Worker } from 'node:worker_threads'
    import { mapFile } from 'posix-mmap'
    const mapping = mapFile('${file}', { access: 'read-write' })
    const worker = new Worker(\`
      import('posix-mmap').then(({ mapFile }) => {
        const bytes = mapFile('${file}', { access: 'read-write' }).bytes()
        const samples = [[0xc3, 0xa4], [0xe2, 0x82, 0xac], [0x41, 0x0a], [0xf0, 0x9f, 0x98, 0x80], [0xff]]
        for (let i = 0; ; i++) bytes.set(samples[i % samples.length], (i * 7919) % (bytes.length - 4))
      })\`, { eval: true })
    let count = 0
    const end = Date.now() + 1500
    while (Date.now() < end) for (const line of mapping.lines()) count += line.length
    await worker.terminate()
    console.log(JSON.stringify(count > 0))`)
  expect(result).toBe(true)
})
