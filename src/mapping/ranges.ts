// The man pages: what the kernel does with a range of a mapping.

import {
  byteCount,
  type Range,
  type RangeArguments,
  rangeArguments,
  rangeWithin,
} from '../arguments.js'
import { type Advice, adviceValue, checkAdvice } from '../kernel/advice.js'
import { checkProtection, protectionBits, protectionOf } from '../kernel/protection.js'
import { checkedOnHandle, type Handle, native, pageSize, type Result } from '../native.js'
import { assertNoLostPage, assertNoLostPageToLock, assertSyncable } from './faults.js'
import { flushSettings, lockSettings, populateSettings } from './range-options.js'
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
): Range {
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, offset, length, prefix)
  checkedOnHandle(call(region.handle, range.offset, range.length), syscall, region.origin)
  return range
}

/** For calls whose range has no default. */
function explicitRange(offset: unknown, length: unknown): RangeArguments {
  return { offset: byteCount(offset, 'offset'), length: byteCount(length, 'length'), prefix: '' }
}

export function flushSync(mapping: Mapped, options: unknown): void {
  const { range, flags } = flushSettings(options)
  syncRange(mapping, range, flags)
}

/** msync(2), where all of the range can reach its file. */
export function syncRange(mapping: Mapped, wanted: RangeArguments, flags: number): void {
  const region = regionOf(mapping)
  const range = onRange(mapping, wanted, 'msync', (handle, offset, length) => {
    assertSyncable(region, { offset, length })
    return native.msync(handle, offset, length, flags)
  })
  assertSyncable(region, range)
}

/** MADV_POPULATE_READ or MADV_POPULATE_WRITE. */
const populates = (advice: Advice) => advice.startsWith('populate-')

export function advise(mapping: Mapped, advice: Advice, offset: unknown, length: unknown): void {
  const value = adviceValue(checkAdvice(advice, 'advice'))
  onRange(mapping, rangeArguments(offset, length), 'madvise', (...pages) => {
    const result = native.madvise(...pages, value)
    if (populates(advice)) {
      assertNoLostPage(result, pages, advice === 'populate-write', regionOf(mapping).origin)
    }
    return result
  })
}

/** mprotect(2) with PROT_… bits, and remembers what was set for all pages. */
export function setProtection(mapping: Mapped, range: RangeArguments, prot: number): void {
  const { length } = onRange(mapping, range, 'mprotect', (...pages) =>
    native.mprotect(...pages, prot),
  )
  regionOf(mapping).protectionSet(protectionOf(prot), length)
}

export function protect(
  mapping: Mapped,
  protection: unknown,
  offset: unknown,
  length: unknown,
): void {
  const prot = protectionBits(checkProtection(protection, 'protection'))
  setProtection(mapping, rangeArguments(offset, length), prot)
}

export function lockSync(mapping: Mapped, options: unknown): void {
  const { range, onDemand } = lockSettings(options)
  lockRange(mapping, range, onDemand)
}

/** mlock2(2), with MLOCK_ONFAULT if `onDemand`. */
export function lockRange(mapping: Mapped, range: RangeArguments, onDemand: boolean): void {
  onRange(mapping, range, 'mlock2', (...pages) => {
    const result = native.mlock(...pages, onDemand)
    assertNoLostPageToLock(result, pages, regionOf(mapping).origin)
    return result
  })
}

export function unlock(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, rangeArguments(offset, length), 'munlock', native.munlock)
}

export function populateSync(mapping: Mapped, options: unknown): void {
  const { range, write } = populateSettings(options)
  onRange(mapping, range, 'madvise', (...pages) => {
    const result = native.populate(...pages, write)
    assertNoLostPage(result, pages, write, regionOf(mapping).origin)
    return result
  })
}

export function residency(mapping: Mapped, offset: unknown, length: unknown): Residency {
  const wanted = rangeArguments(offset, length)
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, wanted.offset, wanted.length)
  const place = [region.handle, range.offset, range.length] as const
  const pages = checkedOnHandle(native.pageCount(...place), 'mincore', region.origin)
  const vector = new Uint8Array(pages)
  const resident = checkedOnHandle(native.mincore(...place, vector), 'mincore', region.origin)
  return { pageSize, pages, resident, vector }
}

export function discard(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, rangeArguments(offset, length), 'madvise', native.discard)
}

export function punchHole(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, explicitRange(offset, length), 'madvise', native.punchHole)
}

export function installGuard(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, explicitRange(offset, length), 'madvise', native.installGuard)
}

export function removeGuard(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, explicitRange(offset, length), 'madvise', native.removeGuard)
}
