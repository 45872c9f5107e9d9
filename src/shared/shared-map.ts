// A map that all processes of a machine share: what users call.

import { callback } from '../arguments.js'
import { illegalConstructor, invalidArgType, mappingClosed, outOfRange } from '../errors.js'
import { SharedMemory } from '../mapping.js'
import { createStructure, opened, readHeader } from './header.js'
import { type Fill, Fills } from './map-fills.js'
import { Index } from './map-index.js'
import { Key } from './map-keys.js'
import {
  counters,
  type Geometry,
  geometryFrom,
  mapLayout,
  parametersOf,
  state,
  type Views,
  viewsOf,
} from './map-layout.js'
import {
  createSettings,
  expiryFrom,
  type GetOrSetOptions,
  type SetOptions,
  type SharedMapOptions,
  signalOf,
} from './map-options.js'
import { absent, Reader } from './map-reader.js'
import { type Encoded, encodeValue } from './map-values.js'
import { formatMap, Writer } from './map-writer.js'

/** What happened in a {@link SharedMap} since it was made. */
export interface SharedMapStats {
  /** How many calls of get() and getOrSet() found a value, by all threads; up to 255 of each other thread are not counted yet. */
  hits: number
  /** How many of them found none, with the same lag. */
  misses: number
  /** How many entries had to go before their time. */
  evictions: number
  /** How often somebody took over from a writer who had died. */
  recoveries: number
}

const construction = Symbol('posix-mmap SharedMap')
/** After so many a thread adds what it has counted to what all have counted. */
const countsKept = 256

/**
 * A map in shared memory, for all threads of all processes that have the memory. Readers never wait:
 * they look at the memory without a lock, and get a whole value, the old or the new one. Writers exclude
 * each other by a robust lock, for which they wait by futex(2). Whoever is killed, at any instruction, leaves a map that is whole: of what
 * it was changing either all or nothing has happened, and nobody waits for it.
 *
 * A key is a string or bytes; a string is never the same key as bytes. What {@link get} returns is a
 * copy. Numbers in maps of `'clone'` and `'json'` can be counted with {@link increment}.
 */
export class SharedMap<V = unknown> {
  readonly #memory: SharedMemory
  readonly #owned: boolean
  readonly #geometry: Geometry
  readonly #views: Views
  readonly #writer: Writer
  readonly #reader: Reader
  readonly #key = new Key()
  #fills: Fills | undefined
  #disposed = false
  #hits = 0
  #misses = 0

