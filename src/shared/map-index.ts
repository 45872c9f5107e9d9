// From a key to its record: buckets with chains. A reader looks without the lock, and what it found
// counts if the version of the bucket is the same afterwards: the version is raised after a record has
// left the chain, and before its blocks are used for anything else.

import type { Shown } from '../runtime/inline-atomics.js'
import { type AtomicWords, atomic } from '../sync/atomic-words.js'
import type { Transaction } from './map-journal.js'
import type { Key } from './map-keys.js'
import { bucketWords, damaged, state, unitWords, type Views } from './map-layout.js'
import { copyPayload, keyFormOf, record } from './map-records.js'
import { linked, nextExtent, recordHeaderBytes, type Space } from './map-space.js'
import { fenceLoads } from './plain-words.js'

/** Of a form: what belongs to the key. */
const keyForm = ~0xf

/** After so many records a reader asks whether it is still in the chain. */
const stretch = 256

/** Nothing that can be: the memory was used anew meanwhile, or is damaged. */
export const impossible = -1

export class Index {
  readonly #views: Views
  readonly #words: Int32Array
  readonly #atomicWords: AtomicWords
  readonly #unitsWord: number
  readonly #units: number
  /** The first word of the bucket that was looked at, and its version then. */
  #bucket = 0
  #version = 0

  constructor(views: Views, shown: Shown) {
    this.#views = views
    this.#words = views.words
    this.#atomicWords = { words: views.words, shown, offset: 0 }
    this.#unitsWord = views.unitsWord
    this.#units = views.units
  }

  bucketOf(hash: number): number {
    return this.#views.bucketsWord + (hash & this.#views.bucketMask) * bucketWords
  }

  /** Begins to look at a bucket; its first record, or 0. */
  enter(bucket: number): number {
    const words = this.#atomicWords
    this.#bucket = bucket
    this.#version = atomic.load(words, bucket)
    return atomic.load(words, bucket + 1)
  }

  /** Whether all that was read since {@link enter} was there. */
  isUnchanged(): boolean {
    fenceLoads()
    return atomic.load(this.#atomicWords, this.#bucket) === this.#version
  }

  /** The record of a key, 0 if there is none, or {@link impossible}. */
  find(key: Key): number {
    const words = this.#words
    const { hash } = key
    const form = keyFormOf(key)
    let block = this.enter(this.bucketOf(hash))
    for (let i = 1; block !== 0; i++) {
      if (block < 1 || block >= this.#units) return impossible
      const at = this.#unitsWord + block * unitWords
      if (
        words[at + record.hash] === hash &&
        ((words[at + record.form] as number) & keyForm) === form &&
        this.#hasKey(block, at, key)
      ) {
        return block
      }
      if (i % stretch === 0 && (i > this.#units || !this.isUnchanged())) return impossible
      block = words[at + record.next] as number
    }
    return 0
  }

  #hasKey(block: number, at: number, key: Key): boolean {
    const { bytes } = this.#views
    if (this.#words[at + nextExtent] === 0) {
      return key.equalsAt(this.#words, bytes, at + recordHeaderBytes / 4)
    }
    const stored = new Uint8Array(key.byteLength)
    return copyPayload(this.#views, block, 0, stored.length, stored) && key.equals(stored, 0)
  }

  /** The word that refers to a record, for whoever has the lock. */
  referenceTo(block: number, hash: number): number {
    let reference = this.bucketOf(hash) + 1
    for (let i = 0; i < this.#units; i++) {
      const found = this.#words[reference] as number
      if (found === block) return reference
      if (found < 1 || found >= this.#units) break
      reference = this.#unitsWord + found * unitWords + record.next
    }
    throw damaged('a record is not in its bucket')
  }

  /** Puts a record that is pending in the place of `old`, or before the others if that is 0. */
  link(transaction: Transaction, space: Space, block: number, old: number, hash: number): void {
    const words = this.#words
    const bucket = this.bucketOf(hash)
    const at = space.wordOf(block)
    const reference = old === 0 ? bucket + 1 : this.referenceTo(old, hash)
    words[at + record.next] = words[
      old === 0 ? reference : space.wordOf(old) + record.next
    ] as number
    transaction.begin()
    transaction.put(reference, block)
    this.#raiseVersion(transaction, bucket)
    transaction.put(at, (words[at] as number) | linked)
    if (old === 0) {
      transaction.put(state.size, (words[state.size] as number) + 1)
    } else {
      const oldAt = space.wordOf(old)
      transaction.put(oldAt, (words[oldAt] as number) & ~linked)
    }
    transaction.put(state.pending, old)
    transaction.commit()
  }

  /** Takes a record out of its bucket; it is pending then. */
  unlink(transaction: Transaction, space: Space, block: number, hash: number): void {
    const words = this.#words
    const reference = this.referenceTo(block, hash)
    const at = space.wordOf(block)
    transaction.begin()
    transaction.put(reference, words[at + record.next] as number)
    this.#raiseVersion(transaction, this.bucketOf(hash))
    transaction.put(at, (words[at] as number) & ~linked)
    transaction.put(state.size, (words[state.size] as number) - 1)
    transaction.put(state.pending, block)
    transaction.commit()
  }

  #raiseVersion(transaction: Transaction, bucket: number): void {
    transaction.put(bucket, ((this.#words[bucket] as number) + 1) | 0)
  }
}
