/**
 * A store for Keyv over a SharedMap. Keyv itself is not needed to load it.
 *
 * @module posix-mmap/keyv
 */

import { optional } from './arguments.js'
import { invalidArgType } from './errors.js'
import { ttlOf } from './shared/map-options.js'
import { SharedMap } from './shared/shared-map.js'

/** Of an EventEmitter. */
type Listener = (...args: never[]) => void

/** One entry of {@link KeyvSharedMap.setMany}. */
export interface KeyvEntry {
  /** With Keyv's namespace before it. */
  key: string
  /** What the map's form of values takes. */
  value: unknown
  /** In milliseconds. */
  ttl?: number | undefined
}

/**
 * A store for Keyv whose entries are those of a {@link SharedMap}: all processes that have the map have one cache.
 * `new Keyv({ store: new KeyvSharedMap(map) })`; the map stays open when Keyv disconnects.
 *
 * Every method throws, as a rejected promise, what the map's method does.
 */
export class KeyvSharedMap {
  /** Keyv sets it, and puts it before every key. */
  namespace?: string | undefined
  /** For Keyv. */
  readonly opts: Record<string, unknown>
  readonly #map: SharedMap

  /**
   * @param map with values of any form; Keyv gives it strings, unless it was told not to serialize
   * @throws ERR_INVALID_ARG_TYPE
   */
  constructor(map: SharedMap) {
    if (!(map instanceof SharedMap)) throw invalidArgType('map', 'an instance of SharedMap', map)
    this.#map = map
    this.opts = { dialect: 'posix-mmap', url: '' }
  }

  /** Keyv listens for errors. There are none but those that methods throw. */
  on(_event: string, _listener: Listener): this {
    return this
  }

  /** The value of a key, as {@link SharedMap.get} gives it. */
  async get(key: string): Promise<unknown> {
    return this.#map.get(key)
  }

  /** {@link get} of each key. */
  async getMany(keys: readonly string[]): Promise<unknown[]> {
    return keys.map((key) => this.#map.get(key))
  }

  /**
   * {@link SharedMap.set}.
   *
   * @param ttl in milliseconds; without one, that of the map
   */
  async set(key: string, value: unknown, ttl?: number | null): Promise<void> {
    const own = optional(ttl ?? undefined, 'ttl', ttlOf)
    this.#map.set(key, value, { ttl: own })
  }

  /** {@link set} of each entry, one after the other. */
  async setMany(entries: readonly KeyvEntry[]): Promise<void> {
    for (const { key, value, ttl } of entries) await this.set(key, value, ttl)
  }

  /** Whether there is an entry: {@link SharedMap.has}. */
  async has(key: string): Promise<boolean> {
    return this.#map.has(key)
  }

  /** {@link has} of each key. */
  async hasMany(keys: readonly string[]): Promise<boolean[]> {
    return keys.map((key) => this.#map.has(key))
  }

  /** {@link SharedMap.delete}: whether it was there. */
  async delete(key: string): Promise<boolean> {
    return this.#map.delete(key)
  }

  /** Deletes each key: whether one of them was there. */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    return keys.map((key) => this.#map.delete(key)).includes(true)
  }

  /** Deletes the entries of the namespace, or all where there is none. Not one atomic step. */
  async clear(): Promise<void> {
    if (this.namespace === undefined) {
      this.#map.clear()
      return
    }
    for (const key of this.#map.keys()) {
      if (isIn(key, this.namespace)) this.#map.delete(key)
    }
  }

  /** The entries of a namespace, by their keys as the map has them. */
  async *iterator(namespace?: string): AsyncGenerator<[string, unknown], void> {
    for (const [key, value] of this.#map.entries()) {
      if (isIn(key, namespace)) yield [key, value]
    }
  }

  /** Does nothing: the map is its owner's to dispose of. */
  async disconnect(): Promise<void> {}
}

function isIn(key: string | Uint8Array, namespace: string | undefined): key is string {
  return typeof key === 'string' && (namespace === undefined || key.startsWith(`${namespace}:`))
}

export default KeyvSharedMap
