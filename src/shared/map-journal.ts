// Changes of several words that happen all or not at all, whenever their writer is killed: they are
// noted first, and whoever has the lock next stores what was noted.

import { damaged, mostChanges, state, type Views } from './map-layout.js'

/** For tests, which end a writer before one of its stores. */
let beforeStore: (() => void) | undefined

export function setBeforeStore(hook: (() => void) | undefined): void {
  beforeStore = hook
}

/** Before stores that are not part of a transaction. */
export function aboutToStore(): void {
  beforeStore?.()
}

/** The changes that a transaction has collected so far: pairs of the index of a word and its value. */
export class Transaction {
  readonly #words: Int32Array
  readonly #views: Views
  readonly #changes = new Int32Array(2 * mostChanges)
  #length = 0

  constructor(views: Views) {
    this.#views = views
    this.#words = views.words
  }

  /** Forgets what was collected and not committed, because something was thrown. */
  begin(): void {
    this.#length = 0
  }

  /** The word as it will be. */
  get(index: number): number {
    const changes = this.#changes
    for (let i = this.#length - 2; i >= 0; i -= 2) {
      if (changes[i] === index) return changes[i + 1] as number
    }
    return this.#words[index] as number
  }

  /**
   * The first change of a transaction is the one that readers see, and the second one the version of
   * its bucket.
   */
  put(index: number, value: number): void {
    const at = this.#length
    if (at === 2 * mostChanges) throw damaged('a change has no end')
    this.#changes[at] = index
    this.#changes[at + 1] = value
    this.#length = at + 2
  }

  commit(): void {
    const words = this.#words
    const changes = this.#changes
    const length = this.#length
    for (let i = 0; i < length; i++) {
      beforeStore?.()
      words[state.journal + i] = changes[i] as number
    }
    beforeStore?.()
    Atomics.store(words, state.journalLength, length)
    apply(words, changes, length)
    beforeStore?.()
    Atomics.store(words, state.journalLength, 0)
    this.#length = 0
  }

  /** Completes what a writer has left behind who died after it had noted everything. */
  redo(): void {
    const { words, units, unitsWord, bucketsWord } = this.#views
    const length = Atomics.load(words, state.journalLength)
    if (length === 0) return
    const changes = this.#changes
    this.#length = 0
    const sound = length > 0 && length <= changes.length && length % 2 === 0
    for (let i = 0; i < (sound ? length : 0); i++) changes[i] = words[state.journal + i] as number
    let inside = sound
    for (let i = 0; inside && i < length; i += 2) {
      const index = changes[i] as number
      const own = index >= state.size && index < state.journalLength
      const list = index >= 160 && index < 224
      inside = own || list || (index >= bucketsWord && index < unitsWord + units * 8)
    }
    if (inside) apply(words, changes, length)
    Atomics.store(words, state.journalLength, 0)
    if (!inside) throw damaged('the journal leads elsewhere')
  }
}

function apply(words: Int32Array, changes: Int32Array, length: number): void {
  for (let i = 0; i < length; i += 2) {
    beforeStore?.()
    const index = changes[i] as number
    const value = changes[i + 1] as number
    // Not a mere store: on processors that reorder, what is written to freed blocks later may not
    // overtake the version. It is atomic for readers, who have no lock.
    if (i < 4) Atomics.exchange(words, index, value)
    else words[index] = value
  }
}
