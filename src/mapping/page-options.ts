// Options of the calls that take a range of pages, read once and checked.

import {
  abortSignal,
  boolean,
  callback,
  oneOf,
  optional,
  optionalByteCount,
  options as optionsObject,
} from '../arguments.js'
import { constant } from '../native.js'

/** Part of a mapping, in bytes from its start; by default all of it. */
export interface RangeOptions {
  offset?: number | bigint
  length?: number | bigint
}

/** msync(2). */
export interface FlushOptions extends RangeOptions {
  /** `'sync'` (default) waits for the device, MS_SYNC; `'async'` only asks for it, MS_ASYNC. */
  mode?: 'sync' | 'async'
  /** Also have other mappings of the file see it: MS_INVALIDATE. EBUSY if pages are locked. */
  invalidate?: boolean
}

/** mlock2(2). */
export interface LockOptions extends RangeOptions {
  /** Lock each page only once it was touched: MLOCK_ONFAULT. */
  onFault?: boolean
}

/** madvise(2), MADV_POPULATE_READ and MADV_POPULATE_WRITE. */
export interface PopulateOptions extends RangeOptions {
  /** Fault in for writing: MADV_POPULATE_WRITE. */
  write?: boolean
}

/** How far work in the background has come, in bytes. */
export interface Progress {
  done: number
  total: number
}

/** What the asynchronous twins take besides. */
export interface WatchOptions {
  /** Stops between two pieces of the range; the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /**
   * Called from the event loop now and then, and at the end; `done` never falls. What it throws is an
   * uncaught exception.
   */
  onProgress?: (progress: Progress) => void
}

/** For {@link Mapping.flush}. */
export interface AsyncFlushOptions extends FlushOptions, WatchOptions {}
/** For {@link Mapping.lock}. */
export interface AsyncLockOptions extends LockOptions, WatchOptions {}
/** For {@link Mapping.populate}. */
export interface AsyncPopulateOptions extends PopulateOptions, WatchOptions {}

type Values = Readonly<Record<string, unknown>>

function range(values: Values): { offset: number | undefined; length: number | undefined } {
  return {
    offset: optionalByteCount(values['offset'], 'options.offset'),
    length: optionalByteCount(values['length'], 'options.length'),
  }
}

function flag(values: Values, name: string): boolean {
  return optional(values[name], `options.${name}`, boolean) ?? false
}

function flushMode(value: unknown, name: string): 'sync' | 'async' {
  return oneOf(value, name, ['sync', 'async'])
}

export function flushSettings(options: unknown) {
  const values = optionsObject(options)
  const mode = optional(values['mode'], 'options.mode', flushMode) ?? 'sync'
  const timing = constant(mode === 'sync' ? 'MS_SYNC' : 'MS_ASYNC')
  const flags = flag(values, 'invalidate') ? timing | constant('MS_INVALIDATE') : timing
  return { ...range(values), flags }
}

export function lockSettings(options: unknown) {
  const values = optionsObject(options)
  return { ...range(values), onFault: flag(values, 'onFault') }
}

export function populateSettings(options: unknown) {
  const values = optionsObject(options)
  return { ...range(values), write: flag(values, 'write') }
}

export interface WatchSettings {
  signal: AbortSignal | undefined
  onProgress: ((progress: Progress) => void) | undefined
}

export function watchSettings(options: unknown): WatchSettings {
  const values = optionsObject(options)
  const listener = callback<(progress: Progress) => void>
  return {
    signal: optional(values['signal'], 'options.signal', abortSignal),
    onProgress: optional(values['onProgress'], 'options.onProgress', listener),
  }
}
