// Reading without waiting for a disk on the event loop.

import type { Buffer } from 'node:buffer'
import {
  byteCount,
  optionalByteCount,
  type Range,
  rangeWithin,
  signalOption,
} from '../arguments.js'
import { invalidArgType } from '../errors.js'
import { adviceValue } from '../kernel/advice.js'
import { checkedOnHandle, native } from '../native.js'
import { populate } from './background.js'
import { read } from './copies.js'
import { contentPace, inPieces } from './pieces.js'
import { residency } from './ranges.js'
import { type Mapped, regionOf } from './region.js'
import { indexOf, needleBytes } from './search.js'

function isResident(mapping: Mapped, { offset, length }: Range): boolean {
  const { pages, resident } = residency(mapping, offset, length)
  return resident === pages
}

/** Has pages in memory before they are read, where a thread can see to that. */
async function readIn(
  mapping: Mapped,
  range: Range,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (range.length === 0 || isResident(mapping, range)) return
  try {
    await populate(mapping, { ...range, signal })
  } catch (error) {
    // Before Linux 5.14 nothing reads pages in but an access. What cannot be read is the caller's to tell.
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EINVAL' && code !== 'ERR_MAPPING_FAULT') throw error
  }
}

export async function readAsync(
  mapping: Mapped,
  offset: unknown,
  length: unknown,
  options: unknown,
): Promise<Buffer> {
  const at = byteCount(offset, 'offset')
  const range = { offset: at, length: byteCount(length, 'length') }
  const signal = signalOption(options)
  rangeWithin(regionOf(mapping).byteLength, range.offset, range.length)
  signal?.throwIfAborted()
  await readIn(mapping, range, signal)
  return read(mapping, range.offset, range.length)
}

/** How much is searched in one turn of the event loop, in bytes. */
const searchBytes = 4 << 20

export async function indexOfAsync(
  mapping: Mapped,
  needle: unknown,
  from: unknown,
  end: unknown,
  options: unknown,
): Promise<number> {
  // It would otherwise be another one in the next turn.
  const bytes = Uint8Array.from(needleBytes(needle))
  const start = optionalByteCount(from, 'from') ?? 0
  const last = optionalByteCount(end, 'end') ?? Number.MAX_SAFE_INTEGER
  const signal = signalOption(options)
  for (let at = start; ; at += searchBytes) {
    signal?.throwIfAborted()
    const limit = Math.min(last, regionOf(mapping).byteLength)
    // A match begins in this part and may end behind it.
    const stop = Math.min(at + searchBytes + Math.max(bytes.length - 1, 0), limit)
    if (stop > at) await readIn(mapping, { offset: at, length: stop - at }, signal)
    const found = indexOf(mapping, bytes, at, Math.max(stop, Math.min(at, last)))
    if (found !== -1 || stop === limit || at >= limit) return found
    await new Promise(setImmediate)
  }
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
  const signal = signalOption(options)
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
