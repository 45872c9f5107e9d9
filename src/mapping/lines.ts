// Lines, read by way of copies: V8 measures UTF-8 text before it decodes it, and would write past the
// end of its string if another process stored to the memory in between.

import { Buffer } from 'node:buffer'
import {
  optional,
  options as optionsObject,
  rangeNames,
  rangeOptions,
  rangeWithin,
} from '../arguments.js'
import { type MappingFaultError, mappingDetached } from '../errors.js'
import { native } from '../native.js'
import { copyOut } from './copies.js'
import { assertNoFault, faultError } from './faults.js'
import { formatOf, type LineFormat } from './line-format.js'
import type { RangeOptions } from './range-options.js'
import { type Mapped, type Region, regionOf } from './region.js'
import { findFirst } from './search.js'

/** What {@link Mapping.lines} yields. */
export interface LinesOptions extends RangeOptions {
  /** Default `'utf8'`. `null` yields views of the memory instead of strings. */
  encoding?: BufferEncoding | null | undefined
}

// Small enough for V8 to keep the text of a copy, two bytes a character, among its young objects.
const copyBytes = 1 << 15

/** Fills `target` from its start as far as the bytes can be read, and returns the fault that ended it. */
function copyUpToFault(
  region: Region,
  offset: number,
  target: Buffer,
): { copy: Buffer; fault: MappingFaultError | null } {
  const result = native.copyOut(region.handle, offset, target)
  if (result === null || typeof result === 'number') {
    assertNoFault(result, region, 'read')
    return { copy: target, fault: null }
  }
  const fault = faultError(region, result)
  const copy = target.subarray(0, fault.fault.offset - offset)
  copyOut(region, offset, copy)
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
    const place = findFirst(region, at, end - at, newline)
    if (place === null) return end
    if ((place - from) % newline.length === 0) return place
    at = place + 1
  }
}

/** Where the text of a line ends whose '\n' stands at `newline`. */
function beforeCarriageReturn(region: Region, newline: number, unit: number): number {
  const before = Buffer.alloc(unit)
  copyOut(region, newline - unit, before)
  return before.readUIntLE(0, unit) === 13 ? newline - unit : newline
}

/** The lines of a range, a batch for each copy. */
function* batchesOf<Line>(
  mapping: Mapped,
  start: number,
  end: number,
  format: LineFormat<Line>,
): Generator<Line[], undefined> {
  const unit = format.newline.length
  const buffer = Buffer.allocUnsafeSlow(Math.min(copyBytes, end - start))
  let at = start
  while (at < end) {
    const region = regionOf(mapping)
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

/** An iterator by hand: a generator takes longer to yield a line than it takes to make one. */
class Lines<Line> implements IterableIterator<Line> {
  readonly #mapping: Mapped
  readonly #batches: Iterator<Line[], undefined>
  #batch: Line[] = []
  #index = 0

  static {
    // The methods that iterators have: map(), filter(), toArray(), …
    const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]()) as object
    Object.setPrototypeOf(Lines.prototype, Object.getPrototypeOf(arrayIterator) as object)
  }

  constructor(mapping: Mapped, batches: Iterator<Line[], undefined>) {
    this.#mapping = mapping
    this.#batches = batches
  }

  next(): IteratorResult<Line, undefined> {
    regionOf(this.#mapping)
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

export function lines(mapping: Mapped, options: unknown): IterableIterator<string | Uint8Array> {
  const values = optionsObject(options, [...rangeNames, 'encoding'])
  const format = optional(values['encoding'], 'options.encoding', formatOf) ?? formatOf('utf8', '')
  const wanted = rangeOptions(values)
  const { byteLength } = regionOf(mapping)
  const { offset, length } = rangeWithin(byteLength, wanted.offset, wanted.length, wanted.prefix)
  const batches = batchesOf<string | Uint8Array>(mapping, offset, offset + length, format)
  return new Lines<string | Uint8Array>(mapping, batches)
}
