// Searches at the speed of memmem(3) that throw where a page is not there.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { optionalByteCount } from '../arguments.js'
import { invalidArgType, MappingFaultError, outOfRange } from '../errors.js'
import { native, type Searched } from '../native.js'
import { CopiedMemory, viewBytes } from './copies.js'
import { toMappingFault } from './fault-delivery.js'
import { checked, regionOf } from './lifetime.js'
import type { Region } from './region.js'

function needleBytes(needle: unknown): Uint8Array {
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

/** Hands on the offset of what was searched, or null; throws what was in the way. */
export function found(result: Searched, region: Region): number | null {
  if (result === null) return null
  if (typeof result === 'number') return checked(result, 'memmem', region.path)
  throw new MappingFaultError(toMappingFault(result), region.path)
}

/**
 * A string is looked for as UTF-8, a number as the byte that it is. The answer never depends on a
 * page that cannot be read or was replaced after a fault: that is a `MappingFaultError`, and pages
 * that need not be read for it do not matter. An empty needle is found everywhere, as in
 * `Buffer.indexOf()`. Blocks the event loop while it searches.
 */
export abstract class SearchedMemory extends CopiedMemory {
  /**
   * memmem(3) — the first place, at `from` or behind it, where all of `needle` stands.
   *
   * @param needle a number has to be 0 to 255
   * @param from in bytes from the start of the mapping, default 0; may be past the end
   * @returns in bytes from the start of the mapping, also beyond 4 GiB; -1 if there is none
   * @throws MappingFaultError · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE ·
   *   ERR_INVALID_ARG_VALUE for a needle that was detached
   */
  indexOf(needle: string | number | Uint8Array, from?: number | bigint): number {
    const bytes = needleBytes(needle)
    const start = optionalByteCount(from, 'from') ?? 0
    const region = regionOf(this)
    const { handle, byteLength } = region
    if (bytes.length === 0) return Math.min(start, byteLength)
    if (start >= byteLength) return -1
    return found(native.searchFirst(handle, start, byteLength - start, bytes), region) ?? -1
  }

  /**
   * memmem(3) from the end — the last place, at `from` or before it, where all of `needle` stands.
   *
   * @param from in bytes from the start of the mapping, default its end
   * @returns and throws as {@link indexOf}
   */
  lastIndexOf(needle: string | number | Uint8Array, from?: number | bigint): number {
    const bytes = needleBytes(needle)
    const start = optionalByteCount(from, 'from') ?? Number.MAX_SAFE_INTEGER
    const region = regionOf(this)
    const { handle, byteLength } = region
    if (bytes.length === 0) return Math.min(start, byteLength)
    const end = Math.min(start + bytes.length, byteLength)
    return found(native.searchLast(handle, 0, end, bytes), region) ?? -1
  }
}
