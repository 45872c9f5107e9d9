// What a line is in each encoding, and how lines are made of a part of the memory.

import { Buffer, constants as bufferConstants, isAscii } from 'node:buffer'
import { mappingDetached, stringTooLong } from '../errors.js'
import { type NativeFault, native } from '../native.js'
import { checkEncoding, copyOut, textOf } from './copies.js'
import { assertNoFault, faultError } from './faults.js'
import { LineEnds } from './line-ends.js'
import type { Region } from './region.js'

/** Lines that were found together, made when they are asked for. */
export interface Batch<Line> {
  readonly count: number
  /** In bytes of memory, with the line ends. */
  readonly length: number
  line(index: number): Line
}

/** What was found at a place of the memory. */
export interface Found<Line> {
  /** The whole lines there; null where the next line is longer than what is looked at in one go. */
  batch: Batch<Line> | null
  /** The fault behind them; null as well if there are more lines before it. */
  fault: Error | null
}

/** Finds lines from one place to the next. */
export interface LineReader<Line> {
  /** The lines of a range that begins here, which lies inside the region and is not empty. */
  read(region: Region, offset: number, length: number): Found<Line>
}

export interface LineFormat<Line> {
  /** As it stands in memory. Its length is that of a unit, and no line end stands across two. */
  readonly newline: Uint8Array
  /** For a range of so many bytes. */
  reader(byteLength: number): LineReader<Line>
  /** One line, given without its end. */
  long(region: Region, offset: number, length: number): Line
}

const lf = 10
const byteNewline = Uint8Array.of(lf)

/**
 * What is looked at in one go, in bytes. Small enough for V8 to keep the text of a copy, two bytes a
 * character, among its young objects.
 */
const readBytes = 1 << 15

class Views implements Batch<Uint8Array> {
  readonly count: number
  readonly length: number
  readonly #region: Region
  readonly #offset: number
  readonly #ends: LineEnds
  #memory = new Uint8Array(0)
  #buffer: ArrayBuffer = this.#memory.buffer
  #start = 0

  constructor(region: Region, offset: number, ends: LineEnds) {
    this.#region = region
    this.#offset = offset
    this.#ends = ends
    this.count = ends.count
    this.length = ends.length
  }

  line(index: number): Uint8Array {
    if (this.#memory.length === 0) this.#cover()
    const start = this.#ends.startOf(index)
    return new Uint8Array(this.#buffer, this.#start + start, this.#ends.endOf(index) - start)
  }

  /** At first, and when resize() or whoever was given the buffer has detached it. */
  #cover(): void {
    if (this.#offset + this.length > this.#region.byteLength) throw mappingDetached()
    const { buffer, byteOffset } = this.#region.memory.buffers.covering(this.#offset, this.length)
    this.#memory = new Uint8Array(buffer, byteOffset, this.length)
    this.#buffer = buffer
    this.#start = byteOffset
  }
}

/** Lines as views: where they end is found in the memory itself. */
class ViewReader implements LineReader<Uint8Array> {
  readonly #ends: LineEnds

  constructor(byteLength: number) {
    this.#ends = new LineEnds(byteLength)
  }

  read(region: Region, offset: number, length: number): Found<Uint8Array> {
    const ends = this.#ends
    const lost = ends.ofRange(region, offset, Math.min(length, readBytes))
    const fault = lost === null ? null : faultError(region, lost)
    if (fault !== null) {
      const again = ends.ofRange(region, offset, fault.fault.offset - offset)
      if (again !== null) throw faultError(region, again)
    }
    const batch = ends.count === 0 ? null : new Views(region, offset, ends)
    return { batch, fault: ends.isFull ? null : fault }
  }
}

const views: LineFormat<Uint8Array> = {
  newline: byteNewline,
  reader: (byteLength) => new ViewReader(byteLength),
  long(region, offset, length) {
    const { buffer, byteOffset } = region.memory.buffers.covering(offset, length)
    return new Uint8Array(buffer, byteOffset, length)
  },
}

/** For text that has a character a byte. */
class Slices implements Batch<string> {
  readonly count: number
  readonly length: number
  readonly #text: string
  readonly #ends: LineEnds

  constructor(copy: Buffer, ends: LineEnds) {
    this.count = ends.count
    this.length = ends.length
    this.#text = copy.toString('latin1', 0, this.length)
    this.#ends = ends
  }

  line(index: number): string {
    return this.#text.slice(this.#ends.startOf(index), this.#ends.endOf(index))
  }
}

/** For encodings in which '\n' is one unit, and no part of another character. */
class Split implements Batch<string> {
  readonly count: number
  readonly length: number
  readonly #lines: string[]

  constructor(copy: Buffer, length: number, encoding: BufferEncoding) {
    const text = copy.toString(encoding, 0, length)
    const parts = text.split('\n')
    const last = parts.pop() ?? ''
    const trimmed = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line)
    this.#lines = text.includes('\r\n') ? parts.map(trimmed) : parts
    if (last !== '') this.#lines.push(last)
    this.count = this.#lines.length
    this.length = length
  }

  line(index: number): string {
    return this.#lines[index] as string
  }
}

/** For encodings in which a line is only found by its bytes. */
class Decoded implements Batch<string> {
  readonly count: number
  readonly length: number
  readonly #copy: Buffer
  readonly #ends: LineEnds
  readonly #encoding: BufferEncoding

