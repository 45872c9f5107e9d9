// What changes a map. All of it is done by one thread of one process at a time, which has the lock.

import { outOfRange } from '../errors.js'
import type { SharedMemory } from '../mapping.js'
import type { Shown } from '../runtime/inline-atomics.js'
import { Mutex, placeOfMutex } from '../sync/mutex.js'
import { leaveSite } from '../sync/owner.js'
import { Evictor } from './map-eviction.js'
import { Index, impossible } from './map-index.js'
import { aboutToStore, Transaction } from './map-journal.js'
import type { Key } from './map-keys.js'
import { counters, damaged, mutexOffset, state, unitBytes, type Views } from './map-layout.js'
import { numberOf, payloadOf, placeBit, record, shortValueAt, writeRecord } from './map-records.js'
import { recordHeaderBytes, Space } from './map-space.js'
import { type Encoded, encodedNumber, notANumber, numberBytes, valueKinds } from './map-values.js'
import { fenceStores } from './plain-words.js'
import { sharedFull } from './shared-errors.js'

/** Somebody else has the lock. */
export const busy: unique symbol = Symbol('busy')

/** Of all units, so many are left to values that replace others, in a map that evicts nothing. */
const reservedPart = 1 / 32
/** How many buckets are emptied before others may have the lock. */
const bucketsAtOnce = 1024

export class Writer {
  /** The memory, to instructions that are compiled in line. */
  readonly shown: Shown
  readonly #views: Views
  readonly #words: Int32Array
  readonly #mutex: Mutex
  readonly #transaction: Transaction
  readonly #space: Space
  readonly #index: Index
  readonly #evictor: Evictor

