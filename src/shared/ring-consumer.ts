// The steps of whoever receives: one at a time, which a lock sees to. The head moves when the consumer
// is done with a record; when it dies before that, the next one finds the record again.

import { atomic } from '../sync/atomic-words.js'
import { type Attempt, again, type Sleep } from '../sync/attempts.js'
import { wake } from '../sync/futex.js'
import { ownerBits } from '../sync/owner-bits.js'
import type { Lock } from '../sync/robust-word.js'
import { leave, take } from './message-lock.js'
import {
  advanced,
  checkedPosition,
  closedMark,
  completeBit,
  damaged,
  lengthOf,
  producerWaits,
  type Ring,
  skippedBit,
  stateOf,
  unitsFor,
  word,
} from './ring-layout.js'

/** All was received, and nobody sends any more. */
export const ended = -1
/** There is nothing, or it is somebody else's. Only of {@link tryNext}. */
export const nothing = -2

/** One consumer. */
export interface Reader {
  readonly ring: Ring
  readonly lock: Lock
  /** Whether it has the lock. */
  holds: boolean
  /** Where the record begins that was received last, and how many units it has; 0 when it is done with. */
  position: number
  units: number
  /** Of that record, in bytes. */
  length: number
  /** A record that was not complete, and since when; to ask for its owner only now and then. */
  stalled: number
  stalledSince: number
}

export function readerOf(ring: Ring, lock: Lock): Reader {
  const places = { position: 0, units: 0, length: 0, stalled: -1, stalledSince: 0 }
  return { ring, lock, holds: false, ...places }
}

/** Moves the head, and wakes producers who wait for that. */
function moveHead(ring: Ring, position: number): void {
  const before = atomic.exchange(ring, word.head, position)
  if ((before & producerWaits) !== 0) wake(ring.words, word.head, Number.POSITIVE_INFINITY)
}

/** Is done with the record that was received last. */
export function finish(reader: Reader): void {
  const { ring, units } = reader
  if (units === 0) return
  reader.position = advanced(ring, reader.position, units)
  reader.units = 0
  moveHead(ring, reader.position)
}

/** Lets others receive. */
export function leaveReader(reader: Reader): void {
  if (!reader.holds) return
  reader.holds = false
  reader.ring.site.held--
  leave(reader.ring, reader.lock)
}

function headOf(ring: Ring): number {
  return checkedPosition(ring, atomic.load(ring, word.head) & ~producerWaits)
}

/** Whether there is anything to see, before the lock is taken for it: the state of the oldest record. */
function peek(ring: Ring): number {
  return atomic.load(ring, stateOf(ring, headOf(ring)))
}

function takeReader(reader: Reader, sleep: Sleep): true | typeof again | undefined {
  const { ring } = reader
  const taken = take(ring, reader.lock, sleep)
  if (taken !== true) return taken
  reader.holds = true
  ring.site.held++
  reader.units = 0
  reader.position = headOf(ring)
  return true
}

/** The state of the first record that is not to be skipped. */
function findState(reader: Reader): number {
  const { ring } = reader
  for (let passed = 0; passed <= ring.units; passed++) {
    const at = stateOf(ring, reader.position)
    const state = atomic.load(ring, at)
    const skips = completeBit | skippedBit
    if ((state & skips) !== skips || state === closedMark) return state
    reader.units = unitsFor(lengthOf(ring, state, at))
    finish(reader)
  }
  throw damaged('nothing but records to skip')
}

/** Has a record skipped that its owner did not complete. False when somebody else was faster. */
function giveUp({ ring, position }: Reader, state: number): boolean {
  const at = stateOf(ring, position)
  const skipped = completeBit | skippedBit | lengthOf(ring, state, at)
  return atomic.compareExchange(ring, at, state, skipped) === state
}

function accept(reader: Reader, state: number): number {
  const { ring, position } = reader
  const at = stateOf(ring, position)
  reader.length = lengthOf(ring, state, at)
  reader.units = unitsFor(reader.length)
  return at
}

function isComplete(state: number): boolean {
  return (state & completeBit) !== 0 && state !== closedMark
}

/** Milliseconds after which a record that stays incomplete is worth a system call. */
const patience = 2

/** Whether the owner of a record is dead, asked for at most every few milliseconds. */
function isAbandoned(reader: Reader, state: number): boolean {
  const now = performance.now()
  if (reader.stalled !== state) {
    reader.stalled = state
    reader.stalledSince = now
    return false
  }
  if (now - reader.stalledSince < patience) return false
  reader.stalledSince = now
  return reader.ring.site.isDead(state & ownerBits)
}

/**
 * Receives without waiting: the word at which the record begins, {@link ended} or {@link nothing}.
 * Is done with the one before in any case.
 */
export function tryNext(reader: Reader, alone: Sleep): number {
  finish(reader)
  const { ring } = reader
  if (!reader.holds) {
    const state = peek(ring)
    if (state === 0) return nothing
    if (takeReader(reader, alone) !== true) return nothing
  }
  for (;;) {
    const state = findState(reader)
    if (isComplete(state)) return accept(reader, state)
    const isWritten = state !== 0 && state !== closedMark
    if (isWritten && isAbandoned(reader, state) && giveUp(reader, state)) continue
    leaveReader(reader)
    return state === closedMark ? ended : nothing
  }
}

/** Says what to sleep for, unless it has come meanwhile. */
function sleepFor(reader: Reader, state: number, sleep: Sleep): undefined | typeof again {
  const { ring, position } = reader
  const at = stateOf(ring, position)
  atomic.store(ring, word.awaited, position + 1)
  // Whoever completes it stores the state first and looks for sleepers afterwards.
  const isSame = atomic.load(ring, at) === state
  leaveReader(reader)
  if (!isSame) return again
  sleep.phase = position + 1
  return sleep.until(at, state, state === 0 ? 'value' : 'owner')
}

/** After a sleep nobody needs to wake this one any more. */
export function stopAwaiting(ring: Ring, sleep: Sleep): undefined {
  if (sleep.phase === 0) return undefined
  atomic.compareExchange(ring, word.awaited, sleep.phase, 0)
  sleep.phase = 0
  return undefined
}

/** Receives: the word at which the record begins, or {@link ended}. */
export function receiveAttempt(reader: Reader): Attempt<number> {
  const { ring } = reader
  return (sleep) => {
    finish(reader)
    if (!reader.holds) {
      const taken = takeReader(reader, sleep)
      if (taken !== true) return taken
    }
    const state = findState(reader)
    if (isComplete(state)) {
      stopAwaiting(ring, sleep)
      return accept(reader, state)
    }
    if (state === closedMark) {
      stopAwaiting(ring, sleep)
      leaveReader(reader)
      return ended
    }
    const isSuspect = state !== 0 && sleep.suspicious
    if (isSuspect && ring.site.isDead(state & ownerBits)) {
      giveUp(reader, state)
      return again
    }
    return sleepFor(reader, state, sleep)
  }
}
