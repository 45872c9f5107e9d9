// The steps of a semaphore on one word.

import { again, type Sleep } from './attempts.js'
import { wake } from './futex.js'

/** The word, after the tag. */
export const state = 1

export const countBits = 0x1fffffff
/** Somebody has given it an initial value. */
export const initialBit = 0x20000000
/** Somebody may sleep until the word is woken. */
export const waitersBit = 0x40000000
/** Somebody has waited for long: what is posted is for those who have slept. */
export const handoffBit = -0x80000000

function replace(words: Int32Array, from: number, to: number): boolean {
  return Atomics.compareExchange(words, state, from, to) === from
}

/** Takes one, or says what to wait for. */
export function takeOne(words: Int32Array, sleep: Sleep): true | typeof again | undefined {
  const word = Atomics.load(words, state)
  if ((word & countBits) > 0 && (sleep.slept || (word & handoffBit) === 0)) {
    // Who has slept does not know whether others still do.
    const kept = sleep.starving || sleep.suspicious ? 0 : word & handoffBit
    const next = sleep.slept ? (word & ~handoffBit) | kept | waitersBit : word
    return replace(words, word, next - 1) ? true : again
  }
  const marked = word | waitersBit | (sleep.starving ? handoffBit : 0)
  if (marked === word) return sleep.until(state, word, 'value')
  return replace(words, word, marked) ? sleep.until(state, marked, 'value') : again
}

/** Adds some and wakes as many; false when that would be too many. */
export function addSome(words: Int32Array, count: number): boolean | typeof again {
  const word = Atomics.load(words, state)
  if ((word & countBits) + count > countBits) return false
  const next = word + count
  if (!replace(words, word, next)) return again
  if ((word & waitersBit) === 0) return true
  // Nobody is left who sleeps, unless somebody has taken one since.
  if (wake(words, state, count) < count) replace(words, next, next & ~waitersBit)
  return true
}
