// Bytes that one writer at a time replaces, and that all processes read whole.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { byteCount, callback, signalOption } from '../arguments.js'
import { illegalConstructor, invalidArgType, invalidArgValue, outOfRange } from '../errors.js'
import { SharedMemory } from '../mapping.js'
import { placeOf } from '../sync/owner.js'
import { createStructure, opened, readHeader } from './header.js'
import { changesOf } from './snapshot-changes.js'
import {
  type Geometry,
  geometryFrom,
  inSlot,
  latest,
  parametersOf,
  slotAt,
  slotOf,
  snapshotLayout,
  tag,
  wideNumber,
  wordsOffset,
} from './snapshot-layout.js'
import {
  type CreateSnapshotOptions,
  createSettings,
  type PublishOptions,
  publishTimeout,
} from './snapshot-options.js'
import { SnapshotReader, type SnapshotWords } from './snapshot-reader.js'
import { assertTag, SnapshotSlots } from './snapshot-slots.js'
import { asWriter, freeSlot, makeNewest, unneededSlots, versionIn } from './snapshot-writer.js'

const construction = Symbol('posix-mmap construction of a Snapshot')
/** One in memory that this package has opened. */
let own: (memory: SharedMemory) => Snapshot

/**
 * Bytes in shared memory that one writer at a time replaces. Readers in all threads of all processes
 * see the old or the new ones, whole, and never wait. A process that is killed while it reads or writes
 * holds nobody up: what it wrote is published or is not, what it held is free when a writer needs it. Writers
 * wait for each other by futex(2).
 */
export class Snapshot implements Disposable {
  readonly #memory: SharedMemory
  readonly #owned: boolean
  readonly #geometry: Geometry
  readonly #shared: SnapshotWords
  readonly #words: Int32Array
  readonly #reader: SnapshotReader
  readonly #ending = new AbortController()
  readonly #slots: SnapshotSlots

