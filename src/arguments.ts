// Checks of what callers pass in. Each takes a value as it came and returns it with a type; nothing
// here looks at a mapping, so that a getter or a conversion cannot unmap it in between.

import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from './errors.js'

const integerRange = 'an integer >= 0 and <= 2 ** 53 - 1'

/** A number of bytes, an offset, a count: `0 … 2**53 - 1` as a number or a bigint. */
export function byteCount(value: unknown, name: string): number {
  if (typeof value === 'bigint') {
    if (value < 0n || value > Number.MAX_SAFE_INTEGER) throw outOfRange(name, integerRange, value)
    return Number(value)
  }
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number or bigint', value)
  if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, integerRange, value)
  return value + 0 // -0 becomes 0
}

export function optional<T>(
  value: unknown,
  name: string,
  check: (value: unknown, name: string) => T,
): T | undefined {
  return value === undefined ? undefined : check(value, name)
}

export function optionalByteCount(value: unknown, name: string): number | undefined {
  return value === undefined ? undefined : byteCount(value, name)
}

/** A whole number that fits in a C int: flags, modes, descriptors. */
export function int32(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
    throw outOfRange(name, 'an integer >= 0 and <= 2147483647', value)
  }
  return value
}

export function boolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value)
  return value
}

/** What C takes as a null-terminated string: a null byte inside would end it early. */
export function cString(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  if (value.includes('\0')) throw invalidArgValue(name, value, 'must have no null bytes')
  return value
}

export function callback<F>(value: unknown, name: string): F {
  if (typeof value !== 'function') throw invalidArgType(name, 'of type function', value)
  return value as F
}

/** One of another realm, or of jsdom. */
function isForeignSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, throwIfAborted, addEventListener } = value as Record<string, unknown>
  return (
    typeof aborted === 'boolean' &&
    typeof throwIfAborted === 'function' &&
    typeof addEventListener === 'function'
  )
}

export function abortSignal(value: unknown, name: string): AbortSignal {
  if (value instanceof AbortSignal || isForeignSignal(value)) return value
  throw invalidArgType(name, 'an instance of AbortSignal', value)
}

export function oneOf<T extends string>(value: unknown, name: string, allowed: readonly T[]): T {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  if (!(allowed as readonly string[]).includes(value)) {
    throw invalidArgValue(name, value, `must be one of: ${allowed.map((v) => `'${v}'`).join(', ')}`)
  }
  return value as T
}

/** The properties of an options object, not yet checked. */
export type Values = Readonly<Record<string, unknown>>

/** An options object or nothing, with whatever properties. */
export function anyOptions(value: unknown): Values {
  if (value === undefined) return {}
  if (value === null || typeof value !== 'object') {
    throw invalidArgType('options', 'of type object', value)
  }
  return value as Values
}

/** An options object that has none but these properties, or nothing. */
export function options(value: unknown, known: readonly string[]): Values {
  const values = anyOptions(value)
  // One that is undefined counts as absent, whatever its name.
  for (const name of Object.keys(values)) {
    if (!known.includes(name) && values[name] !== undefined) throw unknownOption(name, known)
  }
  return values
}

/** The signal in an options object that has none but these properties. */
export function signalOption(
  value: unknown,
  known: readonly string[] = ['signal'],
): AbortSignal | undefined {
  return optional(options(value, known)['signal'], 'options.signal', abortSignal)
}

/** The options of a range. */
export const rangeNames = ['offset', 'length'] as const

/** An option that is on or off, off by default. */
export function flag(values: Values, name: string): boolean {
  return optional(values[name], `options.${name}`, boolean) ?? false
}

/** Part of a mapping, in bytes. */
export interface Range {
  offset: number
  length: number
}

/** A range as the caller gave it. */
export interface RangeArguments {
  offset: number | undefined
  length: number | undefined
  /** What stands before the names of the two in an error: `options.`, or nothing. */
  prefix: string
}

export function rangeArguments(offset: unknown, length: unknown, prefix = ''): RangeArguments {
  return {
    offset: optionalByteCount(offset, `${prefix}offset`),
    length: optionalByteCount(length, `${prefix}length`),
    prefix,
  }
}

export function rangeOptions(values: Values): RangeArguments {
  return rangeArguments(values['offset'], values['length'], 'options.')
}

/**
 * The range that `offset` and `length` mean in `whole` bytes; without a length, the rest. Throws
 * `ERR_OUT_OF_RANGE` unless it lies inside.
 */
export function rangeWithin(
  whole: number,
  offset: number | undefined,
  length: number | undefined,
  prefix = '',
): Range {
  const start = offset ?? 0
  if (start > whole) throw outOfRange(`${prefix}offset`, `<= ${whole}`, start)
  const rest = whole - start
  if (length === undefined) return { offset: start, length: rest }
  if (length > rest) throw outOfRange(`${prefix}length`, `<= ${rest} at offset ${start}`, length)
  return { offset: start, length }
}
