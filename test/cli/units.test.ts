import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  byteSize,
  columnsOf,
  counted,
  escaped,
  extentIn,
  harmless,
  jsonText,
  padded,
  parseRange,
  parseSize,
  percentage,
  shortByteSize,
  shortened,
} from '../../dist/internals.js'

describe('units', () => {
  it.each([
    [0, '0 B', '0'],
    [1, '1 B', '1'],
    [1023, '1023 B', '1023'],
    [1024, '1 KiB', '1K'],
    [1536, '1.5 KiB', '1.5K'],
    [99.94 * 1024, '99.9 KiB', '99.9K'],
    [99.96 * 1024, '100 KiB', '100K'],
    [1023.4 * 1024, '1023 KiB', '1023K'],
    [1023.6 * 1024, '1.0 MiB', '1.0M'],
    [2 ** 30, '1 GiB', '1G'],
    [2 ** 40, '1 TiB', '1T'],
    [Number.MAX_SAFE_INTEGER, '8.0 PiB', '8.0P'],
  ])('%d bytes are %s', (bytes, long, short) => {
    expect([byteSize(bytes), shortByteSize(bytes)]).toEqual([long, short])
  })

  it.each([
    [0, 3, '0%'],
    [1, 1000, '1%'],
    [1, 3, '33%'],
    [999, 1000, '99%'],
    [3, 3, '100%'],
    [0, 0, '100%'],
  ])('%d of %d are %s', (part, whole, expected) => {
    expect(percentage(part, whole)).toBe(expected)
  })

  it.each([
    ['0', 0],
    ['5000', 5000],
    ['123B', 123],
    ['4k', 4 * 1024],
    ['4K', 4 * 1024],
    ['1.5G', 1.5 * 2 ** 30],
    ['1.5 GiB', 1.5 * 2 ** 30],
    ['.5M', 2 ** 19],
    ['3.KiB', 3072],
    ['64kB', 64_000],
    ['2MB', 2_000_000],
    ['1T', 2 ** 40],
    ['7PiB', 7 * 2 ** 50],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text, '--max-size')).toBe(bytes)
  })

  it.each(['', 'k', '-1', '1e3', '1.2.3', '4 q', '4kk', '0x10', 'Infinity', '1 000', '8P', '1E'])(
    '%j is no size',
    (text) => {
      expect(() => parseSize(text, '--max-size')).toThrow('--max-size takes ')
    },
  )

  it('reads what it prints', () => {
    for (let bytes = 1; bytes < 2 ** 50; bytes = Math.ceil(bytes * 1.37)) {
      for (const text of [byteSize(bytes), shortByteSize(bytes)]) {
        const read = parseSize(text, '--max-size')
        expect(Math.abs(read - bytes) / bytes, text).toBeLessThan(0.05)
      }
    }
  })

  it.each([
    ['0-5000', 0, 5000],
    ['3k-8k', 3072, 8192],
    ['3k-', 3072, Number.POSITIVE_INFINITY],
    ['-8k', 0, 8192],
    ['8k', 0, 8192],
    ['-', 0, Number.POSITIVE_INFINITY],
    ['3k,8k', 3072, 11_264],
    ['100,0', 100, 100],
    ['1MiB-2MB', 2 ** 20, 2_000_000],
  ])('the range %s', (text, start, end) => {
    expect(parseRange(text)).toEqual({ start, end })
  })

  it.each(['', 'x', '2-1', '1-2-3', '1,2,3', '1,', ',2', '1,2-3', '-1,2', '1k-2q'])(
    '%j is no range',
    (text) => {
      expect(() => parseRange(text)).toThrow('--range ')
    },
  )

  it.each([
    [100, { start: 0, end: Number.POSITIVE_INFINITY }, { offset: 0, length: 100 }],
    [100, { start: 10, end: 20 }, { offset: 10, length: 10 }],
    [100, { start: 90, end: 120 }, { offset: 90, length: 10 }],
    [100, { start: 100, end: 120 }, { offset: 100, length: 0 }],
    [100, { start: 200, end: 220 }, { offset: 100, length: 0 }],
    [0, { start: 0, end: 5 }, { offset: 0, length: 0 }],
  ])('of %d bytes, %o is %o', (size, range, expected) => {
    expect(extentIn(size, range)).toEqual(expected)
  })

  it('counts', () => {
    expect([0, 1, 2, 2000].map((count) => counted(count, 'file'))).toEqual([
      '0 files',
      '1 file',
      '2 files',
      '2,000 files',
    ])
  })
})

describe('text', () => {
  it.each([
    ['file', 4],
    ['日本', 4],
    ['한글', 4],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['Ж', 1],
  ])('%s takes %i columns', (text, columns) => {
    expect(columnsOf(text)).toBe(columns)
  })

  it.each([
    ['short', 5, 'short'],
    ['/usr/lib/library.so', 10, '/us…ary.so'],
    ['日本語日本語', 7, '日…本語'],
    ['abc', 1, '…'],
  ])('%s in %i columns is %s', (text, columns, expected) => {
    expect(shortened(text, columns, '…')).toBe(expected)
    expect(columnsOf(expected)).toBeLessThanOrEqual(columns)
  })

  it('pads by columns', () => {
    expect(padded('日', 4)).toBe('日  ')
  })

  it.each([
    ['plain name', 'plain name'],
    ['日本 ñ 👩', '日本 ñ 👩'],
    ['a\nb\tc\rd', 'a\\nb\\tc\\rd'],
    ['\u001b[31m\u0000\u007f', '\\x1b[31m\\x00\\x7f'],
    ['\u0085\u009b31m', '\\u0085\\u009b31m'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['a\u2028b\ufeff', 'a\\u2028b\\ufeff'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\udc80\udcff', '\\x80\\xff'],
    ['\ud800', '\\ud800'],
    ['\\n', '\\\\n'],
  ])('the name %j is shown as %s', (name, expected) => {
    expect(escaped(name)).toBe(expected)
    expect(harmless(name).replaceAll('\\', '')).toBe(expected.replaceAll('\\', ''))
  })

  it('no two names look the same, and none controls the terminal', () => {
    const nasty = fc.constantFrom(
      '\\',
      'x',
      '1',
      'b',
      'n',
      '\n',
      '\u001b',
      '\udc1b',
      '\udc9b',
      '\u009b',
    )
    const name = fc.oneof(fc.string({ unit: nasty, maxLength: 6 }), fc.string({ unit: 'binary' }))
    const assertion = fc.property(name, name, (one, other) => {
      expect(escaped(one) === escaped(other)).toBe(one === other)
      expect(escaped(one)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      expect(harmless(one)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      expect(JSON.parse(jsonText({ one }))).toEqual({ one: one })
      expect(jsonText({ one })).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
    })
    fc.assert(assertion, { numRuns: 2000 })
  })
})
