// The man pages: what the kernel does with a range of a mapping.

import {
  byteCount,
  type Range,
  type RangeArguments,
  rangeArguments,
  rangeWithin,
} from '../arguments.js'
import { invalidArgValue } from '../errors.js'
import { type Advice, adviceValue, checkAdviceOrAuto } from '../kernel/advice.js'
import { checkProtection, protectionBits, protectionOf } from '../kernel/protection.js'
import { checkedOnHandle, type Handle, native, pageSize, type Result } from '../native.js'
import { chooseReadAhead, endChoice } from './auto-advice.js'
import { assertSyncable, resultOfLocking, resultOfReadingIn } from './faults.js'
import { contentPace, faultPace, flushPace, inPieces, type Pace, tablePace } from './pieces.js'
import { flushSettings, lockSettings, populateSettings } from './range-options.js'
import { ofDiscard, ofGuard, ofProtect, ofPunchHole, type Refusal } from './refusals.js'
import { type Mapped, regionOf } from './region.js'

/** Which pages of a range are in memory. */
export interface Residency {
  /** In bytes. */
  pageSize: number
  /** How many pages the range touches. */
  pages: number
  /** How many of them are in memory. */
  resident: number
  /** A byte a page, as mincore(2) has it: 1 in memory, 0 not. */
  vector: Uint8Array
}

/** A call of the addon on a range: 0 or more, or a negative errno. */
export type RangeCall = (handle: Handle, offset: number, length: number) => Result

/** Checks that the mapping is open and has the range, and makes a system call on it. */
export function onRange(
  mapping: Mapped,
  { offset, length, prefix }: RangeArguments,
  syscall: string,
  call: RangeCall,
  refusal?: Refusal,
): Range {
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, offset, length, prefix)
  const result = call(region.handle, range.offset, range.length)
  const why = result < 0 ? refusal?.(result, region) : undefined
  const remark = why === undefined ? range.length : ` (${why})`
  checkedOnHandle(result, syscall, region.origin, remark)
  return range
}

/** {@link onRange} for a call that may take long: a piece of the range after the other. */
function onPieces(
  mapping: Mapped,
  range: RangeArguments,
  syscall: string,
  pace: Pace,
  call: RangeCall,
  refusal?: Refusal,
): void {
  const inTurn: RangeCall = (handle, offset, length) =>
    inPieces(handle, offset, length, pace, 0, (...piece) => call(handle, ...piece))
  onRange(mapping, range, syscall, inTurn, refusal)
}

/** For calls whose range has no default. */
function explicitRange(offset: unknown, length: unknown): RangeArguments {
  return { offset: byteCount(offset, 'offset'), length: byteCount(length, 'length'), prefix: '' }
}

export function flushSync(mapping: Mapped, options: unknown): void {
  const { range, flags } = flushSettings(options)
  syncRange(mapping, range, flags)
}

/** msync(2), a piece after the other. */
export function flushPages(handle: Handle, offset: number, length: number, flags: number): Result {
  return inPieces(handle, offset, length, flushPace, 0, (...piece) =>
    native.msync(handle, ...piece, flags),
  )
}

/** {@link flushPages}, where all of the range can reach its file. */
export function syncRange(mapping: Mapped, wanted: RangeArguments, flags: number): void {
  const region = regionOf(mapping)
  const range = onRange(mapping, wanted, 'msync', (handle, offset, length) => {
    assertSyncable(region, { offset, length })
    return flushPages(handle, offset, length, flags)
  })
  assertSyncable(region, range)
}

// Of the other values, the kernel keeps a note of each for a whole kernel mapping and looks at no page.
const advicePaces: ReadonlyMap<unknown, Pace> = new Map([
  ['willneed', contentPace],
  ['cold', tablePace],
  ['pageout', contentPace],
  ['collapse', contentPace],
  ['populate-read', faultPace],
  ['populate-write', faultPace],
])

/** MADV_POPULATE_READ or MADV_POPULATE_WRITE. */
const populates = (advice: Advice) => advice.startsWith('populate-')

