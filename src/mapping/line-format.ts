// What a line is in each encoding, and how whole lines are taken out of a copy.

import { type Buffer, constants as bufferConstants } from 'node:buffer'
import { stringTooLong } from '../errors.js'
import { checkEncoding, textOf } from './copies.js'
import type { Region } from './region.js'

export interface LineFormat<Line> {
  /** As it stands in memory. Its length is that of a unit, and no line end stands across two. */
  readonly newline: Uint8Array
  /** The lines of a copy of memory at `offset`, without their ends. */
  split(copy: Buffer, offset: number, region: Region): Line[]
  /** One line, given without its end. */
  long(region: Region, offset: number, length: number): Line
}

const [lf, cr] = [10, 13]
const byteNewline = Uint8Array.of(lf)

/** Start and end of each line. A last one without '\n' keeps its '\r'. */
function* lineRanges(copy: Buffer): Generator<[start: number, end: number]> {
  let start = 0
  while (start < copy.length) {
    const newline = copy.indexOf(lf, start)
    const end = newline < 0 ? copy.length : newline
    yield [start, newline > start && copy[newline - 1] === cr ? newline - 1 : end]
    start = end + 1
  }
}

/** Lines as views: the copy only says where they end. */
export const views: LineFormat<Uint8Array> = {
  newline: byteNewline,
  split: (copy, offset, region) =>
    Array.from(lineRanges(copy), ([start, end]) => views.long(region, offset + start, end - start)),
  long(region, offset, length) {
    const { buffer, byteOffset } = region.memory.buffers.covering(offset, length)
    return new Uint8Array(buffer, byteOffset, length)
  },
}

/** For encodings in which '\n' is one unit, and no part of another character. */
function splitText(copy: Buffer, encoding: BufferEncoding): string[] {
  const text = copy.toString(encoding)
  const parts = text.split('\n')
  const last = parts.pop() ?? ''
  const trimmed = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)
  const lines = text.includes('\r\n') ? parts.map(trimmed) : parts
  if (last !== '') lines.push(last)
  return lines
}

/** For encodings in which a line is only found by its bytes. */
function splitBytes(copy: Buffer, encoding: BufferEncoding): string[] {
  return Array.from(lineRanges(copy), ([start, end]) => copy.toString(encoding, start, end))
}

type Split = (copy: Buffer, encoding: BufferEncoding) => string[]

/** `charactersPerByte` is the fewest characters that a byte can become. */
function strings(
  encoding: BufferEncoding,
  split: Split,
  charactersPerByte: number,
  newline = byteNewline,
): LineFormat<string> {
  return {
    newline,
    split: (copy) => split(copy, encoding),
    long(region, offset, length) {
      if (length * charactersPerByte > bufferConstants.MAX_STRING_LENGTH) {
        throw stringTooLong(`the line at offset ${offset}`, length, 'use encoding null for views')
      }
      return textOf(region, offset, length, encoding)
    },
  }
}

const utf8 = strings('utf8', splitText, 1 / 3)
const utf16 = strings('utf16le', splitText, 1 / 2, Uint8Array.of(lf, 0))
const latin1 = strings('latin1', splitText, 1)

const formats: Readonly<Record<BufferEncoding, LineFormat<string>>> = {
  utf8,
  'utf-8': utf8,
  utf16le: utf16,
  'utf-16le': utf16,
  ucs2: utf16,
  'ucs-2': utf16,
  latin1,
  binary: latin1,
  // By bytes, since 0x8a decodes to '\n'.
  ascii: strings('ascii', splitBytes, 1),
  base64: strings('base64', splitBytes, 4 / 3),
  base64url: strings('base64url', splitBytes, 4 / 3),
  hex: strings('hex', splitBytes, 2),
}

export function formatOf(
  encoding: unknown,
  name: string,
): LineFormat<string> | LineFormat<Uint8Array> {
  if (encoding === null) return views
  return formats[checkEncoding(encoding, name).toLowerCase() as BufferEncoding]
}
