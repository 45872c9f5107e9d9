// Views: the memory itself, never a copy of it.

import { Buffer } from 'node:buffer'
import { optionalByteCount, rangeArguments, rangeWithin } from '../arguments.js'
import { invalidArgType, outOfRange } from '../errors.js'
import type { Place } from './buffers.js'
import { type Mapped, regionOf } from './region.js'

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

/** Int8Array to BigUint64Array. */
export interface TypedArrayConstructor<T> {
  /** The size of an element, in bytes. */
  readonly BYTES_PER_ELEMENT: number
  /** A view of `length` elements from `byteOffset` on. */
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T
}

const typedArray: object = Object.getPrototypeOf(Uint8Array)
const sample = new Uint8Array(0)

/** Whether a value is %TypedArray% of this realm or another, such as that of a vm context in Jest. */
function isTypedArrayIntrinsic(value: object): boolean {
  if (value === typedArray) return true
  // Its getter looks at what an object is made of, which is the same in all realms.
  const prototype: unknown = Object.getOwnPropertyDescriptor(value, 'prototype')?.value
  if (typeof prototype !== 'object' || prototype === null) return false
  const getter = Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag)?.get
  return getter !== undefined && Reflect.apply(getter, sample, []) === 'Uint8Array'
}

function isTypedArrayConstructor(type: unknown): type is object {
  if (typeof type !== 'function') return false
  let parent: object | null = Object.getPrototypeOf(type)
  while (parent !== null && !isTypedArrayIntrinsic(parent)) parent = Object.getPrototypeOf(parent)
  return parent !== null
}

function elementSize(type: unknown): number {
  const size: unknown = isTypedArrayConstructor(type) && Reflect.get(type, 'BYTES_PER_ELEMENT')
  if (typeof size === 'number' && [1, 2, 4, 8].includes(size)) return size
  throw invalidArgType('type', 'a typed array constructor', type)
}

export function typedView<T>(
  mapping: Mapped,
  type: TypedArrayConstructor<T>,
  offset: unknown,
  length: unknown,
): T {
  const size = elementSize(type)
  const start = optionalByteCount(offset, 'offset') ?? 0
  if (start % size !== 0) throw outOfRange('offset', `a multiple of ${size}`, start)
  const elements = optionalByteCount(length, 'length')
  const region = regionOf(mapping)
  const { length: rest } = rangeWithin(region.byteLength, start, undefined)
  const fitting = Math.floor(rest / size)
  const count = elements ?? fitting
  if (count > fitting) throw outOfRange('length', `<= ${fitting} at offset ${start}`, count)
  const { buffer, byteOffset } = region.memory.buffers.covering(start, count * size)
  return new type(buffer, byteOffset, count)
}

interface PlaceOfRange extends Place {
  length: number
}

function placeOf(mapping: Mapped, offset: unknown, length: unknown): PlaceOfRange {
  const wanted = rangeArguments(offset, length)
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, wanted.offset, wanted.length)
  const { buffer, byteOffset } = region.memory.buffers.covering(range.offset, range.length)
  return { buffer, byteOffset, length: range.length }
}

export function bytes(mapping: Mapped, offset: unknown, length: unknown): Uint8Array<ArrayBuffer> {
  const place = placeOf(mapping, offset, length)
  return new Uint8Array(place.buffer, place.byteOffset, place.length)
}

export function dataView(mapping: Mapped, offset: unknown, length: unknown): DataView<ArrayBuffer> {
  const place = placeOf(mapping, offset, length)
  return new DataView(place.buffer, place.byteOffset, place.length)
}

export function asBuffer(mapping: Mapped, offset: unknown, length: unknown): Buffer<ArrayBuffer> {
  const place = placeOf(mapping, offset, length)
  return Buffer.from(place.buffer, place.byteOffset, place.length)
}

/** Of fixed length: a view that tracks the length of a growable buffer is copied wrongly by V8. */
export function sharedBytes(
  mapping: Mapped,
  offset: unknown,
  length: unknown,
): Uint8Array<SharedArrayBuffer> {
  const wanted = rangeArguments(offset, length)
  const region = regionOf(mapping)
  const range = rangeWithin(region.byteLength, wanted.offset, wanted.length)
  return new Uint8Array(region.memory.sharedBuffer.get(), range.offset, range.length)
}
