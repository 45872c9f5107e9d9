// The steps of those who send. A record becomes visible by its state, which is stored last; the state
// behind the last record is always 0, so that nothing that lay there before is taken for a record.
//
// What is before the state in the order of the program needs no atomic instruction of its own, nor do the
// words that belong to the lock. The tail does, since isClosed() looks at it without the lock.
//
// Whoever dies on the way leaves the lock, which the next one gets, and one of three things: a state
// of 0, as if nothing had been; a record that the tail does not count yet, which the next one makes
// good; a record that is being written, which the consumer skips once its owner is dead.

import { atomic } from '../sync/atomic-words.js'
import { type Attempt, again, type Sleep } from '../sync/attempts.js'
import { wake } from '../sync/futex.js'
import { ownerBits } from '../sync/owner-bits.js'
import { type Lock, state as lockState } from '../sync/robust-word.js'
import { otherProducer } from './message-errors.js'
import { leave, take } from './message-lock.js'
import { plain } from './plain-words.js'
import {
  advanced,
  checkedPosition,
  closedMark,
  completeBit,
  damaged,
  distance,
  lengthOf,
  type Message,
  producerWaits,
  type Ring,
  skippedBit,
  stateOf,
  unitsFor,
  word,
  writeMessage,
  writingBit,
} from './ring-layout.js'

/** There is no room now. */
export const full = -1
/** Nobody may send any more. */
export const closed = -2

/** One producer. */
export interface Writer {
  readonly ring: Ring
  readonly lock: Lock
}

/** How it was done: the position of the record, or one of the two above. */
export type Outcome = number

/**
 * Takes the lock of the producers. That of a single one is kept.
 *
 * @throws EBUSY when there may be but one, and it is another thread that lives
 */
export function takeTurn(ring: Ring, lock: Lock, sleep: Sleep): true | typeof again | undefined {
  const { words, site, single } = ring
  if (!single) return take(ring, lock, sleep)
  const at = word.producers + lockState
  // Nobody else stores the number of this thread there, or takes it away while the thread lives.
  if (plain.load(words, at) === site.owner) return true
  const found = atomic.load(ring, at)
  const owner = found & ownerBits
  if (owner !== 0 && !site.isDead(owner)) throw otherProducer('send')
  if (atomic.compareExchange(ring, at, found, site.owner) !== found) return again
  site.held++
  return true
}

export function leaveTurn(ring: Ring, lock: Lock): void {
  if (!ring.single) leave(ring, lock)
}

/** The tail after a record that whoever added it did not live to count; the tail itself when that is the end. */
function madeGood(ring: Ring, tail: number): number {
  const at = stateOf(ring, tail)
  const state = atomic.load(ring, at)
  if (state === closedMark) return tail
  const moved = advanced(ring, tail, unitsFor(lengthOf(ring, state, at)))
  atomic.store(ring, word.tail, moved)
  const beyond = atomic.load(ring, stateOf(ring, moved))
  if (beyond !== 0 && beyond !== closedMark) throw damaged('a record behind the last one')
  return moved
}

/** The tail, when whoever died before it could move it has been made good. */
function tailOf(ring: Ring): number {
  const tail = checkedPosition(ring, plain.load(ring.words, word.tail))
  return plain.load(ring.words, stateOf(ring, tail)) === 0 ? tail : madeGood(ring, tail)
}

/** Whether so many units and the state behind them are free. */
function hasRoom(ring: Ring, tail: number, units: number, seen: number): boolean {
  const used = distance(ring, seen, tail)
  return used <= ring.units && used + units < ring.units
}