  constructor(copy: Buffer, ends: LineEnds, encoding: BufferEncoding) {
    this.count = ends.count
    this.length = ends.length
    this.#copy = copy
    this.#ends = ends
    this.#encoding = encoding
  }

  line(index: number): string {
    return this.#copy.toString(this.#encoding, this.#ends.startOf(index), this.#ends.endOf(index))
  }
}

type Fill = { copied: number; fault: Error | null }

/** Fills `target` from its start as far as the bytes can be read. */
function copyUpToFault(region: Region, offset: number, target: Buffer): Fill {
  const result = native.copyOut(region.handle, offset, target)
  if (result === null || typeof result === 'number') {
    assertNoFault(result, region, 'read')
    return { copied: target.length, fault: null }
  }
  return copyBefore(result, region, offset, target)
}

function copyBefore(lost: NativeFault, region: Region, offset: number, target: Buffer): Fill {
  const fault = faultError(region, lost)
  const copied = fault.fault.offset - offset
  copyOut(region, offset, target.subarray(0, copied))
  return { copied, fault }
}

/** The whole lines of a copy; `last` says that no more follow, and that the rest is a line as well. */
type Divide = (copy: Buffer, length: number, last: boolean) => Batch<string> | null

/** Lines as strings: made of copies of the memory. */
class StringReader implements LineReader<string> {
  readonly #divide: Divide
  readonly #ends: LineEnds | undefined
  #buffer: Buffer | undefined

  /** `ends` is what `divide` finds the lines by, if it may not find all. */
  constructor(divide: Divide, ends?: LineEnds) {
    this.#divide = divide
    this.#ends = ends
  }

  read(region: Region, offset: number, length: number): Found<string> {
    // Of a length for the first read: a small range takes a small buffer.
    this.#buffer ??= Buffer.allocUnsafeSlow(Math.min(length, readBytes))
    const wanted = Math.min(length, this.#buffer.length)
    const copy = wanted === this.#buffer.length ? this.#buffer : this.#buffer.subarray(0, wanted)
    const { copied, fault } = copyUpToFault(region, offset, copy)
    const batch = this.#divide(copy, copied, fault === null && copied === length)
    return { batch, fault: this.#ends?.isFull ? null : fault }
  }
}

/** By the ends of lines, which stand in one byte. */
function byEnds(make: (copy: Buffer, ends: LineEnds) => Batch<string>) {
  return (byteLength: number): LineReader<string> => {
    const ends = new LineEnds(byteLength)
    return new StringReader((copy, length, last) => {
      ends.ofCopy(copy, length)
      if (last) ends.addRest(length)
      return ends.count === 0 ? null : make(copy, ends)
    }, ends)
  }
}

/** By the text: up to the last line end of a copy. */
function byText(encoding: BufferEncoding): () => LineReader<string> {
  return () =>
    new StringReader((copy, copied, last) => {
      const units = new Uint16Array(copy.buffer, copy.byteOffset, copied >> 1)
      const length = last ? copied : 2 * (units.lastIndexOf(lf) + 1)
      return length === 0 ? null : new Split(copy, length, encoding)
    })
}

/** `charactersPerByte` is the fewest characters that a byte can become. */
function strings(
  encoding: BufferEncoding,
  reader: LineFormat<string>['reader'],
  charactersPerByte: number,
  newline = byteNewline,
): LineFormat<string> {
  return {
    newline,
    reader,
    long(region, offset, length) {
      if (length * charactersPerByte > bufferConstants.MAX_STRING_LENGTH) {
        throw stringTooLong(`the line at offset ${offset}`, length, 'use encoding null for views')
      }
      return textOf(region, offset, length, encoding)
    },
  }
}

const slices = (copy: Buffer, ends: LineEnds) => new Slices(copy, ends)
const slicesOrSplit = (copy: Buffer, ends: LineEnds) =>
  isAscii(copy.subarray(0, ends.length)) ? slices(copy, ends) : new Split(copy, ends.length, 'utf8')
/** By bytes, since 0x8a decodes to '\n' in ASCII. */
const decoded = (encoding: BufferEncoding) =>
  byEnds((copy, ends) => new Decoded(copy, ends, encoding))

const utf8 = strings('utf8', byEnds(slicesOrSplit), 1 / 3)
const utf16 = strings('utf16le', byText('utf16le'), 1 / 2, Uint8Array.of(lf, 0))
const latin1 = strings('latin1', byEnds(slices), 1)

const formats: Readonly<Record<BufferEncoding, LineFormat<string>>> = {
  utf8,
  'utf-8': utf8,
  utf16le: utf16,
  'utf-16le': utf16,
  ucs2: utf16,
  'ucs-2': utf16,
  latin1,
  binary: latin1,
  ascii: strings('ascii', decoded('ascii'), 1),
  base64: strings('base64', decoded('base64'), 4 / 3),
  base64url: strings('base64url', decoded('base64url'), 4 / 3),
  hex: strings('hex', decoded('hex'), 2),
}

export function formatOf(
  encoding: unknown,
  name: string,
): LineFormat<string> | LineFormat<Uint8Array> {
  if (encoding === null) return views
  return formats[checkEncoding(encoding, name).toLowerCase() as BufferEncoding]
}
