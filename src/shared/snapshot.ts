// Bytes that one writer at a time replaces, and that all processes read whole.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import {
  abortSignal,
  byteCount,
  callback,
  int32,
  optional,
  options as optionsObject,
} from '../arguments.js'
import {
  illegalConstructor,
  invalidArgType,
  invalidArgValue,
  mappingClosed,
  outOfRange,
} from '../errors.js'
import { SharedMemory } from '../mapping.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import { timeoutOf } from '../sync/attempts.js'
import { placeOf } from '../sync/owner.js'
import { createStructure, opened, readHeader } from './header.js'
import { sharedLayout } from './shared-errors.js'
import { changesOf } from './snapshot-changes.js'
import {
  type Geometry,
  geometryFrom,
  geometryOf,
  inSlot,
  latest,
  mostReaders,
  mostSlots,
  parametersOf,
  slotAt,
  slotOf,
  snapshotLayout,
  tag,
  wideNumber,
  wordsOffset,
} from './snapshot-layout.js'
import { SnapshotReader, type SnapshotWords } from './snapshot-reader.js'
import { asWriter, freeSlot, makeNewest, versionIn } from './snapshot-writer.js'

/** How {@link Snapshot.create} makes one. */
export interface CreateSnapshotOptions extends CreateSharedMemoryOptions {
  /**
   * How many snapshots there is memory for, 2 to 14, default 4: the newest, the one that is being
   * written, and those that readers still hold.
   */
  slots?: number
  /** How many Snapshot objects may read, of all threads of all processes; 1 to 65536, default 256. */
  readers?: number
}

/** How {@link Snapshot.publish} waits. */
export interface PublishOptions {
  /**
   * How long to block this thread, in milliseconds, while another writer is at work or readers hold every slot
   * but the newest. Default 1000.
   */
  timeout?: number
}

const construction = Symbol('posix-mmap construction of a Snapshot')
const defaultTimeout = 1000
/** One in memory that this package has opened. */
let own: (memory: SharedMemory) => Snapshot

/**
 * Bytes in shared memory that one writer at a time replaces. Readers in all threads of all processes
 * see the old or the new ones, whole, and never wait. A process that is killed while it reads or writes
 * holds nobody up: what it wrote is published or is not, what it held is free when a writer needs it.
 */
export class Snapshot implements Disposable {
  readonly #memory: SharedMemory
  readonly #owned: boolean
  readonly #geometry: Geometry
  readonly #shared: SnapshotWords
  readonly #words: Int32Array
  readonly #reader: SnapshotReader
  readonly #ending = new AbortController()
  /** Of one byte as long as the memory is there. */
  #probe: Uint8Array
  /** What was last read of each slot. */
  readonly #views: Uint8Array[] = []

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
    this.#probe = memory.bytes(0, 1)
    for (let slot = 0; slot < this.#geometry.slots; slot++) this.#views.push(new Uint8Array(0))
  }

  /**
   * Makes one, in memory of its own.
   *
   * @param byteLength the most bytes of one snapshot; the memory is that for each slot, and 64 bytes for
   *   each reader
   * @throws as {@link SharedMemory.create}
   */
  static create(byteLength: number | bigint, options?: CreateSnapshotOptions): Snapshot {
    const capacity = byteCount(byteLength, 'byteLength')
    const values = optionsObject(options)
    const slots = optional(values['slots'], 'options.slots', countIn(2, mostSlots)) ?? 4
    const readers = optional(values['readers'], 'options.readers', countIn(1, mostReaders)) ?? 256
    if (capacity === 0) throw invalidArgValue('byteLength', byteLength, 'must be at least 1')
    const geometry = geometryOf(capacity, slots, readers)
    const most = Number.MAX_SAFE_INTEGER
    if (geometry.byteLength > most) throw outOfRange('byteLength', 'smaller', byteLength)
    const parameters = parametersOf(geometry)
    const memory = createStructure(snapshotLayout, geometry.byteLength, values, parameters)
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

  /** In a child process: the one whose {@link memory} its parent passed on with withShared(). */
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
    this.#assertOpen()
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
    const given = optionsObject(options)['timeout']
    const timeout = given === undefined ? defaultTimeout : timeoutOf(given, 'options.timeout')
    if (bytes > this.capacity) throw outOfRange('length', `<= ${this.capacity}`, length)
    this.#assertOpen()
    return asWriter(this.#shared, timeout, () => {
      const slot = freeSlot(this.#shared, timeout)
      const view = this.#views[slot] as Uint8Array
      const result = run(view.length === bytes ? view : this.#view(slot, bytes))
      if (isThenable(result)) throw invalidArgValue('fill', fill, 'must not return a promise')
      this.#assertOpen()
      return makeNewest(this.#shared, slot, bytes)
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
    if (this.#probe.length === 0) this.#assertOpen()
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
      const view = this.#views[slot] as Uint8Array
      const bytes = view.length === length ? view : this.#view(slot, length)
      result = body(bytes, versionIn(words, slot))
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
  changes(options?: { signal?: AbortSignal }): AsyncIterableIterator<number> {
    const signal = optional(optionsObject(options)['signal'], 'options.signal', abortSignal)
    return changesOf(this.#shared, () => this.version, signal, this.#ending.signal)
  }

  /**
   * Ends the use of it by this object: later calls throw ERR_MAPPING_CLOSED. Memory that this class has
   * opened is unmapped, that of {@link attach} is not. Idempotent.
   */
  dispose(): void {
    this.#probe = new Uint8Array(0)
    this.#views.fill(this.#probe)
    this.#ending.abort()
    this.#reader.leave()
    if (this.#owned) this.#memory.unmap()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #assertOpen(): void {
    if (this.#ending.signal.aborted || this.#memory.closed) throw mappingClosed()
    // Others may have transferred the buffer: then there is another one over the same memory.
    if (this.#probe.length === 0) this.#probe = this.#bytesOf(0, 1)
  }

  #bytesOf(slot: number, length: number): Uint8Array {
    const { data, stride, byteLength } = this.#geometry
    if (this.#memory.closed) throw mappingClosed()
    if (this.#memory.byteLength < byteLength) {
      throw sharedLayout(`The memory of the Snapshot was cut to ${this.#memory.byteLength} bytes`)
    }
    return this.#memory.bytes(data + slot * stride, length)
  }

  #view(slot: number, length: number): Uint8Array {
    if (length > this.#geometry.capacity) {
      throw sharedLayout(`The Snapshot is damaged: slot ${slot} says that it has ${length} bytes`)
    }
    const view = this.#bytesOf(slot, length)
    this.#views[slot] = view
    return view
  }
}

/** That of the lock: 0 before the first use. */
function assertTag(memory: SharedMemory): void {
  const [found = 0] = memory.view(Int32Array, wordsOffset, 1)
  if (found === 0 || found === tag) return
  throw sharedLayout('The Snapshot is damaged: where its lock should be is something else')
}

function countIn(least: number, most: number): (value: unknown, name: string) => number {
  return (value, name) => {
    const count = int32(value, name)
    if (count < least || count > most) throw outOfRange(name, `>= ${least} and <= ${most}`, value)
    return count
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
