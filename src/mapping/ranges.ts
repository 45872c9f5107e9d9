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
  const result = call(region.handle, range.offset, range.length)
  checkedOnHandle(result, syscall, region.origin, range.length)
  return range
}

/** For calls whose range has no default. */
function explicitRange(offset: unknown, length: unknown): RangeArguments {
  return { offset: byteCount(offset, 'offset'), length: byteCount(length, 'length'), prefix: '' }
}

export function flushSync(mapping: Mapped, options: unknown): void {
  const { range, flags } = flushSettings(options)
  onRange(mapping, range, 'msync', (...pages) => native.msync(...pages, flags))
}

export function advise(mapping: Mapped, advice: Advice, offset: unknown, length: unknown): void {
  const value = adviceValue(checkAdvice(advice, 'advice'))
  onRange(mapping, rangeArguments(offset, length), 'madvise', (...pages) =>
    native.madvise(...pages, value),
  )
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
  onRange(mapping, range, 'mlock2', (...pages) => native.mlock(...pages, onDemand))
}

export function unlock(mapping: Mapped, offset: unknown, length: unknown): void {
  onRange(mapping, rangeArguments(offset, length), 'munlock', native.munlock)
}

export function populateSync(mapping: Mapped, options: unknown): void {
  const { range, write } = populateSettings(options)
  onRange(mapping, range, 'madvise', (...pages) => native.populate(...pages, write))
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
