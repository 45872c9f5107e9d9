// How a Broadcast lies in memory: words, a table of readers, a table of where messages begin, and behind
// them the area of messages, which is mapped a second time behind itself so that none wraps.
//
// Messages are counted by numbers of 32 bits that wrap. The writer says first that the oldest message is
// gone, and only then writes over it; a reader copies, and looks afterwards whether what it copied was
// still there.

import { sharedLayout } from './shared-errors.js'

export const broadcastLayout = { name: 'Broadcast', kind: 4, version: 1 } as const

/** Words of 32 bits from the start of the memory, on cache lines of their own. */
export const word = {
  /** The lock of the writer: a tag, the word of the lock. */
  writer: 16,
  /** How many messages there were so far. Readers sleep on it. */
  tail: 32,
  /** 0, or {@link sleeperMark} of the number that a reader may sleep for. */
  sleepers: 33,
  /** The number of the oldest message that is there. */
  oldest: 48,
  /** A reader's number moved, where the writer may wait for that. */
  readers: 64,
} as const

/** Words of one reader: its owner, 0 for none, and the number of the message that comes next. */
export const readerWords = 2
/** Messages begin at a multiple of so many bytes, with their length in the first four. */
export const unitBytes = 8
export const lengthBytes = 4
export const mostReaders = 65_535

export interface Geometry {
  /** Bytes before the area of messages; whole pages. */
  readonly start: number
  /** Of the area of messages, in bytes; whole pages. */
  readonly capacity: number
  /** How many messages can be there at once; a power of two. */
  readonly messages: number
  readonly readers: number
  /** Whether the writer waits for readers. */
  readonly blocks: boolean
}

/** The word at which the table of messages begins. */
export function messageTable({ readers }: Geometry): number {
  return word.readers + readerWords * readers
}

/** In bytes, without rounding. */
export function bytesBefore(readers: number, messages: number): number {
  return 4 * (word.readers + readerWords * readers + messages)
}

/** How far one number is behind another; negative when it is ahead. */
export function behind(number: number, other: number): number {
  return (other - number) | 0
}

/** What a reader leaves in `sleepers` that sleeps for the message of a number; never 0. */
export function sleeperMark(number: number): number {
  return (number << 1) | 1
}

export function damaged(what: string): Error {
  return sharedLayout(`The Broadcast is damaged: there is ${what} in it`)
}
