// What looks at a map without the lock. Everything is copied first, and decoded only when the bucket
// turned out to be the same after the copy.

import { Copies } from './map-copies.js'
import { type Index, impossible } from './map-index.js'
import { decodeKey, type Key } from './map-keys.js'
import { damaged, unitBytes, unitWords, type Views } from './map-layout.js'
import { copyPayload, copyWords, keyRoom, numberOf, record, shortValueAt } from './map-records.js'
import { decodeValue, valueKinds } from './map-values.js'
import { busy } from './map-writer.js'

/** There is no such entry. */
export const absent: unique symbol = Symbol('absent')
/** Somebody changed the bucket meanwhile. */
const changed: unique symbol = Symbol('changed')

/** How often a reader looks again before it asks writers to wait for it. */
const mostAttempts = 100
/** How often it tries to get their lock, and looks again when it does not, before it gives up. */
const mostTries = 1000
/** From which on a length is confirmed before there is memory for it. */
const longBytes = 4 << 10

export interface Entry {
  readonly key: string | Uint8Array
  readonly value: unknown
}

export class Reader {
  readonly #views: Views
  readonly #index: Index
  readonly #words = new Int32Array(128)
  readonly #scratch = Buffer.from(this.#words.buffer)
  readonly #copies = new Copies()
  readonly #exclusively: <R>(body: () => R) => R | typeof busy

  /** @param exclusively runs something while nobody changes the map, if that is possible at once */
  constructor(views: Views, index: Index, exclusively: <R>(body: () => R) => R | typeof busy) {
    this.#views = views
    this.#index = index
    this.#exclusively = exclusively
  }

  /** The value of a key. */
  get(key: Key): unknown {
    for (let i = 0; i < mostAttempts; i++) {
      const found = this.#tryGet(key)
      if (found !== changed) return found
    }
    return this.#insist(() => this.#tryGet(key))
  }

  has(key: Key): boolean {
    for (let i = 0; i < mostAttempts; i++) {
      const found = this.#tryHas(key)
      if (found !== changed) return found
    }
    return this.#insist(() => this.#tryHas(key))
  }

  /** All that one bucket has. */
  bucket(number: number): Entry[] {
    for (let i = 0; i < mostAttempts; i++) {
      const found = this.#tryBucket(number)
      if (found !== changed) return found
    }
    return this.#insist(() => this.#tryBucket(number))
  }

  /**
   * Never waits for the lock: a process that is stopped, or hostile, may have it for ever. Somebody else has
   * it a thousand times in a row, and has changed the bucket each time, only in memory that is damaged.
   */
  #insist<R>(attempt: () => R | typeof changed): R {
    for (let i = 0; i < mostTries; i++) {
      const exclusive = this.#exclusively(attempt)
      if (exclusive === changed) throw damaged('it changes while nobody may change it')
      if (exclusive !== busy) return exclusive as R
      const found = attempt()
      if (found !== changed) return found
    }
    throw damaged('it changes all the time')
  }

  #tryGet(key: Key): unknown {
    const block = this.#index.find(key)
    if (block <= 0) return this.#missing(block)
    const at = this.#views.unitsWord + block * unitWords
    if (this.#isExpired(at)) return this.#index.isUnchanged() ? absent : changed
    const { marks } = this.#views
    if (marks[block] === 0) marks[block] = 1
    return this.#valueOf(block, at)
  }

  #tryHas(key: Key): boolean | typeof changed {
    const block = this.#index.find(key)
    if (block <= 0) return this.#missing(block) === changed ? changed : false
    const lives = !this.#isExpired(this.#views.unitsWord + block * unitWords)
    return this.#index.isUnchanged() ? lives : changed
  }

  #missing(block: number): typeof absent | typeof changed {
    if (!this.#index.isUnchanged()) return changed
    if (block === impossible) throw damaged('a bucket leads elsewhere')
    return absent
  }

  #isExpired(at: number): boolean {
    const expires = this.#views.floats[(at + record.expires) >> 1] as number
    return expires > 0 && expires <= Date.now()
  }

  #valueOf(block: number, at: number): unknown {
    const words = this.#views.words
    const kind = (words[at + record.form] as number) & 7
    const length = words[at + record.valueLength] as number
    const start = length < 0 ? 0 : shortValueAt(this.#views, block, length)
    if (kind === valueKinds.number) return this.#numberOf(block)
    if (start === 0) return this.#longValueOf(block, at, kind, length)
    // Not in the scratch buffer: what is decoded from clones may be a view of the same bytes.
    if (kind === valueKinds.bytes || kind === valueKinds.clone) {
      this.#copies.put(words, start, length)
      if (!this.#index.isUnchanged()) return changed
      const copy = this.#copies.take(length)
      return kind === valueKinds.bytes ? copy : decodeValue(kind, copy, length)
    }
    copyWords(this.#views, start, length, this.#words, 0)
    if (!this.#index.isUnchanged()) return changed
    return decodeValue(kind, this.#scratch, length)
  }

  #numberOf(block: number): number | typeof changed {
    const number = numberOf(this.#views, block)
    if (!this.#index.isUnchanged()) return changed
    if (number === undefined) throw damaged('a number is too short')
    return number
  }

  #longValueOf(block: number, at: number, kind: number, length: number): unknown {
    const keyBytes = (this.#views.words[at + record.form] as number) >>> 8
    const possible = length >= 0 && length <= this.#views.units * unitBytes
    if ((!possible || length > longBytes) && !this.#index.isUnchanged()) return changed
    if (!possible) throw damaged('a value has a wrong length')
    const copy = Buffer.allocUnsafe(length)
    const complete = copyPayload(this.#views, block, keyRoom(keyBytes), length, copy)
    if (!this.#index.isUnchanged()) return changed
    if (!complete) throw damaged('a value is too short')
    return kind === valueKinds.bytes ? copy : decodeValue(kind, copy, length)
  }

  #tryBucket(number: number): Entry[] | typeof changed {
    const { units, unitsWord, words } = this.#views
    const entries: Entry[] = []
    let block = this.#index.enter(this.#index.bucketOf(number))
    for (let i = 0; block !== 0; i++) {
      if (block < 1 || block >= units || i >= units) {
        return this.#missing(impossible) === changed ? changed : entries
      }
      const at = unitsWord + block * unitWords
      if (!this.#isExpired(at)) {
        const key = this.#keyOf(block, at)
        const value = key === changed ? changed : this.#valueOf(block, at)
        if (key === changed || value === changed) return changed
        entries.push({ key, value })
      }
      block = words[at + record.next] as number
    }
    return this.#index.isUnchanged() ? entries : changed
  }

  #keyOf(block: number, at: number): string | Uint8Array | typeof changed {
    const form = this.#views.words[at + record.form] as number
    const length = form >>> 8
    if (length > longBytes && !this.#index.isUnchanged()) return changed
    const copy = Buffer.allocUnsafe(length)
    const complete = copyPayload(this.#views, block, 0, length, copy)
    if (!this.#index.isUnchanged()) return changed
    const key = complete ? decodeKey((form >> 4) & 3, copy) : undefined
    if (key === undefined) throw damaged('a key is too short')
    return key
  }
}
