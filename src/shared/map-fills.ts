// One filler for each key among all processes. A table says who computes what; it is changed under the
// lock of the map only, except that a filler gives its own place back. Whoever dies while it fills is
// found out by those who wait for it.

import type { SharedMemory } from '../mapping.js'
import { type Attempt, attemptAsync } from '../sync/attempts.js'
import { wake } from '../sync/futex.js'
import { leaveSite, type Place, placeOf } from '../sync/owner.js'
import { ownerBits } from '../sync/owner-bits.js'
import { damaged, fillSlots, fillsOffset } from './map-layout.js'

/** 'fil' and the version of the layout. */
const tag = 0x66696c01
const slotWords = 4
/** Words of a slot: its owner with two bits that change from one to the next, and the hashes of a key. */
const slot = { owner: 0, first: 1, second: 2, turn: 3 } as const

/** A key that is being computed. */
export interface Fill {
  /** The word of its owner, and what that is as long as it goes on. */
  readonly index: number
  readonly expected: number
  readonly mine: boolean
}

export class Fills {
  readonly #place: Place
  /** Those of this thread that wait for a fill, together. */
  readonly #waits = new Map<number, Wait>()

  constructor(memory: SharedMemory) {
    this.#place = placeIn(this, memory)
  }

  /**
   * Claims a key, or finds out who has it. Only for who has the lock of the map.
   *
   * @param first, second two hashes: keys that have both in common exclude each other, no more
   */
  claim(first: number, second: number): Fill {
    const { words, site } = this.#place
    let free = 0
    for (let i = 1; i <= fillSlots; i++) {
      const at = i * slotWords
      const owner = Atomics.load(words, at + slot.owner)
      if (owner === 0) {
        if (free === 0) free = at
      } else if (words[at + slot.first] === first && words[at + slot.second] === second) {
        if (site.isDead(owner & ownerBits)) return this.#take(at, first, second)
        return { index: at, expected: owner, mine: false }
      }
    }
    if (free === 0) free = this.#abandoned()
    if (free !== 0) return this.#take(free, first, second)
    // All are at work: any of them will be done at some time.
    const at = (1 + ((first >>> 0) % fillSlots)) * slotWords
    return { index: at, expected: Atomics.load(words, at), mine: false }
  }

  #abandoned(): number {
    const { words, site } = this.#place
    for (let i = 1; i <= fillSlots; i++) {
      const at = i * slotWords
      if (site.isDead(Atomics.load(words, at) & ownerBits)) return at
    }
    return 0
  }

  #take(at: number, first: number, second: number): Fill {
    const { words, site } = this.#place
    const before = Atomics.load(words, at + slot.owner)
    words[at + slot.first] = first
    words[at + slot.second] = second
    const turn = ((words[at + slot.turn] as number) + 1) | 0
    words[at + slot.turn] = turn
    const expected = site.owner | (turn << 30)
    Atomics.store(words, at + slot.owner, expected)
    site.held++
    if (before !== 0) wake(words, at, Number.POSITIVE_INFINITY)
    return { index: at, expected, mine: true }
  }

  /** Gives a key back, whether or not there is a value now. */
  release({ index, expected }: Fill): void {
    const { words, site } = this.#place
    const before = Atomics.compareExchange(words, index, expected, 0)
    if (before === expected) wake(words, index, Number.POSITIVE_INFINITY)
    site.held--
    site.closeIfUnused()
  }

  /** Ends all waits. What this thread fills it may still release. */
  close(): void {
    const ends = [...this.#waits.values()].map(({ cancel, end }) => {
      cancel.abort()
      return end
    })
    const leave = () => leaveSite(this, this.#place.site)
    // A wait that ends looks at its word.
    if (ends.length > 0) Promise.allSettled(ends).then(leave)
    else leave()
  }

  /** Until the fill of somebody else has ended, in whatever way. */
  async ended(fill: Fill, signal: AbortSignal | undefined): Promise<void> {
    let wait = this.#waits.get(fill.index)
    if (wait === undefined || wait.expected !== fill.expected) {
      wait = this.#startWaiting(fill)
    }
    wait.users++
    try {
      await (signal === undefined ? wait.end : firstOf(wait.end, signal))
    } finally {
      wait.users--
      if (wait.users === 0) wait.cancel.abort()
    }
  }

  #startWaiting({ index, expected }: Fill): Wait {
    const { site, words } = this.#place
    const cancel = new AbortController()
    const attempt: Attempt<true> = (sleep) => {
      if (Atomics.load(words, index) !== expected) return true
      const owner = expected & ownerBits
      if (sleep.suspicious && site.isDead(owner)) return true
      return sleep.until(index, expected, 'owner')
    }
    const settings = { timeout: Number.POSITIVE_INFINITY, signal: cancel.signal }
    const end = attemptAsync({ site, words, attempt }, settings).then(
      () => {},
      (error) => {
        if (!cancel.signal.aborted) throw error
      },
    )
    const wait: Wait = { expected, end, cancel, users: 0 }
    this.#waits.set(index, wait)
    const forget = () => {
      if (this.#waits.get(index) === wait) this.#waits.delete(index)
    }
    end.then(forget, forget)
    cancel.signal.addEventListener('abort', forget, { once: true })
    return wait
  }
}

interface Wait {
  readonly expected: number
  readonly end: Promise<void>
  readonly cancel: AbortController
  users: number
}

/** The promise, or the reason of the signal if that comes first. */
function firstOf(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const done = () => signal.removeEventListener('abort', abort)
    promise.then(resolve, reject).finally(done)
  })
}

function placeIn(user: object, memory: SharedMemory): Place {
  try {
    return placeOf(user, memory, fillsOffset, (fillSlots + 1) * slotWords * 4, tag)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error
    throw damaged('something else is in the place of its fills')
  }
}
