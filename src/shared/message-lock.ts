// The locks of a ring's two sides, and of a broadcast's writer: those of a Mutex, on words in the middle
// of others.

import { again, type Sleep } from '../sync/attempts.js'
import { type Lock, leaveWord, type Owner, repeat, state, takeWord } from '../sync/robust-word.js'

/** Words with locks among them. */
interface Words {
  readonly site: Owner
  readonly words: Int32Array
}

/** The lock whose tag is at the word `at`. */
export function lockAt({ site, words }: Words, at: number): Lock {
  return { site, words: words.subarray(at, at + 2), offset: 4 * at }
}

/** A word of the lock as one of all the words, for those who sleep. */
function placed(taken: true | typeof again | undefined, sleep: Sleep, at: number) {
  if (taken === undefined) sleep.index += at
  return taken
}

/** Takes it, or says what to wait for. Also from the dead: what they left undone shows by itself. */
export function take(
  { site, words }: Words,
  lock: Lock,
  sleep: Sleep,
): true | typeof again | undefined {
  const at = lock.offset / 4
  if (Atomics.compareExchange(words, at + state, 0, site.owner) === 0) return true
  const taken = takeWord(lock, sleep)
  return placed(taken === undefined || taken === again ? taken : true, sleep, at)
}

export function leave({ site, words }: Words, lock: Lock): void {
  const at = lock.offset / 4 + state
  if (Atomics.compareExchange(words, at, site.owner, 0) === site.owner) return
  repeat(() => leaveWord(lock, true, 1))
}
