// Reading without waiting for a disk on the event loop.

import type { Buffer } from 'node:buffer'
import {
  abortSignal,
  byteCount,
  optional,
  options as optionsObject,
  type Range,
  rangeWithin,
} from '../arguments.js'
import { invalidArgType } from '../errors.js'
import { adviceValue } from '../kernel/advice.js'
import { checkedOnHandle, native } from '../native.js'
import { populate } from './background.js'
import { read } from './copies.js'
import { contentPace, inPieces } from './pieces.js'
import { residency } from './ranges.js'
import { type Mapped, regionOf } from './region.js'

function signalOf(options: unknown): AbortSignal | undefined {
  const signal = optionsObject(options, ['signal'])['signal']
  return optional(signal, 'options.signal', abortSignal)
}

function isResident(mapping: Mapped, { offset, length }: Range): boolean {
  const { pages, resident } = residency(mapping, offset, length)
  return resident === pages
}

export async function readAsync(
  mapping: Mapped,
  offset: unknown,
  length: unknown,
  options: unknown,
): Promise<Buffer> {
  const at = byteCount(offset, 'offset')
  const range = { offset: at, length: byteCount(length, 'length') }
  const signal = signalOf(options)
  rangeWithin(regionOf(mapping).byteLength, range.offset, range.length)
  signal?.throwIfAborted()
  if (range.length > 0 && !isResident(mapping, range)) {
    try {
      await populate(mapping, { ...range, signal })
    } catch (error) {
      // Before Linux 5.14 nothing reads pages in but an access.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
    }
  }
  return read(mapping, range.offset, range.length)
}

function rangesOf(mapping: Mapped, ranges: unknown): Range[] {
  const iterable = typeof ranges === 'object' && ranges !== null && Symbol.iterator in ranges
  if (!iterable) throw invalidArgType('ranges', 'an iterable of ranges', ranges)
  const { byteLength } = regionOf(mapping)
  return Array.from(ranges as Iterable<unknown>, (range, index) => {
    const name = `ranges[${index}]`
    if (typeof range !== 'object' || range === null) {
      throw invalidArgType(name, 'an object with offset and length', range)
    }
    const { offset, length } = range as Record<string, unknown>
    const at = byteCount(offset, `${name}.offset`)
    return rangeWithin(byteLength, at, byteCount(length, `${name}.length`), `${name}.`)
  })
}

/** How long the event loop is kept at a time, in milliseconds. */
const turnMs = 4

export async function prefetch(mapping: Mapped, ranges: unknown, options: unknown): Promise<void> {
  const wanted = rangesOf(mapping, ranges)
  const signal = signalOf(options)
  const advice = adviceValue('willneed')
  let turned = performance.now()
  for (const range of wanted) {
    if (performance.now() - turned > turnMs) {
      await new Promise(setImmediate)
      turned = performance.now()
    }
    signal?.throwIfAborted()
    const { handle, origin } = regionOf(mapping)
    if (range.length === 0 || isResident(mapping, range)) continue
    const result = inPieces(handle, range.offset, range.length, contentPace, 0, (...piece) =>
      native.madvise(handle, ...piece, advice),
    )
    checkedOnHandle(result, 'madvise', origin, range.length)
  }
}
