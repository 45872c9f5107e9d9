// Copies that check: exactly the file's bytes, or a MappingFaultError where a view would show zeros.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
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
import { assertNoFault } from './faults.js'
import { contentPace, inPieces, inPiecesBackward } from './pieces.js'
import { type Mapped, type Region, regionOf } from './region.js'

type Getter = (this: ArrayBufferView) => unknown

function getters(prototype: object): Record<'buffer' | 'byteOffset' | 'byteLength', Getter> {
  const of = (name: string) => Object.getOwnPropertyDescriptor(prototype, name)?.get as Getter
  return { buffer: of('buffer'), byteOffset: of('byteOffset'), byteLength: of('byteLength') }
}

const dataView = getters(DataView.prototype)
const typedArray = getters(Object.getPrototypeOf(Uint8Array.prototype))

/** The bytes of a view, whatever a subclass says that they are. */
export function viewBytes(view: ArrayBufferView, name: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = types.isDataView(view) ? dataView : typedArray
  try {
    return new Uint8Array(
      buffer.call(view) as ArrayBuffer,
      byteOffset.call(view) as number,
      byteLength.call(view) as number,
    )
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

/** Copies out of an open region; the range has to lie inside. */
export function copyOut(region: Region, offset: number, target: Uint8Array): void {
  const { handle } = region
  const { length } = target
  const result =
    length <= contentPace.least
      ? native.copyOut(handle, offset, target) // without the closure, which a short copy would notice
      : inPieces<Copied>(handle, offset, length, contentPace, null, (at, count) =>
          native.copyOut(handle, at, pieceOf(target, at - offset, count)),
        )
  assertNoFault(result, region, 'read')
}

function copyInPieces(handle: Handle, offset: number, source: Uint8Array): Copied {
  const backward = native.copiesBackward(handle, offset, source)
  const pieces = backward ? inPiecesBackward<Copied> : inPieces<Copied>
  return pieces(handle, offset, source.length, contentPace, null, (at, count) =>
    native.copyIn(handle, at, pieceOf(source, at - offset, count)),
  )
}

/** Copies into an open region, also from its own bytes; the range has to lie inside. */
function copyIn(region: Region, offset: number, source: Uint8Array): void {
  const { handle } = region
  const { length } = source
  const result =
    length <= contentPace.least
      ? native.copyIn(handle, offset, source)
      : copyInPieces(handle, offset, source)
  assertNoFault(result, region, 'write')
}

export function read(mapping: Mapped, offset: unknown, length: unknown): Buffer {
  const start = byteCount(offset, 'offset')
  const count = byteCount(length, 'length')
  const region = regionOf(mapping)
  rangeWithin(region.byteLength, start, count)
  if (count > maxBufferLength) throw outOfRange('length', `<= ${maxBufferLength}`, count)
  const target = Buffer.allocUnsafe(count)
  copyOut(region, start, target)
  return target
}

export function readInto(mapping: Mapped, target: unknown, offset: unknown): number {
  if (!ArrayBuffer.isView(target)) {
    throw invalidArgType('target', 'an instance of ArrayBufferView', target)
  }
  const start = optionalByteCount(offset, 'offset') ?? 0
  const bytes = viewBytes(target, 'target')
  const region = regionOf(mapping)
  const { length: rest } = rangeWithin(region.byteLength, start, undefined)
  const wanted = bytes.length > rest ? bytes.subarray(0, rest) : bytes
  copyOut(region, start, wanted)
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

export function text(mapping: Mapped, offset: unknown, length: unknown, encoding: unknown): string {
  const wanted = rangeArguments(offset, length)
  const name = optional(encoding, 'encoding', checkEncoding) ?? 'utf8'
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, wanted.offset, wanted.length)
  if (range.length > maxBufferLength) throw stringTooLong(range.offset, range.length)
  const copy = Buffer.allocUnsafeSlow(range.length)
  copyOut(region, range.offset, copy)
  return copy.toString(name)
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
