// Searches at the speed of memmem(3) that throw where a page is not there.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { optionalByteCount } from '../arguments.js'
import { invalidArgType, outOfRange } from '../errors.js'
import { checkedOnHandle, native, type Searched } from '../native.js'
import { uncurry } from '../runtime/brand.js'
import { viewBytes } from './copies.js'
import { faultError } from './faults.js'
import { contentPace, inPieces, inPiecesBackward, type Pace } from './pieces.js'
import { type Mapped, type Region, regionOf } from './region.js'

export function needleBytes(needle: unknown): Uint8Array {
  if (typeof needle === 'string') return Buffer.from(needle)
  if (types.isUint8Array(needle)) return viewBytes(needle, 'needle')
  if (typeof needle !== 'number') {
    throw invalidArgType('needle', 'of type string or number or an instance of Uint8Array', needle)
  }
  if (!Number.isInteger(needle) || needle < 0 || needle > 255) {
    throw outOfRange('needle', 'an integer >= 0 and <= 255', needle)
  }
  return Uint8Array.of(needle)
}

/** Returns the offset of a match, or null; throws the fault that the answer depends on. */
function found(result: Searched, region: Region): number | null {
  if (result === null) return null
  if (typeof result === 'number') return checkedOnHandle(result, 'memmem', region.origin)
  throw faultError(region, result)
}

/** The pieces of a search for a long needle, of which each must read some more than its own length. */
function searchPace(needleLength: number): Pace {
  const long = 2 ** Math.ceil(Math.log2(4 * needleLength))
  if (long <= contentPace.least) return contentPace
  return { least: long, most: Math.max(long, contentPace.most) }
}

/** Searches a range piece by piece in one direction, each piece with what a match may reach beyond it. */
function find(
  region: Region,
  offset: number,
  length: number,
  needle: Uint8Array,
  walk: typeof inPieces,
  search: typeof native.searchFirst,
): number | null {
  const beyond = needle.length - 1
  const places = length - beyond
  if (places <= 0) return null
  const { handle } = region
  const pace = searchPace(needle.length)
  const work = (at: number, count: number) => search(handle, at, count + beyond, needle)
  return found(walk<Searched>(handle, offset, places, pace, null, work), region)
}

/** The first place of `needle` in a range, or null; throws the fault that the answer depends on. */
export function findFirst(
  region: Region,
  offset: number,
  length: number,
  needle: Uint8Array,
): number | null {
  return find(region, offset, length, needle, inPieces, native.searchFirst)
}

function findLast(
  region: Region,
  offset: number,
  length: number,
  needle: Uint8Array,
): number | null {
  return find(region, offset, length, needle, inPiecesBackward, native.searchLast)
}

/** Where a match is looked for in JavaScript: most of a caller who goes from one to the next are near. */
const nearBytes = 1 << 14

/** After a search that did not end there, so many go through the addon at once. */
const pause = 16

const bufferIndexOf = uncurry(Buffer.prototype.indexOf) as (
  buffer: Uint8Array,
  value: string | number,
  from: number,
) => number

/** What may be searched for: its last byte is not zero, so that a match lies in the file. */
function isDirect(needle: unknown): needle is string | number {
  if (typeof needle === 'number') return Number.isInteger(needle) && needle > 0 && needle <= 255
  return typeof needle === 'string' && needle.length > 0 && !needle.endsWith('\0')
}

/** A match in JavaScript; -1 where the addon has to search, and nothing is said. */
function foundNear(region: Region, needle: unknown, from: number, limit: number): number {
  const { direct } = region.memory
  if (direct === undefined || !isDirect(needle)) return -1
  if (direct.pause > 0) {
    direct.pause--
    return -1
  }
  let window = direct.window(from, nearBytes)
  if (window === undefined) return -1
  let place = bufferIndexOf(window.bytes, needle, from - window.start)
  if (place < 0 && window.start < from) {
    window = direct.window(from, nearBytes, true)
    place = window === undefined ? -1 : bufferIndexOf(window.bytes, needle, 0)
  }
  if (window === undefined || place < 0) {
    direct.pause = pause
    return -1
  }
  const longest = typeof needle === 'number' ? 1 : 3 * needle.length
  const at = window.start + place
  // Once more, since a search may look at several bytes in any order.
  const found = !direct.canShrink || window.bytes[place] !== 0
  return found && direct.sound && at + longest <= limit ? at : -1
}

export function indexOf(mapping: Mapped, needle: unknown, from: unknown, end: unknown): number {
  const start = optionalByteCount(from, 'from') ?? 0
  const last = optionalByteCount(end, 'end') ?? Number.MAX_SAFE_INTEGER
  const region = regionOf(mapping)
  const near = foundNear(region, needle, start, last)
  if (near >= 0) return near
  const bytes = needleBytes(needle)
  const limit = Math.min(last, region.byteLength)
  if (bytes.length === 0 && start <= last) return Math.min(start, limit)
  if (start >= limit) return -1
  return findFirst(region, start, limit - start, bytes) ?? -1
}

export function lastIndexOf(
  mapping: Mapped,
  needle: unknown,
  from: unknown,
  start: unknown,
): number {
  const bytes = needleBytes(needle)
  const highest = optionalByteCount(from, 'from') ?? Number.MAX_SAFE_INTEGER
  const first = optionalByteCount(start, 'start') ?? 0
  const region = regionOf(mapping)
  const end = Math.min(highest + bytes.length, region.byteLength)
  if (first > end) return -1
  if (bytes.length === 0) return end
  return findLast(region, first, end - first, bytes) ?? -1
}
