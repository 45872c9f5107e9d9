// Options of the calls that take a range of pages, read once and checked.

import {
  abortSignal,
  anyOptions,
  callback,
  flag,
  oneOf,
  optional,
  options as optionsObject,
  rangeNames,
  rangeOptions,
} from '../arguments.js'
import { constant } from '../native.js'

/** Part of a mapping; by default all of it. */
export interface RangeOptions {
  /** In bytes from the start of the mapping, default 0. */
  offset?: number | bigint | undefined
  /** In bytes, default the rest of the mapping. */
  length?: number | bigint | undefined
}

/** Part of a mapping. */
export interface ByteRange {
  /** In bytes from the start of the mapping. */
  offset: number | bigint
  /** In bytes. */
  length: number | bigint
}

/** For promises that can be given up. */
export interface SignalOptions {
  /** Ends the work; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** msync(2). */
export interface FlushOptions extends RangeOptions {
  /** `'sync'` (default) waits for the device, MS_SYNC; `'async'` only asks for it, MS_ASYNC. */
  mode?: 'sync' | 'async' | undefined
  /** Also invalidate other mappings of the file: MS_INVALIDATE. EBUSY if pages are locked. */
  invalidate?: boolean | undefined
}

/** mlock2(2). */
export interface LockOptions extends RangeOptions {
  /** Lock each page only once it was touched: MLOCK_ONFAULT. */
  onDemand?: boolean | undefined
}

/** madvise(2), MADV_POPULATE_READ and MADV_POPULATE_WRITE. */
export interface PopulateOptions extends RangeOptions {
  /** Fault in for writing: MADV_POPULATE_WRITE. */
  write?: boolean | undefined
}

/** How far work in the background has come. */
export interface Progress {
  /** In bytes. */
  done: number
  /** In bytes. */
  total: number
}

/** What the asynchronous methods take in addition. */
export interface WatchOptions {
  /** Stops between two pieces of the range; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  /**
   * Called from the event loop after pieces of the work and at its end; `done` never decreases. What it
   * throws is an uncaught exception.
   */
  onProgress?: ((progress: Progress) => void) | undefined
}

/** For {@link Mapping.flush}. */
export interface AsyncFlushOptions extends FlushOptions, WatchOptions {}
/** For {@link Mapping.lock}. */
export interface AsyncLockOptions extends LockOptions, WatchOptions {}
/** For {@link Mapping.populate}. */
export interface AsyncPopulateOptions extends PopulateOptions, WatchOptions {}

function flushMode(value: unknown, name: string): 'sync' | 'async' {
  return oneOf(value, name, ['sync', 'async'])
}

/** What the asynchronous forms take as well. */
export const watchNames = ['signal', 'onProgress'] as const
type More = readonly string[]

export function flushSettings(options: unknown, more: More = []) {
  const values = optionsObject(options, [...rangeNames, 'mode', 'invalidate', ...more])
  const mode = optional(values['mode'], 'options.mode', flushMode) ?? 'sync'
  const timing = constant(mode === 'sync' ? 'MS_SYNC' : 'MS_ASYNC')
  const flags = flag(values, 'invalidate') ? timing | constant('MS_INVALIDATE') : timing
  return { range: rangeOptions(values), flags }
}

export function lockSettings(options: unknown, more: More = []) {
  const values = optionsObject(options, [...rangeNames, 'onDemand', ...more])
  return { range: rangeOptions(values), onDemand: flag(values, 'onDemand') }
}

export function populateSettings(options: unknown, more: More = []) {
  const values = optionsObject(options, [...rangeNames, 'write', ...more])
  return { range: rangeOptions(values), write: flag(values, 'write') }
}

export interface WatchSettings {
  signal: AbortSignal | undefined
  onProgress: ((progress: Progress) => void) | undefined
}

/** Read after one of the others, which has looked at the names. */
export function watchSettings(options: unknown): WatchSettings {
  const values = anyOptions(options)
  const listener = callback<(progress: Progress) => void>
  return {
    signal: optional(values['signal'], 'options.signal', abortSignal),
    onProgress: optional(values['onProgress'], 'options.onProgress', listener),
  }
}
