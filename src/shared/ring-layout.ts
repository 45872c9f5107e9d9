// How a MessageRing lies in memory: a page of words that its two sides share, and behind it the area of
// records, which is mapped a second time behind itself.

import { type AtomicWords, atomic } from '../sync/atomic-words.js'
import type { Owner } from '../sync/robust-word.js'
import { sharedLayout } from './shared-errors.js'

export const ringLayout = { name: 'MessageRing', kind: 3, version: 1 } as const

/** Words of 32 bits from the start of the memory. Each side has cache lines of its own. */
export const word = {
  /** The lock of whoever reserves: a tag, the word of the lock. */
  producers: 16,
  /** Where the next record will begin. Under that lock, and so is `seenHead`. */
  tail: 20,
  /** `head` as a producer saw it last. */
  seenHead: 21,
  /** The lock of whoever receives: a tag, the word of the lock. */
  consumer: 32,
  /** Where the oldest record begins; {@link producerWaits} when a producer waits for it to move. */
  head: 36,
  /** One more than the position of the record that a consumer sleeps for; 0 for none. */
  awaited: 48,
} as const

/** Of a record, and of every position. */
export const unitBytes = 8
const unitWords = 2

/** In {@link word.head}. */
export const producerWaits = 0x40000000
/** A record of the owner in the other bits that is not complete. */
export const writingBit = 0x40000000
/** A record that is complete; the other bits are its length. */
export const completeBit = -0x80000000
/** With {@link completeBit}: a record that never was completed; the other bits are its length. */
export const skippedBit = 0x40000000
/** In place of a record: nobody sends any more. */
export const closedMark = -1

const lengthBits = 0x3fffffff

/** A ring, to the steps of its two sides. */
export interface Ring extends AtomicWords {
  readonly site: Owner
  /** Of the site, as a place has it. */
  readonly user: object
  /** The word at which the area of records begins. */
  readonly base: number
  /** Units of the area. Positions count them, modulo twice as many: full is not empty then. */
  readonly units: number
  /** Whether the lock of the producers is kept by the first who sends. */
  readonly single: boolean
  /** All of the mapping, in which the area stands twice, as in the words. */
  readonly bytes: Uint8Array
  readonly text: Buffer
}

/** What is sent. */
export type Message = Uint8Array | string

/** How many units a record takes with so many bytes in it. */
export function unitsFor(length: number): number {
  return 1 + ((length + unitBytes - 1) >>> 3)
}

/** A word that somebody else may have written is a position, or the memory is damaged. */
export function checkedPosition({ units }: Ring, value: number): number {
  if (value < 0 || value >= 2 * units) throw damaged(`the position ${value}`)
  return value
}

export function advanced({ units }: Ring, position: number, by: number): number {
  const next = position + by
  return next >= 2 * units ? next - 2 * units : next
}

/** How many units lie between two positions. */
export function distance({ units }: Ring, from: number, to: number): number {
  const between = to - from
  return between < 0 ? between + 2 * units : between
}

/** The word at which the record at a position begins. The one behind it is the length. */
export function stateOf({ base, units }: Ring, position: number): number {
  return base + unitWords * (position < units ? position : position - units)
}

/** Where the content of the record begins whose state is `at` a word, in bytes. */
export function contentOf(at: number): number {
  return 4 * at + unitBytes
}

export function writeMessage({ bytes, text }: Ring, at: number, message: Message): void {
  if (typeof message === 'string') text.write(message, contentOf(at))
  else bytes.set(message, contentOf(at))
}

/** How many bytes there are in the record that begins with the state and length `at` a word. */
export function lengthOf(ring: Ring, state: number, at: number): number {
  const isComplete = (state & completeBit) !== 0
  const length = isComplete ? state & lengthBits : atomic.load(ring, at + 1)
  // One unit is never taken: the state of the record to come.
  if (length < 0 || unitsFor(length) >= ring.units) throw damaged(`a record of ${length} bytes`)
  return length
}

export function damaged(what: string): Error {
  return sharedLayout(`The MessageRing is damaged: there is ${what} in it`)
}