  private constructor(key: typeof construction, memory: SharedMemory, owned: boolean) {
    if (key !== construction) throw illegalConstructor()
    this.#geometry = geometryFrom(readHeader(memory, mapLayout), memory.byteLength)
    this.#memory = memory
    this.#owned = owned
    this.#views = viewsOf(memory, this.#geometry)
    const writer = new Writer(memory, this.#views)
    this.#writer = writer
    const index = new Index(this.#views, writer.shown)
    this.#reader = new Reader(this.#views, index, (body) => writer.tryLocked(body, undefined))
  }

  /**
   * Makes a map in new memory, as {@link SharedMemory.create}.
   *
   * @param byteLength of all its memory, 8192 to 2 ** 32 - 2 ** 12; about 15 % of it is not for entries, and
   *   an entry takes 32 bytes besides its key and value, rounded up to 32
   * @throws as {@link SharedMemory.create} · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE,
   *   ERR_OUT_OF_RANGE
   */
  static create<V = unknown>(byteLength: number, options?: SharedMapOptions): SharedMap<V> {
    const { geometry, memory: settings } = createSettings(byteLength, options)
    const parameters = parametersOf(geometry)
    const prepare = (memory: SharedMemory) => formatMap(viewsOf(memory, geometry))
    const memory = createStructure(mapLayout, byteLength, settings, parameters, prepare)
    return opened(memory, (made) => new SharedMap<V>(construction, made, true))
  }

  /**
   * Opens the map of a name, a path or a descriptor, as {@link SharedMemory.open}.
   *
   * @throws as {@link SharedMemory.open} · ERR_SHARED_LAYOUT when it is not a map of this version
   */
  static open<V = unknown>(name: string | number): SharedMap<V> {
    const memory = SharedMemory.open(name, { access: 'read-write' })
    return opened(memory, (found) => new SharedMap<V>(construction, found, true))
  }

  /**
   * The map in memory that is open already, and that stays the caller's.
   *
   * @throws ERR_SHARED_LAYOUT · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ERR_MAPPING_CLOSED
   */
  static attach<V = unknown>(memory: SharedMemory): SharedMap<V> {
    return new SharedMap<V>(construction, memory, false)
  }

  /**
   * In a child process: the map whose {@link memory} its parent passed on with withShared().
   *
   * @throws as {@link SharedMemory.inherited} · ERR_SHARED_LAYOUT
   */
  static inherited<V = unknown>(key: string): SharedMap<V> {
    const memory = SharedMemory.inherited(key, { access: 'read-write' })
    return opened(memory, (found) => new SharedMap<V>(construction, found, true))
  }

  /** The memory, for withShared() and share(). */
  get memory(): SharedMemory {
    return this.#memory
  }

  /**
   * A copy of the value of a key; undefined if there is none, or if it has expired. Takes no lock, unless
   * the same bucket was changed a hundred times while it was looking: then it takes the lock of the writers as
   * soon as that is free, and looks on until then. Never waits.
   *
   * @throws ERR_INVALID_ARG_TYPE · ERR_OUT_OF_RANGE for a key of more than 65,535 bytes ·
   *   ERR_SHARED_LAYOUT when the memory is damaged · ERR_MAPPING_CLOSED
   */
  get(key: string | Uint8Array): V | undefined {
    const value = this.#look(key)
    return value === absent ? undefined : (value as V)
  }

  /**
   * Whether there is an entry that has not expired. Does not count as a use of it.
   *
   * @throws as {@link get}
   */
  has(key: string | Uint8Array): boolean {
    return this.#reader.has(this.#keyOf(key))
  }

  /**
   * Sets the value of a key. In a map that evicts, that may take other entries away.
   *
   * @throws ERR_SHARED_FULL when there is no room and nothing may be taken away; nothing has changed then ·
   *   ERR_OUT_OF_RANGE for a value that could never fit · DataCloneError · otherwise as {@link get}
   */
  set(key: string | Uint8Array, value: V, options?: SetOptions): void {
    const { ttl, values } = this.#geometry
    // Before the key, since encoding may call code that uses the map.
    const expires = expiryFrom(options, ttl)
    const encoded = encodeValue(value, values)
    this.#store(this.#keyOf(key), encoded, expires)
  }

  /**
   * Removes an entry.
   *
   * @returns whether there was one that had not expired
   * @throws as {@link get}
   */
  delete(key: string | Uint8Array): boolean {
    return this.#writer.locked((found) => this.#writer.delete(found), this.#keyOf(key))
  }

  /**
   * Adds to a number, as one step for all processes. A key that is not there becomes `by`, with the
   * map's ttl; one that is there keeps the time that it expires at.
   *
   * @param by any number, default 1
   * @returns the sum
   * @throws ERR_INVALID_ARG_VALUE when the value is not a number · otherwise as {@link set}
   */
  increment(key: string | Uint8Array, by = 1): number {
    if (typeof by !== 'number') throw invalidArgType('by', 'of type number', by)
    const expires = expiryFrom(undefined, this.#geometry.ttl)
    const add = (found: Key) => this.#writer.increment(found, by, expires)
    return this.#writer.locked(add, this.#keyOf(key))
  }

  /**
   * The value of a key; if there is none, what `fill` returns, which is set. Among all threads of all
   * processes one at a time fills a key, and the others wait for it. When a filler dies, one of them
   * fills in its place; when `fill` throws, that rejects its own caller only, and the next one fills.
   *
   * @param fill may call getOrSet() with another key, but not wait for the same one
   * @throws the reason of `signal`, while waiting for somebody else · what `fill` throws · as {@link set}
   */
  async getOrSet(
    key: string | Uint8Array,
    fill: (key: string | Uint8Array) => V | Promise<V>,
    options?: GetOrSetOptions,
  ): Promise<V> {
    const run = callback<typeof fill>(fill, 'fill')
    expiryFrom(options, 0)
    const signal = signalOf(options)
    signal?.throwIfAborted()
    // The caller may use the bytes again meanwhile.
    const own = typeof key === 'string' ? key : copyOfKey(key)
    for (;;) {
      const found = this.#look(own)
      if (found !== absent) return found as V
      const fills = this.#openFills()
      const claimed = this.#claim(own, fills)
      if (claimed === undefined) continue
      if (claimed.mine) return this.#fill(own, run, fills, claimed, options)
      await fills.ended(claimed, signal)
    }
  }

  /**
   * Removes all entries, bucket by bucket: what others set meanwhile may stay or go.
   *
   * @throws as {@link get}
   */
  clear(): void {
    this.#assertOpen()
    for (let bucket = 0; bucket >= 0; ) {
      bucket = this.#writer.locked((from) => this.#writer.clearFrom(from), bucket)
    }
  }

  /**
   * How many entries there are, with those that have expired and that nobody has removed yet.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  get size(): number {
    this.#assertOpen()
    return Math.max(Atomics.load(this.#views.words, state.size), 0)
  }

  /**
   * All keys, in no order. Entries that are there all the time come once; those that come or go
   * meanwhile may come or not.
   *
   * @throws as {@link get}
   */
  *keys(): IterableIterator<string | Uint8Array> {
    for (const [key] of this.entries()) yield key
  }

  /**
   * All keys with copies of their values, as {@link keys}.
   *
   * @throws as {@link get}
   */
  *entries(): IterableIterator<[string | Uint8Array, V]> {
    for (let bucket = 0; bucket <= this.#views.bucketMask; bucket++) {
      this.#assertOpen()
      for (const { key, value } of this.#reader.bucket(bucket)) yield [key, value as V]
    }
  }

  /**
   * The same as {@link entries}, for loops over the map.
   *
   * @throws as {@link get}
   */
  [Symbol.iterator](): IterableIterator<[string | Uint8Array, V]> {
    return this.entries()
  }

  /**
   * What has happened so far.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  get stats(): SharedMapStats {
    this.#assertOpen()
    this.#publishCounts()
    const count = (index: number) => Number(Atomics.load(this.#views.counts, index))
    return {
      hits: count(counters.hits),
      misses: count(counters.misses),
      evictions: count(counters.evictions),
      recoveries: count(counters.recoveries),
    }
  }

  /**
   * Ends the use of it by this object: later calls throw ERR_MAPPING_CLOSED, and so does a getOrSet() that
   * waits, or that fills. Unmaps the memory, unless it was given to {@link attach}. The map and its name
   * stay for others. Idempotent; never throws.
   */
  [Symbol.dispose](): void {
    if (this.#disposed) return
    if (this.#views.words.length > 0) this.#publishCounts()
    this.#disposed = true
    this.#fills?.close()
    this.#writer.close()
    if (this.#owned) this.#memory.unmap()
  }

  #assertOpen(): void {
    // An array over memory that was unmapped has no elements.
    if (this.#disposed || this.#views.words.length === 0) throw mappingClosed()
  }

  #keyOf(key: unknown): Key {
    this.#key.set(key, this.#geometry.seed)
    if (this.#disposed || this.#views.words.length === 0) throw mappingClosed()
    return this.#key
  }

  #look(key: string | Uint8Array): unknown {
    const value = this.#reader.get(this.#keyOf(key))
    if (value === absent) this.#misses++
    else this.#hits++
    if (this.#hits + this.#misses >= countsKept) this.#publishCounts()
    return value
  }

  #publishCounts(): void {
    const { counts } = this.#views
    if (this.#hits > 0) Atomics.add(counts, counters.hits, BigInt(this.#hits))
    if (this.#misses > 0) Atomics.add(counts, counters.misses, BigInt(this.#misses))
    this.#hits = 0
    this.#misses = 0
  }

  #store(key: Key, value: Encoded, expires: number): void {
    this.#writer.locked((found) => this.#writer.set(found, value, expires), key)
  }

  #openFills(): Fills {
    this.#fills ??= new Fills(this.#memory)
    return this.#fills
  }

  /** Undefined if there is a value meanwhile. */
  #claim(key: string | Uint8Array, fills: Fills): Fill | undefined {
    const other = new Key()
    other.set(key, ~this.#geometry.seed)
    const claim = (found: Key) =>
      this.#reader.has(found) ? undefined : fills.claim(found.hash, other.hash)
    return this.#writer.locked(claim, this.#keyOf(key))
  }

  async #fill(
    key: string | Uint8Array,
    fill: (key: string | Uint8Array) => V | Promise<V>,
    fills: Fills,
    claimed: Fill,
    options: SetOptions | undefined,
  ): Promise<V> {
    try {
      const value = await fill(key)
      this.set(key, value, options)
      return value
    } finally {
      fills.release(claimed)
    }
  }
}

function copyOfKey(key: unknown): Uint8Array {
  if (!(key instanceof Uint8Array)) {
    throw invalidArgType('key', 'of type string or an instance of Uint8Array', key)
  }
  if (key.length > 65_535) throw outOfRange('key', '<= 65535 bytes as stored', key.length)
  return key.slice()
}
