// The steps of a lock that many may share, on a word and a list of those who do.
//
// A writer takes the word as a mutex is taken, which keeps new readers out, and then waits until
// nobody is in the list. A reader enters itself in the list and then looks at the word: whichever of
// the two comes second sees the other.

import { type Attempt, again, type Sleep } from './attempts.js'
import { wake } from './futex.js'
import { ownerBits } from './owner-bits.js'
import {
  handoffBit,
  hold,
  type Lock,
  leaveWord,
  state,
  takeWord,
  waitersBit,
} from './robust-word.js'
import { notOwner, wouldDeadlock } from './sync-errors.js'

/** 1 from when a writer is alone to when it leaves the data as it should be. */
const dirty = 2
/** The first of the words with a reader each. */
export const firstReader = 4
/** In place of such a word's index: the lock is held by nobody else. */
const alone = -1

/** Where a writer is, in {@link Sleep.phase}. */
const wordTaken = 1

const everybody = Number.POSITIVE_INFINITY

/** Waits for readers, when the word is taken. */
function awaitReaders(lock: Lock, sleep: Sleep): true | typeof again | undefined {
  const { site, words } = lock
  for (let index = firstReader; index < words.length; index++) {
    const reader = Atomics.load(words, index)
    if (reader === 0) continue
    if (sleep.suspicious && site.isDead(reader)) {
      Atomics.compareExchange(words, index, reader, 0)
      continue
    }
    if (reader === site.owner && sleep.blocking) throw wouldDeadlock('lockExclusiveSync')
    return sleep.until(index, reader)
  }
  // What an owner who died has left behind, or one before that.
  hold(lock, Atomics.exchange(words, dirty, 1) === 0 ? 'free' : 'from-the-dead')
  share(lock, alone)
  return true
}

/** Notes what this thread has, or what is left of it. */
function share({ site, offset }: Lock, index: number): void {
  const shares = site.shares.get(offset)
  if (shares === undefined) site.shares.set(offset, [index])
  else shares.push(index)
}

/** Locks it for a writer. */
export function exclusiveAttempt(lock: Lock): Attempt<true> {
  return (sleep) => {
    if (sleep.phase !== wordTaken) {
      const taken = takeWord(lock, sleep)
      if (taken === undefined || taken === again) return taken
      sleep.phase = wordTaken
      return again
    }
    return awaitReaders(lock, sleep)
  }
}

/** Gives up what tries have taken that did not succeed. */
export function abandon(lock: Lock, sleep: Sleep): undefined | typeof again {
  if (sleep.phase !== wordTaken) return undefined
  // What a dead writer has left is the next one's to find.
  if (leaveWord(lock, true, everybody) === again) return again
  sleep.phase = 0
  return undefined
}

/** Enters itself in the list; null when it is full. */
function enter({ site, words }: Lock): number | null {
  for (let index = firstReader; index < words.length; index++) {
    if (Atomics.load(words, index) !== 0) continue
    if (Atomics.compareExchange(words, index, 0, site.owner) === 0) return index
  }
  return null
}

/** Leaves the list, and wakes the writer who may wait for that. */
function leave({ words }: Lock, index: number): void {
  Atomics.store(words, index, 0)
  if ((Atomics.load(words, state) & ownerBits) !== 0) wake(words, index, everybody)
}

/** The list is full: waits for anybody in it, and clears out the dead. */
function awaitRoom({ site, words }: Lock, sleep: Sleep): typeof again | undefined {
  if (sleep.suspicious) {
    let room = false
    for (let index = firstReader; index < words.length; index++) {
      const reader = Atomics.load(words, index)
      if (reader === 0 || !site.isDead(reader)) continue
      room = Atomics.compareExchange(words, index, reader, 0) === reader || room
    }
    if (room) return again
  }
  const index = firstReader + ((site.owner >>> 1) % (words.length - firstReader))
  const reader = Atomics.load(words, index)
  return reader === 0 ? again : sleep.until(index, reader, 'anything')
}

/**
 * The lock was kept for somebody who has slept, and that was a reader: others may come in again, also
 * those who sleep because of it. A writer who has the word by now has ended it.
 */
function endReservation(words: Int32Array): void {
  for (;;) {
    const word = Atomics.load(words, state)
    if ((word & handoffBit) === 0 || (word & ownerBits) !== 0) return
    if (Atomics.compareExchange(words, state, word, 0) !== word) continue
    if ((word & waitersBit) !== 0) wake(words, state, everybody)
    return
  }
}

/**
 * Locks it for a reader. One that finds a writer dead gets it alone: nobody else may see the data before
 * it was repaired.
 */
export function sharedAttempt(lock: Lock): Attempt<true> {
  const { site, words } = lock
  return (sleep) => {
    if (sleep.phase === wordTaken) {
      return Atomics.load(words, dirty) === 0
        ? (abandon(lock, sleep) ?? again)
        : awaitReaders(lock, sleep)
    }
    const word = Atomics.load(words, state)
    const reserved = (word & handoffBit) !== 0 && !sleep.slept
    if ((word & ownerBits) !== 0 || reserved || Atomics.load(words, dirty) !== 0) {
      const taken = takeWord(lock, sleep)
      if (taken === undefined || taken === again) return taken
      sleep.phase = wordTaken
      return again
    }
    const index = enter(lock)
    if (index === null) return awaitRoom(lock, sleep)
    const now = Atomics.load(words, state)
    if ((now & ownerBits) !== 0 || Atomics.load(words, dirty) !== 0) {
      leave(lock, index)
      return again
    }
    if ((now & handoffBit) !== 0) endReservation(words)
    site.held++
    share(lock, index)
    return true
  }
}

/** Unlocks what {@link exclusiveAttempt} has locked. */
export function unlockExclusive(lock: Lock): true | typeof again {
  const { site, words, offset } = lock
  const shares = site.shares.get(offset)
  if (shares?.at(-1) !== alone) throw notOwner('unlockExclusive')
  const consistent = !site.inconsistent.has(offset)
  if (consistent) Atomics.store(words, dirty, 0)
  if (leaveWord(lock, consistent, everybody) === again) return again
  site.held--
  site.inconsistent.delete(offset)
  forget(lock, shares)
  return true
}

/** Unlocks what {@link sharedAttempt} has locked. */
export function unlockShared(lock: Lock): true | typeof again {
  const { site, offset } = lock
  const shares = site.shares.get(offset)
  const index = shares?.at(-1)
  if (shares === undefined || index === undefined) throw notOwner('unlockShared')
  if (index === alone) return unlockExclusive(lock)
  forget(lock, shares)
  site.held--
  leave(lock, index)
  return true
}

function forget({ site, offset }: Lock, shares: number[]): void {
  shares.pop()
  if (shares.length === 0) site.shares.delete(offset)
}
