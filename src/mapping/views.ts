// Views: the memory itself, never a copy of it.

import { Buffer } from 'node:buffer'
import { optionalByteCount, type Range, rangeWithin } from '../arguments.js'
import { invalidArgType, outOfRange } from '../errors.js'
import type { Place } from './buffers.js'
import { MappedMemory, regionOf } from './lifetime.js'

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
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T
}

const typedArray = Object.getPrototypeOf(Uint8Array) as { prototype: object }

function elementSize(type: unknown): number {
  const isTypedArray =
    typeof type === 'function' && Object.prototype.isPrototypeOf.call(typedArray, type)
  const size: unknown = isTypedArray ? Reflect.get(type, 'BYTES_PER_ELEMENT') : undefined
  if (typeof size === 'number' && [1, 2, 4, 8].includes(size)) return size
  throw invalidArgType('type', 'a typed array constructor', type)
}

/** Views stay valid until unmap(), and keep the memory alive without the mapping object. */
export abstract class ViewedMemory extends MappedMemory {
  /**
   * All of the memory; the same object each time.
   *
   * @throws ERR_MAPPING_CLOSED · ERR_MAPPING_DETACHED after someone else transferred it ·
   *   ERR_OUT_OF_RANGE if the mapping is larger than an ArrayBuffer of this runtime can be
   *   ({@link Limits.maxBufferLength}); take parts with {@link bytes} then
   */
  get buffer(): ArrayBuffer {
    return regionOf(this).buffers.whole()
  }

  /**
   * All of the memory as a SharedArrayBuffer, the same object each time: postMessage() gives it to
   * other threads, Atomics.wait() takes it. It cannot be detached: after unmap() it shows zeros, and
   * what is written goes nowhere, unless another thread has the memory attached. Without unmap() it
   * lives on with its last thread.
   *
   * On Node.js before 22.23.3, 24.16 and 26.1 only for sealed and writable {@link SharedMemory}, and
   * protect() and guard pages do not reach it there.
   *
   * @throws ERR_MAPPING_CLOSED · ERR_EXTERNAL_BUFFERS where the runtime cannot make one ·
   *   ERR_OUT_OF_RANGE as {@link buffer}
   */
  get sharedBuffer(): SharedArrayBuffer {
    return regionOf(this).sharedBuffer.get()
  }

  /**
   * A view of bytes. Of a large mapping the view's `buffer` may cover a part only, so that a look at
   * little of it costs little: count from the view, or with its `byteOffset`, and take {@link buffer}
   * for all.
   *
   * @param offset in bytes from the start of the mapping, default 0
   * @param length in bytes, default the rest
   * @throws ERR_MAPPING_CLOSED · ERR_MAPPING_DETACHED · ERR_OUT_OF_RANGE for a range outside the
   *   mapping or longer than an ArrayBuffer · ERR_INVALID_ARG_TYPE
   */
  bytes(offset?: number | bigint, length?: number | bigint): Uint8Array<ArrayBuffer> {
    const { place, range } = this.#place(offset, length)
    return new Uint8Array(place.buffer, place.byteOffset, range.length)
  }

  /**
   * A typed array.
   *
   * @param type Int32Array, Float64Array, …
   * @param offset in bytes from the start of the mapping, a multiple of the element size; default 0
   * @param length in elements, default all that fit
   * @throws as {@link bytes}
   */
  view<T>(type: TypedArrayConstructor<T>, offset?: number | bigint, length?: number | bigint): T {
    const size = elementSize(type)
    const start = optionalByteCount(offset, 'offset') ?? 0
    if (start % size !== 0) throw outOfRange('offset', `a multiple of ${size}`, start)
    const elements = optionalByteCount(length, 'length')
    const region = regionOf(this)
    const { length: rest } = rangeWithin(region.byteLength, start, undefined)
    const fitting = Math.floor(rest / size)
    const count = elements ?? fitting
    if (count > fitting) throw outOfRange('length', `<= ${fitting} at offset ${start}`, count)
    const { buffer, byteOffset } = region.buffers.covering(start, count * size)
    return new type(buffer, byteOffset, count)
  }

  /** A DataView. Arguments and errors as for {@link bytes}. */
  dataView(offset?: number | bigint, length?: number | bigint): DataView<ArrayBuffer> {
    const { place, range } = this.#place(offset, length)
    return new DataView(place.buffer, place.byteOffset, range.length)
  }

  /** A Node Buffer over the same memory. Arguments and errors as for {@link bytes}. */
  asBuffer(offset?: number | bigint, length?: number | bigint): Buffer<ArrayBuffer> {
    const { place, range } = this.#place(offset, length)
    return Buffer.from(place.buffer, place.byteOffset, range.length)
  }

  #place(offset: unknown, length: unknown): { place: Place; range: Range } {
    const start = optionalByteCount(offset, 'offset')
    const count = optionalByteCount(length, 'length')
    const region = regionOf(this)
    const range = rangeWithin(region.byteLength, start, count)
    return { place: region.buffers.covering(range.offset, range.length), range }
  }
}
