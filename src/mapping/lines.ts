// Lines. Their text is read by way of copies: V8 measures UTF-8 text before it decodes it, and would write
// past the end of its string if another process stored to the memory in between.

import { Buffer } from 'node:buffer'
import {
  optional,
  options as optionsObject,
  rangeNames,
  rangeOptions,
  rangeWithin,
} from '../arguments.js'
import { mappingDetached } from '../errors.js'
import { copyOut } from './copies.js'
import { type Batch, formatOf, type LineFormat } from './line-format.js'
import type { RangeOptions } from './range-options.js'
import { type Mapped, type Region, regionOf } from './region.js'
import { findFirst } from './search.js'

/** What {@link Mapping.lines} yields. */
export interface LinesOptions extends RangeOptions {
  /** Default `'utf8'`. `null` yields views of the memory instead of strings. */
  encoding?: BufferEncoding | null | undefined
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

/** Where the text of a line from `start` on ends whose '\n' stands at `newline`. */
function beforeCarriageReturn(
  region: Region,
  start: number,
  newline: number,
  unit: number,
): number {
  if (newline === start) return newline
  const before = Buffer.alloc(unit)
  copyOut(region, newline - unit, before)
  return before.readUIntLE(0, unit) === 13 ? newline - unit : newline
}

class OneLine<Line> implements Batch<Line> {
  readonly count = 1
  readonly length: number
  readonly line: () => Line

  constructor(line: Line, length: number) {
    this.length = length
    this.line = () => line
  }
}

/** The lines of a range, in batches. */
function* batchesOf<Line>(
  mapping: Mapped,
  start: number,
  end: number,
  format: LineFormat<Line>,
): Generator<Batch<Line>, undefined> {
  const unit = format.newline.length
  const reader = format.reader(end - start)
  let at = start
  while (at < end) {
    const region = regionOf(mapping)
    if (end > region.byteLength) throw mappingDetached() // resize() made it shorter
    const { batch, fault } = reader.read(region, at, end - at)
    if (batch !== null) yield batch
    at += batch?.length ?? 0
    if (fault !== null) throw fault
    if (batch !== null) continue
    const newline = nextNewline(region, at, end, format.newline)
    const stop = newline === end ? end : beforeCarriageReturn(region, at, newline, unit)
    const next = newline === end ? end : newline + unit
    yield new OneLine(format.long(region, at, stop - at), next - at)
    at = next
  }
}

/** An iterator by hand: a generator takes longer to yield a line than it takes to make one. */
class Lines<Line> implements IterableIterator<Line> {
  readonly #mapping: Mapped
  readonly #batches: Iterator<Batch<Line>, undefined>
  #batch: Batch<Line> | undefined
  #index = 0
  #count = 0

  static {
    // The methods that iterators have: map(), filter(), toArray(), …
    const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]()) as object
    Object.setPrototypeOf(Lines.prototype, Object.getPrototypeOf(arrayIterator) as object)
  }

  constructor(mapping: Mapped, batches: Iterator<Batch<Line>, undefined>) {
    this.#mapping = mapping
    this.#batches = batches
  }

  next(): IteratorResult<Line, undefined> {
    regionOf(this.#mapping)
    while (this.#index === this.#count) {
      const { value } = this.#batches.next()
      if (value === undefined) return { value, done: true }
      this.#begin(value)
    }
    const batch = this.#batch as Batch<Line>
    return { value: batch.line(this.#index++), done: false }
  }

  return(): IteratorResult<Line, undefined> {
    this.#begin(undefined)
    this.#batches.return?.()
    return { value: undefined, done: true }
  }

  #begin(batch: Batch<Line> | undefined): void {
    this.#batch = batch
    this.#index = 0
    this.#count = batch?.count ?? 0
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
