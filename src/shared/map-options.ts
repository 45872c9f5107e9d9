// What a SharedMap is made with, and what its methods take, as checked values.

import { byteCount, oneOf, optional, options as optionsObject, signalOption } from '../arguments.js'
import { invalidArgType, outOfRange } from '../errors.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import { structureOptions } from './header.js'
import {
  bucketBitsFor,
  type Eviction,
  evictions,
  type Geometry,
  leastBytes,
  mostBytes,
  type ValueForm,
  valueForms,
} from './map-layout.js'

/** How a SharedMap is made. All who open it later have the same. */
export interface SharedMapOptions extends CreateSharedMemoryOptions {
  /**
   * What makes room for new entries: `'lru'`, the default, takes away those that were not used for long;
   * with `'none'` a full map refuses new entries.
   */
  evict?: 'lru' | 'none' | undefined
  /** How long entries live that are set without a time of their own, in milliseconds; default for ever. */
  ttl?: number | undefined
  /** How many entries there may be; default: as many as fit. */
  maxEntries?: number | undefined
  /**
   * What values are: `'clone'`, the default, anything that v8.serialize() takes; `'json'` anything that
   * JSON.stringify() takes; `'string'`; `'bytes'`, Uint8Arrays.
   */
  values?: 'clone' | 'json' | 'string' | 'bytes' | undefined
}

/** For {@link SharedMap.set}. */
export interface SetOptions {
  /** How long the entry lives, in milliseconds, 0 or Infinity for ever; default the map's. */
  ttl?: number | undefined
}

/** For {@link SharedMap.getOrSet}. */
export interface GetOrSetOptions extends SetOptions {
  /** Ends waiting for somebody else's fill: the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined
}

const mapNames = ['evict', 'ttl', 'maxEntries', 'values']
/** Of set(), and of getOrSet(), which passes its options on. */
const setNames = ['ttl', 'signal']

const longestTtl = 2 ** 51

/** In milliseconds, 0 for never. */
export function ttlOf(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (value === Number.POSITIVE_INFINITY) return 0
  if (!(value >= 0 && value <= longestTtl)) {
    throw outOfRange(name, `>= 0 and <= ${longestTtl}, or Infinity`, value)
  }
  return value
}

function entryCount(value: unknown, name: string): number {
  const count = byteCount(value, name)
  if (count < 1 || count > 0x7fffffff) throw outOfRange(name, '>= 1 and <= 2147483647', value)
  return count
}

export interface CreateSettings {
  readonly geometry: Geometry
  /** For the memory. */
  readonly memory: CreateSharedMemoryOptions
}

export function createSettings(byteLength: unknown, options: unknown): CreateSettings {
  const bytes = byteCount(byteLength, 'byteLength')
  const { values, memory } = structureOptions(options, mapNames)
  const evict: Eviction =
    optional(values['evict'], 'options.evict', (v, n) => oneOf(v, n, evictions)) ?? 'lru'
  const form: ValueForm =
    optional(values['values'], 'options.values', (v, n) => oneOf(v, n, valueForms)) ?? 'clone'
  const ttl = Math.ceil(optional(values['ttl'], 'options.ttl', ttlOf) ?? 0)
  const maxEntries = optional(values['maxEntries'], 'options.maxEntries', entryCount) ?? 0
  if (bytes < leastBytes || bytes > mostBytes) {
    throw outOfRange('byteLength', `>= ${leastBytes} and <= ${mostBytes}`, byteLength)
  }
  const bucketBits = bucketBitsFor(bytes, maxEntries)
  const seed = (crypto.getRandomValues(new Int32Array(1))[0] as number) | 0
  const geometry = { byteLength: bytes, bucketBits, evict, values: form, maxEntries, ttl, seed }
  return { geometry, memory }
}

/** When something expires that is set now, in milliseconds since 1970; 0 for never. */
export function expiryFrom(options: unknown, ttl: number): number {
  const own = optional(optionsObject(options, setNames)['ttl'], 'options.ttl', ttlOf) ?? ttl
  return own === 0 ? 0 : Date.now() + own
}

export function signalOf(options: unknown): AbortSignal | undefined {
  return signalOption(options, setNames)
}
