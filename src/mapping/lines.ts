// Lines, read by way of copies: V8 of Node 20 and 22 measures text before it decodes it, and memory
// that somebody writes to in between would crash it.

import { Buffer } from 'node:buffer'
import {
  optional,
  optionalByteCount,
  options as optionsObject,
  rangeBetween,
} from '../arguments.js'
import { MappingFaultError, mappingDetached } from '../errors.js'
import { native } from '../native.js'
import { assertCopied } from './copies.js'
import { toMappingFault } from './fault-delivery.js'
import { type MappedMemory, regionOf } from './lifetime.js'
import { formatOf, type LineFormat } from './line-format.js'
import type { Region } from './region.js'
import { found, SearchedMemory } from './search.js'

/** What {@link Mapping.lines} yields. */
export interface LinesOptions {
  /** Default `'utf8'`. `null` yields views of the memory instead of strings. */
  encoding?: BufferEncoding | null
  /** Where the first line begins, in bytes from the start of the mapping; default 0. */
  start?: number | bigint
  /** Where the last line ends at the latest, exclusive; default the end of the mapping. */
  end?: number | bigint
}

// Small enough for V8 to keep the text of a copy, two bytes a character, among its young objects.
const copyLength = 1 << 15

/** Copies as much as can be had, from the start of `target` on: what is missing, is a fault. */
function copyUpToFault(
  region: Region,
  offset: number,
  target: Buffer,
): { copy: Buffer; fault: MappingFaultError | null } {
  const result = native.copyOut(region.handle, offset, target)
  if (result === null || typeof result === 'number') {
    assertCopied(result, region, 'read')
    return { copy: target, fault: null }
  }
  const fault = new MappingFaultError(toMappingFault(result), region.path)
  const copy = target.subarray(0, fault.fault.offset - offset)
  assertCopied(native.copyOut(region.handle, offset, copy), region, 'read')
  return { copy, fault }
}

/** The bytes of a copy up to its last line end, that included; 0 if there is none. */
function wholeLines(copy: Buffer, unit: number): number {
  if (unit === 1) return copy.lastIndexOf(10) + 1
  const units = new Uint16Array(copy.buffer, copy.byteOffset, Math.floor(copy.length / unit))
  return (units.lastIndexOf(10) + 1) * unit
}

/** The first line end from `from` on, which is a whole number of units behind `start`, or `end`. */
function nextNewline(region: Region, from: number, end: number, newline: Uint8Array): number {
  for (let at = from; ; ) {
    const place = found(native.searchFirst(region.handle, at, end - at, newline), region)
    if (place === null) return end
    if ((place - from) % newline.length === 0) return place
    at = place + 1
  }
}

/** Where the text of a line ends whose '\n' stands at `newline`. */
function beforeCarriageReturn(region: Region, newline: number, unit: number): number {
  const before = Buffer.alloc(unit)
  assertCopied(native.copyOut(region.handle, newline - unit, before), region, 'read')
  return before.readUIntLE(0, unit) === 13 ? newline - unit : newline
}

/** The lines of a range, a batch for each copy. */
function* batchesOf<Line>(
  memory: MappedMemory,
  start: number,
  end: number,
  format: LineFormat<Line>,
): Generator<Line[], undefined> {
  const unit = format.newline.length
  const buffer = Buffer.allocUnsafeSlow(Math.min(copyLength, end - start))
  let at = start
  while (at < end) {
    const region = regionOf(memory)
    if (end > region.byteLength) throw mappingDetached() // resize() made it shorter
    const target = buffer.subarray(0, Math.min(buffer.length, end - at))
    const { copy, fault } = copyUpToFault(region, at, target)
    const last = fault === null && at + copy.length === end
    const length = last ? copy.length : wholeLines(copy, unit)
    yield format.split(copy.subarray(0, length), at, region)
    at += length
    if (fault !== null) throw fault
    if (length > 0) continue
    const newline = nextNewline(region, at + copy.length, end, format.newline)
    const stop = newline === end ? end : beforeCarriageReturn(region, newline, unit)
    yield [format.long(region, at, stop - at)]
    at = newline === end ? end : newline + unit
  }
}

/** Not a generator, which takes longer to hand out a line than it takes to make one. */
class Lines<Line> implements IterableIterator<Line> {
  readonly #memory: MappedMemory
  readonly #batches: Iterator<Line[], undefined>
  #batch: Line[] = []
  #index = 0

  static {
    // The methods that iterators have: map(), filter(), toArray(), …
    const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]()) as object
    Object.setPrototypeOf(Lines.prototype, Object.getPrototypeOf(arrayIterator) as object)
  }

  constructor(memory: MappedMemory, batches: Iterator<Line[], undefined>) {
    this.#memory = memory
    this.#batches = batches
  }

  next(): IteratorResult<Line, undefined> {
    regionOf(this.#memory)
    while (this.#index === this.#batch.length) {
      const { value } = this.#batches.next()
      if (value === undefined) return { value, done: true }
      this.#batch = value
      this.#index = 0
    }
    return { value: this.#batch[this.#index++] as Line, done: false }
  }

  return(): IteratorResult<Line, undefined> {
    this.#batch = []
    this.#index = 0
    this.#batches.return?.()
    return { value: undefined, done: true }
  }

  [Symbol.iterator](): this {
    return this
  }
}

export abstract class LinedMemory extends SearchedMemory {
  /**
   * The lines of a range, without `'\n'` and a `'\r'` directly before it. A last line needs no
   * `'\n'`, and there is none behind a final `'\n'`; a `'\r'` elsewhere is part of its line. Offsets
   * may be in the middle of a line. With `'utf16le'` the units count from `start`; with `'hex'` and
   * `'base64'` each line is encoded for itself.
   *
   * With `encoding: null` lines are views, valid as {@link bytes} has it. Reads up to 32 KiB ahead,
   * and what it yields was read without a fault. next() throws at the line that cannot be had.
   *
   * @throws ERR_OUT_OF_RANGE for a range outside the mapping · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE · ERR_MAPPING_CLOSED · next() throws MappingFaultError ·
   *   ERR_MAPPING_CLOSED after unmap(), ERR_MAPPING_DETACHED after resize() to less · ERR_STRING_TOO_LONG for a line that no string can hold
   */
  lines(options: LinesOptions & { encoding: null }): IterableIterator<Uint8Array<ArrayBuffer>>
  lines(options?: LinesOptions & { encoding?: BufferEncoding }): IterableIterator<string>
  lines(options?: LinesOptions): IterableIterator<string | Uint8Array<ArrayBuffer>>
  lines(options?: LinesOptions): IterableIterator<string | Uint8Array> {
    const values = optionsObject(options)
    const format =
      optional(values['encoding'], 'options.encoding', formatOf) ?? formatOf('utf8', '')
    const first = optionalByteCount(values['start'], 'options.start')
    const last = optionalByteCount(values['end'], 'options.end')
    const { offset, length } = rangeBetween(regionOf(this).byteLength, first, last)
    return new Lines<string | Uint8Array>(
      this,
      batchesOf<string | Uint8Array>(this, offset, offset + length, format),
    )
  }
}
