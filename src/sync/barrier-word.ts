// The steps of a barrier.

import { again, type Sleep } from './attempts.js'
import { wake } from './futex.js'

/** How many have arrived, and above them which round it is. */
const state = 1
/** How many have to. */
export const partiesIndex = 2

const arrivedBits = 0x7fff
const roundUnit = 0x8000

/** Never 0, which in {@link Sleep.phase} is not to have arrived. */
const roundOf = (word: number) => (word >>> 15) + 1

/** Arrives at the first try, and goes on when the round is over. */
export function arrive(words: Int32Array, sleep: Sleep): true | typeof again | undefined {
  const word = Atomics.load(words, state)
  if (sleep.phase !== 0) {
    return roundOf(word) === sleep.phase ? sleep.until(state, word, 'value') : true
  }
  const last = (word & arrivedBits) + 1 >= Atomics.load(words, partiesIndex)
  const next = last ? ((word & ~arrivedBits) + roundUnit) | 0 : word + 1
  if (Atomics.compareExchange(words, state, word, next) !== word) return again
  if (last) {
    wake(words, state, Number.POSITIVE_INFINITY)
    return true
  }
  sleep.phase = roundOf(word)
  return sleep.until(state, next, 'value')
}

/** Takes an arrival back: undefined; true when the round was over before. */
export function withdraw(words: Int32Array, sleep: Sleep): true | typeof again | undefined {
  if (sleep.phase === 0) return undefined
  const word = Atomics.load(words, state)
  if (roundOf(word) !== sleep.phase) return true
  return Atomics.compareExchange(words, state, word, word - 1) === word ? undefined : again
}
