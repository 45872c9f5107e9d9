// Room for new records: a hand goes round all blocks, as the CLOCK algorithm has it. It takes the mark
// from a record that was used since it was there last, and takes away a record without one.

import type { Index } from './map-index.js'
import { aboutToStore, type Transaction } from './map-journal.js'
import { counters, state, unitWords, type Views } from './map-layout.js'
import { record } from './map-records.js'
import { linked, type Space } from './map-space.js'

export class Evictor {
  readonly #views: Views
  readonly #transaction: Transaction
  readonly #space: Space
  readonly #index: Index

  constructor(views: Views, transaction: Transaction, space: Space, index: Index) {
    this.#views = views
    this.#transaction = transaction
    this.#space = space
    this.#index = index
  }

  /** When the record expires, in milliseconds; Infinity for never. */
  expiryOf(block: number): number {
    const at = this.#space.wordOf(block)
    const expires = this.#views.floats[(at + record.expires) >> 1] as number
    return expires > 0 ? expires : Number.POSITIVE_INFINITY
  }

  remove(block: number): void {
    const hash = this.#views.words[this.#space.wordOf(block) + record.hash] as number
    this.#index.unlink(this.#transaction, this.#space, block, hash)
    this.#space.freePending()
  }

  /** Takes away one record that is expired, or was not used for the longest; false if there is none. */
  evict(): boolean {
    const { words, marks, units } = this.#views
    const now = Date.now()
    for (let passed = 0; passed <= 2 * units; ) {
      const block = words[state.hand] as number
      passed += this.#space.lengthOf(block)
      this.#moveTo(this.#space.after(block))
      if (!this.#isRecord(block)) continue
      const expired = this.expiryOf(block) <= now
      if (!expired && marks[block] !== 0) {
        marks[block] = 0
        continue
      }
      this.remove(block)
      if (!expired) Atomics.add(this.#views.counts, counters.evictions, 1n)
      return true
    }
    return false
  }

  /** Takes away all that is expired; false if that is nothing. */
  removeExpired(): boolean {
    const { words, units } = this.#views
    const now = Date.now()
    const soonest = words[state.soonest] as number
    if (soonest === 0 || now < soonest * 1000) return false
    let first = Number.POSITIVE_INFINITY
    let removed = false
    this.#moveTo(1)
    for (let passed = 1; passed < units; ) {
      const block = words[state.hand] as number
      passed = block + this.#space.lengthOf(block)
      this.#moveTo(this.#space.after(block))
      if (!this.#isRecord(block)) continue
      const expires = this.expiryOf(block)
      if (expires <= now) {
        this.remove(block)
        removed = true
      } else {
        first = Math.min(first, expires)
      }
    }
    aboutToStore()
    words[state.soonest] = secondsOf(first)
    return removed
  }

  /** Keeps in mind that something expires. */
  noteExpiry(expires: number): void {
    const { words } = this.#views
    const soonest = words[state.soonest] as number
    const seconds = secondsOf(expires)
    if (seconds === 0 || (soonest !== 0 && soonest <= seconds)) return
    aboutToStore()
    words[state.soonest] = seconds
  }

  #isRecord(block: number): boolean {
    const { words, unitsWord } = this.#views
    return ((words[unitsWord + block * unitWords] as number) & linked) !== 0
  }

  /** One store, of the first unit of a block: right at any time. */
  #moveTo(block: number): void {
    aboutToStore()
    this.#views.words[state.hand] = block
  }
}

const latestSeconds = 0x7fffffff

/** Rounded down; 0 for never. */
function secondsOf(milliseconds: number): number {
  if (milliseconds === Number.POSITIVE_INFINITY || milliseconds <= 0) return 0
  return Math.min(Math.max(Math.floor(milliseconds / 1000), 1), latestSeconds)
}