  constructor(memory: SharedMemory, views: Views) {
    this.#views = views
    this.#words = views.words
    this.#mutex = mutexIn(memory)
    this.#transaction = new Transaction(views)
    this.#space = new Space(views, this.#transaction)
    this.shown = placeOfMutex(this.#mutex).site.shownFor(memory.byteLength)
    this.#index = new Index(views, this.shown)
    this.#evictor = new Evictor(views, this.#transaction, this.#space, this.#index)
  }

  /** Runs `body` when nobody else changes the map, and after what others have left unfinished. */
  locked<A, R>(body: (argument: A) => R, argument: A): R {
    this.#mutex.lockSync()
    return this.#whileLocked(body, argument)
  }

  /** The same if nobody has the lock, or whoever has it is dead. */
  tryLocked<A, R>(body: (argument: A) => R, argument: A): R | typeof busy {
    return this.#mutex.tryLock() ? this.#whileLocked(body, argument) : busy
  }

  /** Gives up the lock's descriptor and its mapping of the memory. */
  close(): void {
    leaveSite(this.#mutex, placeOfMutex(this.#mutex).site)
  }

  #whileLocked<A, R>(body: (argument: A) => R, argument: A): R {
    const mutex = this.#mutex
    try {
      this.#transaction.begin()
      if (mutex.ownerDied) this.#takeOver()
      const unfinished =
        Atomics.load(this.#words, state.journalLength) !== 0 || this.#words[state.pending] !== 0
      if (unfinished) this.#finish()
      return body(argument)
    } finally {
      mutex.unlock()
    }
  }

  #takeOver(): void {
    // What there is to repair is found by whoever has the lock next, too.
    this.#mutex.markConsistent()
    Atomics.add(this.#views.counts, counters.recoveries, 1n)
  }

  #finish(): void {
    this.#transaction.redo()
    this.#space.freePending()
  }

  /** @throws ERR_SHARED_FULL */
  set(key: Key, value: Encoded, expires: number): void {
    const { maxEntries } = this.#views.geometry
    const payload = payloadOf(key, value)
    let old = this.#find(key)
    const isNew = old === 0
    if (isNew && maxEntries > 0 && (this.#words[state.size] as number) >= maxEntries) {
      this.#makeRoom(`there are ${maxEntries} entries already`)
    }
    this.#takeSpace(payload, isNew)
    const block = writeRecord(this.#views, this.#space, key, value, expires)
    aboutToStore()
    // A new one is as old as can be: the hand comes to it last, since it is where something just went.
    this.#views.marks[block] = isNew ? 0 : 1
    if (expires > 0) this.#evictor.noteExpiry(expires)
    // It may have been evicted meanwhile.
    if (!isNew) old = this.#find(key)
    this.#index.link(this.#transaction, this.#space, block, old, key.hash)
    this.#space.freePending()
  }

  delete(key: Key): boolean {
    const block = this.#find(key)
    if (block === 0) return false
    const lives = this.#evictor.expiryOf(block) > Date.now()
    this.#evictor.remove(block)
    return lives
  }

  /** Adds to a number, or makes one. */
  increment(key: Key, by: number, expires: number): number {
    const block = this.#find(key)
    if (block === 0 || this.#evictor.expiryOf(block) <= Date.now()) {
      this.set(key, encodedNumber(by), expires)
      return by
    }
    const words = this.#words
    const at = this.#space.wordOf(block)
    const form = words[at + record.form] as number
    if ((form & 7) !== valueKinds.number) throw notANumber()
    const place = shortValueAt(this.#views, block, numberBytes)
    if (place === 0) return this.#replaceNumber(key, block, by)
    return this.#addTo(at, (place >> 1) as number, form, by, key.hash)
  }

  /** A number has two places: the new one is complete before the form says that it counts. */
  #addTo(at: number, place: number, form: number, by: number, hash: number): number {
    const { floats } = this.#views
    const words = this.#words
    const now = (form & placeBit) === 0 ? place : place + 1
    const next = (form & placeBit) === 0 ? place + 1 : place
    const sum = (floats[now] as number) + by
    aboutToStore()
    // A reader who still reads the other place, which counted before, finds out by the version.
    const bucket = this.#index.bucketOf(hash)
    Atomics.add(words, bucket, 1)
    fenceStores(words, bucket)
    aboutToStore()
    floats[next] = sum
    aboutToStore()
    Atomics.store(words, at + record.form, form ^ placeBit)
    this.#views.marks[(at - this.#views.unitsWord) >> 3] = 1
    return sum
  }

  /** A number in several extents is too much in pieces to be changed in place. */
  #replaceNumber(key: Key, block: number, by: number): number {
    const expires = this.#evictor.expiryOf(block)
    const copy = numberOf(this.#views, block)
    if (copy === undefined) throw damaged('a number is too short')
    const sum = copy + by
    this.set(key, encodedNumber(sum), expires === Number.POSITIVE_INFINITY ? 0 : expires)
    return sum
  }

  /** Deletes what is in some buckets from this one on; the bucket to go on with, or -1. */
  clearFrom(start: number): number {
    const { bucketMask, units } = this.#views
    const end = Math.min(start + bucketsAtOnce, bucketMask + 1)
    for (let bucket = start; bucket < end; bucket++) {
      const head = this.#index.bucketOf(bucket) + 1
      for (let i = 0; this.#words[head] !== 0; i++) {
        if (i > units) throw damaged('a bucket has no end')
        const block = this.#words[head] as number
        this.#index.unlink(this.#transaction, this.#space, block, bucket)
        this.#space.freePending()
      }
    }
    return end > bucketMask ? -1 : end
  }

  #find(key: Key): number {
    const block = this.#index.find(key)
    if (block === impossible) throw damaged('a bucket leads elsewhere')
    return block
  }

  #makeRoom(reason: string): void {
    const evicts = this.#views.geometry.evict === 'lru'
    const made = evicts ? this.#evictor.evict() : this.#evictor.removeExpired()
    if (!made) throw sharedFull(`The SharedMap is full: ${reason}`)
  }

  /** Takes blocks for a record, which are pending then. */
  #takeSpace(payload: number, isNew: boolean): void {
    const space = this.#space
    const { units, geometry } = this.#views
    const wanted = 1 + Math.ceil(payload / unitBytes)
    const reserved = isNew && geometry.evict === 'none' ? Math.floor(units * reservedPart) : 0
    if (wanted + reserved > units - 1) throw this.#tooLarge(payload, reserved)
    const patience = geometry.evict === 'lru' ? 2 * wanted : 0
    const before = space.freeUnits
    for (let i = 0; i <= 2 * units; i++) {
      const allowed = space.freeUnits - wanted >= reserved
      if (allowed && space.takeContiguous(payload)) return
      const patient = space.freeUnits - before < patience && i < patience
      if (allowed && !patient && (geometry.evict === 'none' || space.hasRoomFor(payload))) {
        if (space.takeSpread(payload)) return
        space.freePending()
      }
      this.#makeRoom(`${payload + recordHeaderBytes} bytes are not to be had`)
    }
    throw damaged('there is always something to evict')
  }

  #tooLarge(payload: number, reserved: number): Error {
    const most = (this.#views.units - 1 - reserved) * unitBytes - recordHeaderBytes
    return outOfRange('value', `<= ${most} bytes as stored, with its key`, payload)
  }
}

/** Prepares memory that is all zeros. */
export function formatMap(views: Views): void {
  new Space(views, new Transaction(views)).format()
}

function mutexIn(memory: SharedMemory): Mutex {
  try {
    return new Mutex(memory, mutexOffset)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error
    throw damaged('something else is in the place of its lock')
  }
}
