// Waiting for the next version.

import { type Attempt, attemptAsync } from '../sync/attempts.js'
import { latest, sleepers } from './snapshot-layout.js'
import type { SnapshotWords } from './snapshot-reader.js'

/** What the word is that others than `seen` stand in, once it is another one. */
function changeAttempt(words: Int32Array, seen: number): Attempt<{ word: number }> {
  return (sleep) => {
    // Before the look at the word: whoever changes it afterwards finds this, and wakes.
    Atomics.store(words, sleepers, 1)
    const word = Atomics.load(words, latest)
    return word === seen ? sleep.until(latest, word, 'value') : { word }
  }
}

/**
 * The versions from now on, the newest each time; ends when `ending` is aborted.
 *
 * @throws the reason of `signal`
 */
export function changesOf(
  { site, words }: SnapshotWords,
  version: () => number,
  signal: AbortSignal | undefined,
  ending: AbortSignal,
): AsyncIterableIterator<number> {
  let seen = Atomics.load(words, latest)
  let last = version()
  async function* follow() {
    const either = signal === undefined ? ending : AbortSignal.any([signal, ending])
    while (!ending.aborted) {
      signal?.throwIfAborted()
      const attempt = changeAttempt(words, seen)
      try {
        const settings = { timeout: Number.POSITIVE_INFINITY, signal: either }
        seen = (await attemptAsync({ site, words, attempt }, settings))?.word ?? seen
      } catch (error) {
        if (ending.aborted) return
        throw error
      }
      const now = version()
      if (now > last) yield now
      last = Math.max(last, now)
    }
  }
  return follow()
}
