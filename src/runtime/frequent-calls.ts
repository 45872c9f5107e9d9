// Wrappers of built-ins that programs call very often: plain methods, which V8 compiles into their
// callers: so each is little more than the question, and what to do with our memory is elsewhere. What
// they cost everybody else is in docs/performance.md.

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
  const sliceOfOurs = (view: unknown, range: unknown[]) => {
    if (isBytes(view)) {
      const length = typedArray.byteLength(view)
      const [start = 0, end = length] = range
      if (isIndex(end, length) && isIndex(start, end)) return textOf(view, start, end, decode)
    }
    return apply(original, stable(view), range)
  }
  return {
    utf8Slice(this: unknown, ...range: unknown[]): unknown {
      '[native code]'
      return mayChange(this) ? sliceOfOurs(this, range) : apply(original, this, range)
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
  const textOfOurs = (view: unknown, args: unknown[]) => {
    if (args.length === 0 && isBytes(view)) {
      return textOf(view, 0, typedArray.byteLength(view), decode)
    }
    const [encoding, start, end] = args
    const simple = isOptional('string', encoding) && isOptional('number', start, end)
    // Its conversions, in its order, of arguments that nobody passes.
    if (!simple || !isBytes(view)) return apply(original, sameKind(view as ArrayBufferView), args)
    if (!isUtf8(encoding)) return apply(original, view, args)
    const length = typedArray.byteLength(view)
    const from = Math.trunc(Math.max((start as number) || 0, 0))
    const to = end === undefined ? length : Math.min(Math.trunc(end as number) || 0, length)
    return to > from ? textOf(view, from, to, decode) : ''
  }
  return {
    toString(this: unknown, ...args: unknown[]): unknown {
      return mayChange(this) ? textOfOurs(this, args) : apply(original, this, args)
    },
  }.toString
}

/** `TextDecoder.prototype.decode`, `StringDecoder.prototype.write`: any view as the first argument. */
export function decoding(original: Callable): Callable {
  const decodeOther = (self: unknown, args: unknown[]) => {
    const own = stable(args[0])
    return apply(original, self, own === args[0] ? args : [own, ...args.slice(1)])
  }
  return {
    decode(this: unknown, ...args: unknown[]): unknown {
      const input = args[0]
      const theirs = ArrayBuffer.isView(input) && !mayChange(input)
      return theirs ? apply(original, this, args) : decodeOther(this, args)
    },
  }.decode
}
