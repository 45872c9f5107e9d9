// A system call on part of a mapping.

import { type Range, rangeWithin } from '../arguments.js'
import type { Handle, Result } from '../native.js'
import { checked, type MappedMemory, regionOf } from './lifetime.js'

type RangeCall = (handle: Handle, offset: number, length: number) => Result

/** Checks the mapping and the range, and makes a system call on it. */
export function onRange(
  memory: MappedMemory,
  offset: number | undefined,
  length: number | undefined,
  syscall: string,
  call: RangeCall,
): Range {
  const region = regionOf(memory)
  const range = rangeWithin(region.byteLength, offset, length)
  checked(call(region.handle, range.offset, range.length), syscall, region.path)
  return range
}
