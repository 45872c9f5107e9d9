// The locks of a ring's two sides, and of a broadcast's writer: those of a Mutex, on words in the middle
// of others.

import { type AtomicWords, atomic } from '../sync/atomic-words.js'
import { again, type Sleep } from '../sync/attempts.js'
import { type Lock, leaveWord, type Owner, repeat, state, takeWord } from '../sync/robust-word.js'

/** Words with locks among them. */
interface Words extends AtomicWords {
  readonly site: Owner
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
export function take(words: Words, lock: Lock, sleep: Sleep): true | typeof again | undefined {
  const at = lock.offset / 4
  if (atomic.compareExchange(words, at + state, 0, words.site.owner) === 0) return true
  const taken = takeWord(lock, sleep)
  return placed(taken === undefined || taken === again ? taken : true, sleep, at)
}

export function leave(words: Words, lock: Lock): void {
  const at = lock.offset / 4 + state
  const { owner } = words.site
  if (atomic.compareExchange(words, at, owner, 0) === owner) return
  repeat(() => leaveWord(lock, true, 1))
}