export function advise(
  mapping: Mapped,
  wanted: Advice | 'auto',
  offset: unknown,
  length: unknown,
): void {
  const advice = checkAdviceOrAuto(wanted, 'advice')
  if (advice === 'auto') {
    if (offset !== undefined || length !== undefined) {
      throw invalidArgValue('advice', advice, 'is for a whole mapping, and takes no range')
    }
    const { handle, origin } = regionOf(mapping)
    checkedOnHandle(chooseReadAhead(handle), 'madvise', origin)
    return
  }
  const value = adviceValue(advice)
  const pace = advicePaces.get(advice)
  onRange(mapping, rangeArguments(offset, length), 'madvise', (...pages) => {
    const [handle, ...range] = pages
    endChoice(handle, value)
    const result =
      pace === undefined
        ? native.madvise(...pages, value)
        : inPieces(handle, ...range, pace, 0, (...piece) => native.madvise(handle, ...piece, value))
    if (!populates(advice)) return result
    return resultOfReadingIn(result, pages, advice === 'populate-write', regionOf(mapping))
  })
}

/** mprotect(2) with PROT_… bits, and remembers what was set for all pages. */
export function setProtection(
  mapping: Mapped,
  range: RangeArguments,
  prot: number,
  refusal?: Refusal,
): void {
  const call: RangeCall = (...pages) => native.mprotect(...pages, prot)
  const { length } = onRange(mapping, range, 'mprotect', call, refusal)
  regionOf(mapping).protectionSet(protectionOf(prot), length)
}

export function protect(
  mapping: Mapped,
  protection: unknown,
  offset: unknown,
  length: unknown,
): void {
  const prot = protectionBits(checkProtection(protection, 'protection'))
  setProtection(mapping, rangeArguments(offset, length), prot, ofProtect)
}

/**
 * mlock2(2), reading in a piece after the other. The whole range is locked first, which reads nothing:
 * so the kernel refuses what exceeds the limit before anything is locked.
 */
export function lockPages(
  handle: Handle,
  offset: number,
  length: number,
  onDemand: boolean,
): Result {
  if (onDemand || length <= faultPace.least) return native.mlock(handle, offset, length, onDemand)
  const locked = native.mlock(handle, offset, length, true)
  if (locked !== 0) return locked
  return inPieces(handle, offset, length, faultPace, 0, (...piece) =>
    native.mlock(handle, ...piece, false),
  )
}

export function lockSync(mapping: Mapped, options: unknown): void {
  const { range, onDemand } = lockSettings(options)
  lockRange(mapping, range, onDemand)
}

/** mlock2(2), with MLOCK_ONFAULT if `onDemand`. */
export function lockRange(mapping: Mapped, range: RangeArguments, onDemand: boolean): void {
  onRange(mapping, range, 'mlock2', (...pages) => {
    return resultOfLocking(lockPages(...pages, onDemand), pages, regionOf(mapping))
  })
}

export function unlock(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, rangeArguments(offset, length), 'munlock', native.munlock)
}

/** MADV_POPULATE_READ or MADV_POPULATE_WRITE, a piece after the other. */
export function populatePages(
  handle: Handle,
  offset: number,
  length: number,
  write: boolean,
): Result {
  return inPieces(handle, offset, length, faultPace, 0, (...piece) =>
    native.populate(handle, ...piece, write),
  )
}

export function populateSync(mapping: Mapped, options: unknown): void {
  const { range, write } = populateSettings(options)
  onRange(mapping, range, 'madvise', (...pages) => {
    return resultOfReadingIn(populatePages(...pages, write), pages, write, regionOf(mapping))
  })
}

export function residency(mapping: Mapped, offset: unknown, length: unknown): Residency {
  const wanted = rangeArguments(offset, length)
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, wanted.offset, wanted.length)
  const { handle, origin } = region
  const count = native.pageCount(handle, range.offset, range.length)
  const pages = checkedOnHandle(count, 'mincore', origin)
  const vector = new Uint8Array(pages)
  let resident = 0
  let first = 0
  inPieces(handle, range.offset, range.length, tablePace, 0, (at, length) => {
    const rest = vector.subarray(first)
    resident += checkedOnHandle(native.mincore(handle, at, length, rest), 'mincore', origin)
    // Pieces meet at page ends, so no page is counted twice.
    first += checkedOnHandle(native.pageCount(handle, at, length), 'mincore', origin)
    return 0
  })
  return { pageSize, pages, resident, vector }
}

export function discard(mapping: Mapped, offset: unknown, length: unknown): void {
  const range = rangeArguments(offset, length)
  onPieces(mapping, range, 'madvise', tablePace, native.discard, ofDiscard)
}

export function punchHole(mapping: Mapped, offset: unknown, length: unknown): void {
  const range = explicitRange(offset, length)
  onPieces(mapping, range, 'madvise', tablePace, native.punchHole, ofPunchHole)
}

export function installGuard(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, explicitRange(offset, length), 'madvise', native.installGuard, ofGuard)
}

export function removeGuard(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, explicitRange(offset, length), 'madvise', native.removeGuard)
}
