// Wrappers of built-ins that programs call very often: plain methods, which V8 compiles into their
// callers. What they cost everybody else is in docs/performance.md.

import { Buffer } from 'node:buffer'
import { bytesOf, isLittle, littleBytes, mayChange, stable, typedArray, uncurry } from './brand.js'
import type { Callable } from './wrap.js'

const { apply } = Reflect
const methods = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array

const toSorted = uncurry(Reflect.get(methods, 'toSorted')) as (view: unknown) => unknown
const setElements = uncurry(methods.set) as (target: unknown, source: unknown) => void

/**
 * `%TypedArray%.prototype.sort`: without a comparator it sorts in place by an unguarded insertion
 * sort, which runs past the end of the array when an element changes.
 */
export const sorting = (original: Callable): Callable =>
  ({
    sort(this: unknown, comparator?: unknown): unknown {
      // Those who ask a function whether it is a built-in look for these words in it.
      '[native code]'
      const inPlace = comparator !== undefined || !mayChange(this)
      if (inPlace || typedArray.kind(this) === undefined) {
        return apply(original, this, [comparator])
      }
      // A fault in either step is data: zeros are sorted, or a page keeps what it had.
      setElements(this, toSorted(this))
      return this
    },
  }).sort

type Decode = (bytes: Uint8Array, ...range: unknown[]) => string

const scratch = new Uint8Array(new ArrayBuffer(littleBytes))

/** The text of a range that lies inside of `view`. Nothing in it calls back into JavaScript. */
function textOf(
  view: Uint8Array,
  start: number,
  end: number,
  decode: (bytes: Uint8Array, start: number, end: number) => string,
): string {
  if (isLittle(view)) {
    setElements(scratch, view)
    return decode(scratch, start, end)
  }
  const length = end - start
  const bytes = Buffer.allocUnsafeSlow(length)
  const from = typedArray.byteOffset(view) + start
  setElements(bytes, new Uint8Array(typedArray.buffer(view), from, length))
  return decode(bytes, 0, length)
}

const isBytes = (view: unknown): view is Uint8Array => typedArray.kind(view) === 'Uint8Array'

function isIndex(value: unknown, end: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= end
}

/** `Buffer.prototype.utf8Slice`: it measures the text, then writes it. */
export function slicing(original: Callable): Callable {
  const decode = uncurry(original) as Decode
  return {
    utf8Slice(this: unknown, ...range: unknown[]): unknown {
      '[native code]'
      if (!mayChange(this)) return apply(original, this, range)
      if (isBytes(this)) {
        const length = typedArray.byteLength(this)
        const [start = 0, end = length] = range
        if (isIndex(end, length) && isIndex(start, end)) return textOf(this, start, end, decode)
      }
      return apply(original, stable(this), range)
    },
  }.utf8Slice
}

/** The same view over bytes of our own. */
function sameKind(view: ArrayBufferView): ArrayBufferView {
  const { buffer, byteOffset, byteLength } = bytesOf(stable(view) as ArrayBufferView)
  const kind = typedArray.kind(view) ?? 'DataView'
  const Kind = Reflect.get(globalThis, kind) as DataViewConstructor
  return new Kind((buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength))
}

const isOptional = (type: string, ...values: unknown[]) =>
  values.every((value) => value === undefined || typeof value === type)

function isUtf8(encoding: unknown): boolean {
  if (encoding === undefined || encoding === 'utf8') return true
  return typeof encoding === 'string' && /^utf-?8$/i.test(encoding)
}

/**
 * `Buffer.prototype.toString`, where it does not call `this.utf8Slice`. Other encodings read once,
 * and need no copy.
 */
export function toText(original: Callable, utf8Slice: Callable): Callable {
  const decode = uncurry(utf8Slice) as Decode
  return {
    toString(this: unknown, ...args: unknown[]): unknown {
      if (!mayChange(this)) return apply(original, this, args)
      if (args.length === 0 && isBytes(this)) {
        return textOf(this, 0, typedArray.byteLength(this), decode)
      }
      const [encoding, start, end] = args
      const simple = isOptional('string', encoding) && isOptional('number', start, end)
      // Its conversions, in its order, of arguments that nobody passes.
      if (!simple || !isBytes(this)) return apply(original, sameKind(this as ArrayBufferView), args)
      if (!isUtf8(encoding)) return apply(original, this, args)
      const length = typedArray.byteLength(this)
      const from = Math.trunc(Math.max((start as number) || 0, 0))
      const to = end === undefined ? length : Math.min(Math.trunc(end as number) || 0, length)
      return to > from ? textOf(this, from, to, decode) : ''
    },
  }.toString
}

/** `TextDecoder.prototype.decode`, `StringDecoder.prototype.write`: any view as the first argument. */
export const decoding = (original: Callable): Callable =>
  ({
    decode(this: unknown, ...args: unknown[]): unknown {
      const input = args[0]
      if (ArrayBuffer.isView(input) && !mayChange(input)) return apply(original, this, args)
      const own = stable(input)
      return own === input
        ? apply(original, this, args)
        : apply(original, this, [own, ...args.slice(1)])
    },
  }).decode
