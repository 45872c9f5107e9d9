// The steps of an exclusive and robust lock on one word, which a Mutex is, and which is the first half
// of an RwLock. Each step is one look at the word and one atomic instruction.

import { type Attempt, again, type Sleep } from './attempts.js'
import { wake } from './futex.js'
import { ownerBits } from './owner-bits.js'
import { mutexInconsistent, notOwner, wouldDeadlock } from './sync-errors.js'

/** The word of the lock, after the tag. */
export const state = 1

/** Somebody may sleep until the word is woken. */
export const waitersBit = 0x40000000
/** Somebody has waited for long: unlocked, it goes to one of those who have slept. */
export const handoffBit = -0x80000000
/** In place of an owner: nobody may lock it any more. */
export const unusable = ownerBits

/** What an owner is to the lock. */
export interface Owner {
  readonly owner: number
  /** Locks that it holds. */
  held: number
  /** Those of them, by their offset, whose owner before had died, until they are consistent. */
  readonly inconsistent: Set<number>
  /** What it holds of locks that can be shared, by their offset. */
  readonly shares: Map<number, number[]>
  isDead(owner: number): boolean
}

export interface Lock {
  readonly site: Owner
  readonly words: Int32Array
  /** Names it among the locks of its owner. */
  readonly offset: number
}

/** How the lock came to be held. */
export type Taken = 'free' | 'from-the-dead'

function replace(words: Int32Array, from: number, to: number): boolean {
  return Atomics.compareExchange(words, state, from, to) === from
}

/**
 * Kept for those who sleep until it comes to one that has waited for long, or to one that nobody woke:
 * then they are gone.
 */
function keptReservation(word: number, { starving, suspicious }: Sleep): number {
  return starving || suspicious ? 0 : word & handoffBit
}

/** Takes the word, or says what to wait for. Does not count as held yet. */
export function takeWord({ site, words }: Lock, sleep: Sleep): Taken | typeof again | undefined {
  const word = Atomics.load(words, state)
  const owner = word & ownerBits
  if (owner === unusable) throw mutexInconsistent()
  if (owner === site.owner && sleep.blocking) throw wouldDeadlock('lockSync')
  if (owner === 0 && (sleep.slept || (word & handoffBit) === 0)) {
    // Who has slept does not know whether others still do.
    const waiters = (word & waitersBit) | (sleep.slept ? waitersBit : 0)
    const next = site.owner | waiters | keptReservation(word, sleep)
    return replace(words, word, next) ? 'free' : again
  }
  if (owner !== 0 && sleep.suspicious && site.isDead(owner)) {
    // Never without the bit: the short way to unlock is only for locks that need no repair.
    return replace(words, word, site.owner | waitersBit) ? 'from-the-dead' : again
  }
  const marked = word | waitersBit | (sleep.starving ? handoffBit : 0)
  if (marked === word) return sleep.until(state, word)
  if (!replace(words, word, marked)) return again
  return sleep.until(state, marked)
}

/** Gives the word back and wakes so many, or makes it unusable. */
export function leaveWord(
  { site, words }: Lock,
  consistent: boolean,
  wakes: number,
): true | typeof again {
  const word = Atomics.load(words, state)
  if ((word & ownerBits) !== site.owner) throw notOwner('unlock')
  if (!replace(words, word, consistent ? word & handoffBit : unusable)) return again
  if (!consistent) wake(words, state, Number.POSITIVE_INFINITY)
  else if ((word & waitersBit) !== 0) wake(words, state, wakes)
  return true
}

/** Throws EPERM when this thread does not have it. */
export function assertTaken({ site, words }: Lock, syscall: string): void {
  if ((Atomics.load(words, state) & ownerBits) !== site.owner) throw notOwner(syscall)
}

/** Locks a mutex. */
export function lockAttempt(lock: Lock): Attempt<true> {
  return (sleep) => {
    const taken = takeWord(lock, sleep)
    return taken === undefined || taken === again ? taken : hold(lock, taken)
  }
}

export function hold({ site, offset }: Lock, taken: Taken): true {
  site.held++
  if (taken === 'from-the-dead') site.inconsistent.add(offset)
  return true
}

/** Unlocks what was locked by {@link lockAttempt}. */
export function unlockAttempt(lock: Lock): true | typeof again {
  const { site, offset } = lock
  const left = leaveWord(lock, !site.inconsistent.has(offset), 1)
  if (left === again) return again
  site.held--
  site.inconsistent.delete(offset)
  return true
}

/** Steps until one is the last. */
export function repeat<R>(step: () => R | typeof again): R {
  for (;;) {
    const result = step()
    if (result !== again) return result
  }
}