/** Looks at the head when it must, and has it say that somebody waits for it to move. */
function findRoom(ring: Ring, tail: number, units: number, sleep: Sleep | undefined): boolean {
  const { words } = ring
  const seen = plain.load(words, word.seenHead)
  if (seen >= 0 && seen < 2 * ring.units && hasRoom(ring, tail, units, seen)) return true
  for (;;) {
    const found = atomic.load(ring, word.head)
    const head = checkedPosition(ring, found & ~producerWaits)
    plain.store(words, word.seenHead, head)
    if (distance(ring, head, tail) > ring.units) throw damaged('more than it can hold')
    if (hasRoom(ring, tail, units, head)) return true
    if (sleep === undefined) return false
    const marked = head | producerWaits
    // Under the lock, so that close() either finds the mark or is seen.
    if (atomic.compareExchange(ring, word.head, found, marked) === found) {
      sleep.until(word.head, marked, 'value')
      return false
    }
  }
}

/** A record under the lock: the whole message, or room for one that this thread is to write. */
function addRecord(ring: Ring, length: number, message: Message | null, sleep?: Sleep): Outcome {
  const { words, site } = ring
  const tail = tailOf(ring)
  const at = stateOf(ring, tail)
  if (plain.load(words, at) === closedMark) return closed
  const units = unitsFor(length)
  if (!findRoom(ring, tail, units, sleep)) return full
  const next = advanced(ring, tail, units)
  plain.store(words, stateOf(ring, next), 0)
  if (message === null) {
    plain.store(words, at + 1, length)
    atomic.store(ring, at, writingBit | site.owner)
  } else {
    writeMessage(ring, at, message)
    atomic.store(ring, at, completeBit | length)
  }
  atomic.store(ring, word.tail, next)
  return tail
}

/** The owner of the record at a position wakes whoever sleeps for it. */
function wakeConsumer(ring: Ring, position: number, at: number): void {
  if (atomic.load(ring, word.awaited) === position + 1)
    wake(ring.words, at, Number.POSITIVE_INFINITY)
}

/**
 * One try to send a message, or to reserve room for one. Waits while another thread reserves, and with
 * `waits` also while there is no room.
 */
export function trySend(
  { ring, lock }: Writer,
  length: number,
  message: Message | null,
  sleep: Sleep,
  waits: boolean,
): Outcome | typeof again | undefined {
  const taken = takeTurn(ring, lock, sleep)
  if (taken !== true) return taken
  let outcome: Outcome
  try {
    outcome = addRecord(ring, length, message, waits ? sleep : undefined)
  } finally {
    leaveTurn(ring, lock)
  }
  if (outcome === full && waits) return undefined
  if (outcome >= 0 && message !== null) wakeConsumer(ring, outcome, stateOf(ring, outcome))
  return outcome
}

/** Completes a record that was reserved, or gives it up. */
export function endRecord(ring: Ring, position: number, length: number, complete: boolean): void {
  const at = stateOf(ring, position)
  atomic.store(ring, at, completeBit | (complete ? 0 : skippedBit) | length)
  wakeConsumer(ring, position, at)
}

/** Puts the mark behind the last record, and wakes everybody. */
export function closeAttempt({ ring, lock }: Writer): Attempt<true> {
  return (sleep) => {
    const taken = takeTurn(ring, lock, sleep)
    if (taken !== true) return taken
    try {
      const tail = tailOf(ring)
      const at = stateOf(ring, tail)
      atomic.store(ring, at, closedMark)
      wakeConsumer(ring, tail, at)
    } finally {
      leaveTurn(ring, lock)
    }
    wakeProducers(ring)
    return true
  }
}

/** Those who wait for the head to move, though it does not. */
function wakeProducers(ring: Ring): void {
  for (;;) {
    const head = atomic.load(ring, word.head)
    if ((head & producerWaits) === 0) return
    if (atomic.compareExchange(ring, word.head, head, head & ~producerWaits) === head) {
      wake(ring.words, word.head, Number.POSITIVE_INFINITY)
      return
    }
  }
}

/** Lets another thread be the single producer, if this one is it. */
export function leaveSingle({ ring, lock }: Writer): void {
  const { site, single } = ring
  if (!single || atomic.load(ring, word.producers + lockState) !== site.owner) return
  site.held--
  leave(ring, lock)
}

export function isClosed(ring: Ring): boolean {
  const tail = checkedPosition(ring, atomic.load(ring, word.tail))
  return atomic.load(ring, stateOf(ring, tail)) === closedMark
}
