import { describe, expect, it } from 'vitest'
import {
  byteSize,
  columnsOf,
  counted,
  harmless,
  padded,
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

  it('pads by columns, and shows no control characters', () => {
    expect(padded('日', 4)).toBe('日  ')
    expect(harmless('a\n\u001b[1m\u202eb')).toBe('a??[1m?b')
  })
})