  /** @internal */
  private constructor(key: typeof construction, memory: SharedMemory, owned: boolean) {
    if (key !== construction) throw illegalConstructor()
    this.#geometry = geometryFrom(readHeader(memory, snapshotLayout), memory.byteLength)
    assertTag(memory)
    const { site, words } = placeOf(this, memory, wordsOffset, this.#geometry.words * 4, tag)
    this.#memory = memory
    this.#owned = owned
    this.#words = words
    this.#shared = { site, words, geometry: this.#geometry }
    this.#reader = new SnapshotReader(this.#shared)
    this.#slots = new SnapshotSlots(memory, this.#geometry)
  }

  /**
   * Makes one, in memory of its own.
   *
   * @param byteLength the most bytes of one snapshot; the memory is that for each slot, and 64 bytes for
   *   each reader
   * @throws as {@link SharedMemory.create}
   */
  static create(byteLength: number | bigint, options?: CreateSnapshotOptions): Snapshot {
    const { geometry, memory: settings } = createSettings(byteLength, options)
    const parameters = parametersOf(geometry)
    const memory = createStructure(snapshotLayout, geometry.byteLength, settings, parameters)
    return opened(memory, own)
  }

  /** Opens the one of a name. @throws ERR_SHARED_LAYOUT · as {@link SharedMemory.open} */
  static open(name: string | number): Snapshot {
    return opened(SharedMemory.open(name, { access: 'read-write' }), own)
  }

  /**
   * The one in memory that stays the caller's, and must stay mapped.
   *
   * @throws ERR_SHARED_LAYOUT for memory that holds anything else · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for memory that may only be read · ERR_MAPPING_CLOSED
   */
  static attach(memory: SharedMemory): Snapshot {
    return new Snapshot(construction, memory, false)
  }

  /**
   * In a child process: the one whose {@link memory} its parent passed on with withShared().
   *
   * @throws ERR_SHARED_LAYOUT · as {@link SharedMemory.inherited}
   */
  static inherited(key: string): Snapshot {
    return opened(SharedMemory.inherited(key), own)
  }

  static {
    own = (memory) => new Snapshot(construction, memory, true)
  }

  /** For withShared(), and for {@link attach} in another thread. */
  get memory(): SharedMemory {
    return this.#memory
  }

  /** The most bytes of one snapshot. */
  get capacity(): number {
    return this.#geometry.capacity
  }

  /**
   * How often something was published; 0 before the first time.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  get version(): number {
    this.#slots.assertOpen()
    // Without a hold, as long as the slot stays the newest: then nobody writes to it.
    for (let attempt = 0; attempt < 4; attempt++) {
      const word = Atomics.load(this.#words, latest)
      const version = versionIn(this.#words, slotOf(word, this.#geometry.slots))
      if (Atomics.load(this.#words, latest) === word) return version
    }
    return this.read((_, version) => version) ?? 0
  }

  /**
   * Makes a copy of `bytes` the newest snapshot. Blocks this thread while another writer is at work, and
   * while readers that are alive hold every slot but the newest.
   *
   * @param bytes at most {@link capacity} of them; a string as UTF-8
   * @returns the new version
   * @throws ERR_OUT_OF_RANGE for more bytes · ERR_SHARED_FULL when no slot became free within the
   *   timeout, or when this thread itself holds them all · ETIMEDOUT when another writer was at work all the time · EDEADLK
   *   within {@link publishWith} of the same thread · ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED
   */
  publish(bytes: Uint8Array | string, options?: PublishOptions): number {
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    if (!types.isUint8Array(content)) {
      throw invalidArgType('bytes', 'of type string or an instance of Uint8Array', bytes)
    }
    return this.publishWith(content.length, (target) => target.set(content), options)
  }

  /**
   * The same without a copy: `fill` writes the snapshot where readers will see it. The bytes are those of an
   * older snapshot at first. After `fill` they must not be written to any more.
   *
   * @param length in bytes, at most {@link capacity}
   * @throws as {@link publish} · what `fill` throws, and nothing is published · ERR_INVALID_ARG_VALUE for
   *   a `fill` that returns a promise, and nothing is published
   */
  publishWith(
    length: number,
    fill: (target: Uint8Array) => void,
    options?: PublishOptions,
  ): number {
    const bytes = byteCount(length, 'length')
    const run = callback<(target: Uint8Array) => unknown>(fill, 'fill')
    const timeout = publishTimeout(options)
    if (bytes > this.capacity) throw outOfRange('length', `<= ${this.capacity}`, length)
    this.#slots.assertOpen()
    return asWriter(this.#shared, timeout, () => {
      const slot = freeSlot(this.#shared, timeout)
      const result = run(this.#slots.of(slot, bytes))
      if (isThenable(result)) throw invalidArgValue('fill', fill, 'must not return a promise')
      this.#slots.assertOpen()
      return makeNewest(this.#shared, slot, bytes)
    })
  }

  /**
   * Gives back the memory of all slots but the newest and those that readers hold. The next ones to be
   * published take it again, page by page: for large snapshots that are seldom replaced. Blocks as {@link publish} does.
   *
   * @throws ETIMEDOUT when another writer was at work all the time · EDEADLK within {@link publishWith} of the
   *   same thread · EINVAL for locked pages · ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED
   */
  trim(options?: PublishOptions): void {
    const timeout = publishTimeout(options)
    this.#slots.assertOpen()
    asWriter(this.#shared, timeout, () => {
      for (const slot of unneededSlots(this.#shared)) this.#slots.free(slot)
    })
  }

  /**
   * Runs `body` with the newest snapshot, which stays as it is meanwhile; where `body` returns a promise,
   * until that is settled. Never waits for a writer. Afterwards the bytes may become another snapshot's
   * at any time: take a copy of what is needed longer. They must not be written to.
   *
   * @returns what `body` returns; undefined before the first publish, without a call of `body`
   * @throws what `body` throws · ERR_SHARED_FULL at the first read, when there are as many readers as there
   *   may be · ERR_SHARED_LAYOUT for memory that somebody has damaged · ERR_INVALID_ARG_TYPE ·
   *   ERR_MAPPING_CLOSED
   */
  read<R>(body: (bytes: Uint8Array, version: number) => R): R | undefined {
    if (typeof body !== 'function') throw invalidArgType('body', 'of type function', body)
    if (this.#slots.probe.length === 0) this.#slots.assertOpen()
    const reader = this.#reader
    const slot = reader.acquire()
    if (slot < 0) return undefined
    let result: R
    try {
      const words = this.#words
      const at = slotAt(slot)
      const length = wideNumber(
        words[at + inSlot.lengthLow] as number,
        words[at + inSlot.lengthHigh] as number,
      )
      result = body(this.#slots.of(slot, length), versionIn(words, slot))
    } catch (error) {
      reader.release(slot)
      throw error
    }
    if (isThenable(result)) return heldUntilSettled(reader, slot, result)
    reader.release(slot)
    return result
  }

  /** A copy of the newest snapshot; undefined before the first publish. @throws as {@link read} */
  copy(): Buffer | undefined {
    return this.read((bytes) => Buffer.from(bytes))
  }

  /**
   * The versions that are published from this call on. Whoever is slow gets the newest and not those in
   * between. Keeps the process alive while it waits. Ends with {@link dispose}.
   *
   * @throws the reason of `signal` · ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED · ENOTSUP where the runtime has no libuv
   */
  changes(options?: { signal?: AbortSignal | undefined }): AsyncIterableIterator<number> {
    const signal = signalOption(options)
    return changesOf(this.#shared, () => this.version, signal, this.#ending.signal)
  }

  /**
   * Ends the use of it by this object: later calls throw ERR_MAPPING_CLOSED. Memory that this class has
   * opened is unmapped, that of {@link attach} is not. Idempotent; never throws.
   */
  dispose(): void {
    this.#slots.close()
    this.#ending.abort()
    this.#reader.leave()
    if (this.#owned) this.#memory.unmap()
  }

  /** {@link dispose}, for `using`. Never throws. */
  [Symbol.dispose](): void {
    this.dispose()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
  )
}

/** The same outcome, after the slot was let go. */
function heldUntilSettled<R>(reader: SnapshotReader, slot: number, result: R): R {
  return Promise.resolve(result).finally(() => reader.release(slot)) as R
}
