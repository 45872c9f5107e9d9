// Which ArrayBuffers cover memory that others can change or take away while native code reads it.

import { types } from 'node:util'

type Uncurried<R> = (self: unknown) => R

// `instanceof` would run the traps of a proxy that somebody passed.
const { isSharedArrayBuffer } = types
const { bind, call } = Function.prototype
/** As primordials have it: what a program patches later is not called. */
export const uncurry = bind.bind(call) as (
  method: unknown,
) => (self: unknown, ...rest: never[]) => unknown

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype) as object

function getter<R>(prototype: object, name: PropertyKey): Uncurried<R> {
  return uncurry(Object.getOwnPropertyDescriptor(prototype, name)?.get) as Uncurried<R>
}

/** What a typed array really covers, whatever a subclass says; a TypeError for anything else. */
export const typedArray = {
  buffer: getter<ArrayBufferLike>(typedArrayPrototype, 'buffer'),
  byteOffset: getter<number>(typedArrayPrototype, 'byteOffset'),
  byteLength: getter<number>(typedArrayPrototype, 'byteLength'),
  /** `'Uint8Array'`, or undefined for anything that is not a typed array. */
  kind: getter<string | undefined>(typedArrayPrototype, Symbol.toStringTag),
}

const arrayBufferLength = getter<number>(ArrayBuffer.prototype, 'byteLength')

const dataView = {
  buffer: getter<ArrayBufferLike>(DataView.prototype, 'buffer'),
  byteOffset: getter<number>(DataView.prototype, 'byteOffset'),
  byteLength: getter<number>(DataView.prototype, 'byteLength'),
}

// A private field stamped on each buffer needs no table, but V8 does not optimise `#field in buffer`:
// it took 18 to 50 ns where this look-up takes 10, since most buffers have no identity hash.
const changing = new WeakSet<object>()
export const isStamped = uncurry(WeakSet.prototype.has).bind(undefined, changing as never) as (
  buffer: object,
) => boolean

export function stamp(buffer: ArrayBufferLike): void {
  changing.add(buffer)
}

/**
 * Whether the memory may be a mapping's, or change by itself: another thread may hold any
 * SharedArrayBuffer, also one that it was sent by us.
 */
export function changes(buffer: ArrayBufferLike): boolean {
  return isStamped(buffer) || buffer instanceof SharedArrayBuffer || !isArrayBuffer(buffer)
}

/** Also of another realm, where `instanceof` is false of what is shared. */
function isArrayBuffer(buffer: unknown): boolean {
  try {
    arrayBufferLength(buffer)
    return true
  } catch {
    return false
  }
}

/**
 * V8 keeps arrays of up to so many bytes inside of their object, and asking for their buffer moves
 * them out: 0.4 µs, and memory for good. A copy of so little is cheaper than the question.
 */
export const littleBytes = 64

/** Whether an array is so little that nobody should ask for its buffer; a TypeError for others. */
export function isLittle(view: unknown): boolean {
  return typedArray.byteOffset(view) === 0 && typedArray.byteLength(view) <= littleBytes
}

function hasBytes(view: ArrayBufferView): boolean {
  try {
    return dataView.byteLength(view) > 0
  } catch {
    // Detached.
    return false
  }
}

/**
 * Whether native code has to be kept from a view. Says yes of every little typed array as well, and
 * no of what has no bytes, such as a detached one: the errors about those are the built-in's own.
 */
export function mayChange(view: unknown): boolean {
  try {
    // A detached array is at offset 0 and has no bytes.
    if (isLittle(view)) return typedArray.byteLength(view) > 0
    return changes(typedArray.buffer(view))
  } catch {
    return ArrayBuffer.isView(view) && changes(dataView.buffer(view)) && hasBytes(view)
  }
}

const toBytes = uncurry(Uint8Array.prototype.set) as (
  target: Uint8Array,
  source: Uint8Array,
) => void

/** Bytes of our own. One memmove(3) reads each byte once; a fault in it leaves zeros, and is data. */
export function copyBytes(
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length)
  toBytes(copy, new Uint8Array(buffer, byteOffset, length))
  return copy
}

const gettersOf = (view: ArrayBufferView) =>
  typedArray.kind(view) === undefined ? dataView : typedArray

/** The buffer of any view, which may be detached. */
export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return gettersOf(view).buffer(view)
}

/** The bytes of any view that is not detached, as a view of them. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  const from = gettersOf(view)
  return new Uint8Array(from.buffer(view), from.byteOffset(view), from.byteLength(view))
}

/** The value itself, or bytes of our own for a view or a buffer over memory that can change. */
export function stable(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (!ArrayBuffer.isView(value)) return stableBuffer(value)
  if (!mayChange(value)) return value
  // Of so little no ArrayBuffer is made.
  if (typedArray.kind(value) === 'Uint8Array' && isLittle(value)) {
    return new Uint8Array(value as Uint8Array)
  }
  const bytes = bytesOf(value)
  return copyBytes(bytes.buffer, bytes.byteOffset, bytes.length)
}

function stableBuffer(value: object): unknown {
  if (!isStamped(value) && !isSharedArrayBuffer(value)) return value
  const { byteLength } = value as ArrayBufferLike
  return byteLength === 0 ? value : copyBytes(value as ArrayBufferLike, 0, byteLength)
}
