// Reading without waiting for a disk on the event loop.

import type { Buffer } from 'node:buffer'
import { constants } from 'node:os'
import {
  byteCount,
  optionalByteCount,
  type Range,
  rangeWithin,
  signalOption,
} from '../arguments.js'
import { invalidArgType } from '../errors.js'
import { adviceValue } from '../kernel/advice.js'
import { checkedOnHandle, type Handle, native, type Result } from '../native.js'
import { populate } from './background.js'
import { bufferFor, read } from './copies.js'
import { assertNoFault } from './faults.js'
import { canRunJobs, runCopy, runJob } from './jobs.js'
import { contentPace, inPieces } from './pieces.js'
import { residency } from './ranges.js'
import { type Mapped, type Region, regionOf } from './region.js'
import { indexOf, needleBytes } from './search.js'

function isResident(mapping: Mapped, { offset, length }: Range): boolean {
  const { pages, resident } = residency(mapping, offset, length)
  return resident === pages
}

/** What copyResident() says of what is not in memory. */
const notResident = -constants.errno.EAGAIN

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

/** What is in memory is copied at once if it is no more than so much, in bytes. */
const mostAtOnce = 256 << 10

/** How much one job copies, and gives to the event loop to copy once more, in bytes. */
const pieceBytes = 1 << 20

/** How far one read after the other reads ahead, in bytes; doubled from the least to the most. */
const leastAhead = 128 << 10
const mostAhead = 4 << 20

/** How far behind a range is read in as well: not at all, unless it begins where the last one ends. */
function aheadOf(region: Region, { offset, length }: Range): number {
  const isNext = offset === region.readEnd
  region.readEnd = offset + length
  const next = Math.min(Math.max(2 * region.readAhead, leastAhead), mostAhead)
  region.readAhead = isNext ? next : 0
  return region.readAhead
}

/** Copies what may not be in memory, on a thread: a page that is read in here could go before the copy. */
async function copyInBackground(
  mapping: Mapped,
  { offset, length }: Range,
  target: Buffer,
  ahead: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const region = regionOf(mapping)
  for (let done = 0; done < length; done += pieceBytes) {
    const part = target.subarray(done, done + pieceBytes)
    const at = offset + done
    const { handle, byteLength } = regionOf(mapping)
    rangeWithin(byteLength, at, part.length)
    const further = Math.max(length - done - part.length, ahead)
    const start = () => native.startCopy(handle, at, part, Math.min(further, mostAhead))
    assertNoFault(await runCopy(start, signal), region, 'read')
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
  const region = regionOf(mapping)
  rangeWithin(region.byteLength, range.offset, range.length)
  signal?.throwIfAborted()
  if (range.length === 0 || !canRunJobs()) return read(mapping, range.offset, range.length)
  const target = bufferFor(range.length)
  const copied =
    range.length > mostAtOnce ? notResident : native.copyResident(region.handle, at, target)
  if (copied === notResident) {
    await copyInBackground(mapping, range, target, aheadOf(region, range), signal)
  } else {
    region.readEnd = at + range.length
    assertNoFault(copied, region, 'read')
  }
  return target
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

export async function prefetch(mapping: Mapped, ranges: unknown, options: unknown): Promise<void> {
  const wanted = rangesOf(mapping, ranges)
  const signal = signalOption(options)
  const { handle, origin } = regionOf(mapping)
  const total = wanted.reduce((sum, { length }) => sum + length, 0)
  const pairs = new Float64Array(2 * wanted.length)
  for (const [index, { offset, length }] of wanted.entries()) pairs.set([offset, length], 2 * index)
  const start = () =>
    canRunJobs() ? native.startPrefetch(handle, pairs) : prefetchHere(handle, wanted)
  const result = await runJob(start, total, { signal, onProgress: undefined })
  checkedOnHandle(result, 'madvise', origin, total)
}

/** For runtimes without jobs. */
function prefetchHere(handle: Handle, ranges: Range[]): Result {
  const advice = adviceValue('willneed')
  for (const { offset, length } of ranges) {
    const result = inPieces(handle, offset, length, contentPace, 0, (...piece) =>
      native.madvise(handle, ...piece, advice),
    )
    if (result !== 0) return result
  }
  return 0
}
