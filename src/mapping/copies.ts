// Copies that check: exactly the file's bytes, or a MappingFaultError where a view would show zeros.

import { Buffer, constants as bufferConstants } from 'node:buffer'
import {
  byteCount,
  optional,
  optionalByteCount,
  rangeArguments,
  rangeWithin,
} from '../arguments.js'
import { invalidArgType, invalidArgValue, outOfRange, stringTooLong } from '../errors.js'
import { maxBufferLength } from '../kernel/limits.js'
import { type Handle, type NativeFault, native, type Result } from '../native.js'
import { bytesOf, changes, typedArray, uncurry } from '../runtime/brand.js'
import { assertNoFault } from './faults.js'
import { contentPace, inPieces, inPiecesBackward } from './pieces.js'
import { type Mapped, type Region, regionOf } from './region.js'

/** The bytes of a view, whatever a subclass says that they are. */
export function viewBytes(view: ArrayBufferView, name: string): Uint8Array {
  try {
    return bytesOf(view)
  } catch {
    throw invalidArgValue(name, view, 'must not be detached')
  }
}

function sourceBytes(source: unknown): Uint8Array {
  if (typeof source === 'string') return Buffer.from(source)
  if (ArrayBuffer.isView(source)) return viewBytes(source, 'source')
  throw invalidArgType('source', 'of type string or an instance of ArrayBufferView', source)
}

type Copied = NativeFault | null | Result

function pieceOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return length === bytes.length ? bytes : bytes.subarray(start, start + length)
}

/** At most so many bytes are copied in JavaScript: two pages, if a load faults. */
const mostDirect = 1024

/** A loop takes less than set() for so few. */
const fewBytes = 32

const set = uncurry(Uint8Array.prototype.set) as (target: Uint8Array, source: Uint8Array) => void

/** Copies out of an open region in JavaScript; false where the addon has to, and nothing is said. */
function copiedDirectly(
  region: Region,
  offset: number,
  target: Uint8Array,
  length: number,
): boolean {
  if (length === 0 || length > mostDirect) return false
  const { direct } = region.memory
  const view = direct?.view(offset, length)
  if (direct === undefined || view === undefined) return false
  const { canShrink } = direct
  const from = direct.indexOf(offset)
  const last = from + length - 1
  if (canShrink && view[last] === 0) return false
  if (length < fewBytes) for (let i = 0; i < length; i++) target[i] = view[from + i] as number
  else set(target, new Uint8Array(view.buffer, from, length))
  // In memory, and not in the copy: a copy may begin with the last bytes.
  return direct.sound && !(canShrink && view[last] === 0)
}

/** Copies out of an open region into memory of V8's; the range has to lie inside. */
export function copyOut(region: Region, offset: number, target: Uint8Array): void {
  if (!copiedDirectly(region, offset, target, target.length)) copyOutGuarded(region, offset, target)
}

/** The same into any memory, also of a mapping. */
function copyOutGuarded(region: Region, offset: number, target: Uint8Array): void {
  const { handle } = region
  const { length } = target
  const result =
    length <= contentPace.least
      ? native.copyOut(handle, offset, target) // without the closure, which a short copy would notice
      : copyInPieces(handle, offset, target, true)
  assertNoFault(result, region, 'read')
}

function copyInPieces(handle: Handle, offset: number, bytes: Uint8Array, out: boolean): Copied {
  const backward = native.copiesBackward(handle, offset, bytes, out)
  const pieces = backward ? inPiecesBackward<Copied> : inPieces<Copied>
  return pieces(handle, offset, bytes.length, contentPace, null, (at, count) => {
    const part = pieceOf(bytes, at - offset, count)
    return out ? native.copyOut(handle, at, part) : native.copyIn(handle, at, part)
  })
}

/** Copies into an open region, also from its own bytes; the range has to lie inside. */
function copyIn(region: Region, offset: number, source: Uint8Array): void {
  const { handle } = region
  const { length } = source
  const result =
    length <= contentPace.least
      ? native.copyIn(handle, offset, source)
      : copyInPieces(handle, offset, source, false)
  assertNoFault(result, region, 'write')
}

/** Memory for a copy. */
export function bufferFor(length: number): Buffer {
  if (length > maxBufferLength) throw outOfRange('length', `<= ${maxBufferLength}`, length)
  return Buffer.allocUnsafe(length)
}

export function read(mapping: Mapped, offset: unknown, length: unknown): Buffer {
  const start = byteCount(offset, 'offset')
  const count = byteCount(length, 'length')
  const region = regionOf(mapping)
  rangeWithin(region.byteLength, start, count)
  const target = bufferFor(count)
  copyOut(region, start, target)
  return target
}

/** Fills a target, whatever it is, if that is direct. */
function readDirectly(mapping: Mapped, start: number, target: ArrayBufferView): boolean {
  if (typedArray.kind(target) !== 'Uint8Array') return false
  const length = typedArray.byteLength(target)
  if (length === 0 || length > mostDirect) return false
  const region = regionOf(mapping)
  if (length > region.byteLength - start || changes(typedArray.buffer(target))) return false
  return copiedDirectly(region, start, target as Uint8Array, length)
}

export function readInto(mapping: Mapped, target: unknown, offset: unknown): number {
  if (!ArrayBuffer.isView(target)) {
    throw invalidArgType('target', 'an instance of ArrayBufferView', target)
  }
  const start = optionalByteCount(offset, 'offset') ?? 0
  if (readDirectly(mapping, start, target)) return typedArray.byteLength(target)
  const bytes = viewBytes(target, 'target')
  const region = regionOf(mapping)
  const { length: rest } = rangeWithin(region.byteLength, start, undefined)
  const wanted = bytes.length > rest ? bytes.subarray(0, rest) : bytes
  copyOutGuarded(region, start, wanted)
  return wanted.length
}

/** An encoding of Buffer's. */
export function checkEncoding(value: unknown, name: string): BufferEncoding {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  if (!Buffer.isEncoding(value)) {
    throw invalidArgValue(name, value, 'must be an encoding that Buffer knows')
  }
  return value
}

/** Text, decoded from a copy of its own. */
export function textOf(
  region: Region,
  offset: number,
  length: number,
  encoding: BufferEncoding,
): string {
  const copy = Buffer.allocUnsafeSlow(length)
  copyOut(region, offset, copy)
  return copy.toString(encoding)
}

export function text(mapping: Mapped, offset: unknown, length: unknown, encoding: unknown): string {
  const wanted = rangeArguments(offset, length)
  const name = optional(encoding, 'encoding', checkEncoding) ?? 'utf8'
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, wanted.offset, wanted.length)
  // No encoding has fewer characters than one for four bytes.
  if (range.length > 4 * bufferConstants.MAX_STRING_LENGTH || range.length > maxBufferLength) {
    const what = `the range at offset ${range.offset}`
    throw stringTooLong(what, range.length, 'decode it in parts')
  }
  return textOf(region, range.offset, range.length, name)
}

export function write(mapping: Mapped, offset: unknown, source: unknown): number {
  const start = byteCount(offset, 'offset')
  const bytes = sourceBytes(source)
  const region = regionOf(mapping)
  const { length: rest } = rangeWithin(region.byteLength, start, undefined)
  if (bytes.length > rest) {
    throw outOfRange('source.byteLength', `<= ${rest} at offset ${start}`, bytes.length)
  }
  copyIn(region, start, bytes)
  return bytes.length
}
