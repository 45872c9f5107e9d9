// The steps of a reader, which takes no lock: it copies a message, and looks afterwards whether the writer
// has taken it away meanwhile.

import { atomic } from '../sync/atomic-words.js'
import { type Attempt, again } from '../sync/attempts.js'
import { behind, damaged, lengthBytes, readerWords, sleeperMark, word } from './broadcast-layout.js'
import type { Channel } from './broadcast-memory.js'
import { isGone, lengthAt, placeOfMessage } from './broadcast-writer.js'
import { sharedFull } from './shared-errors.js'

/** A reader's place among the readers. */
export interface Cursor {
  readonly channel: Channel
  /** The word of its owner; the one behind it is the number of the message that comes next. */
  readonly at: number
  next: number
  /** Messages that were taken away before it has received them. */
  missed: number
}

/** Takes a free place, or that of a reader who died. */
export function claimCursor(channel: Channel, fromOldest: boolean): Cursor {
  const { geometry, site } = channel
  const first = word.readers
  const places = Array.from({ length: geometry.readers }, (_, i) => first + readerWords * i)
  const claim = (at: number, before: number) => {
    if (atomic.compareExchange(channel, at, before, site.owner) !== before) return undefined
    const next = atomic.load(channel, fromOldest ? word.oldest : word.tail)
    atomic.store(channel, at + 1, next)
    return { channel, at, next, missed: 0 }
  }
  for (const at of places) {
    const cursor = atomic.load(channel, at) === 0 ? claim(at, 0) : undefined
    if (cursor !== undefined) return cursor
  }
  for (const at of places) {
    const owner = atomic.load(channel, at)
    const cursor = isGone(channel, owner) ? claim(at, owner) : undefined
    if (cursor !== undefined) return cursor
  }
  throw sharedFull(
    `The Broadcast has ${geometry.readers} readers already, and all of them are alive`,
  )
}

export function leaveCursor({ channel, at }: Cursor): void {
  atomic.compareExchange(channel, at, channel.site.owner, 0)
}

function advance(cursor: Cursor, next: number): void {
  cursor.next = next
  atomic.store(cursor.channel, cursor.at + 1, next)
}

/** How many messages there are for a reader. */
export function lagOf({ channel, next }: Cursor): number {
  const oldest = atomic.load(channel, word.oldest)
  const tail = atomic.load(channel, word.tail)
  const waiting = behind(next, tail)
  const there = behind(oldest, tail)
  return Math.max(0, Math.min(waiting, there))
}

/** So often a reader may be overtaken in one call; a writer who never lets it read is no writer. */
const mostTries = 1000

/** A copy of the next message; null if there is none. */
export function takeNext(cursor: Cursor): Uint8Array<ArrayBuffer> | null {
  const { channel } = cursor
  const { geometry, words, bytes } = channel
  for (let tries = 0; tries < mostTries; tries++) {
    // In this order: a writer that goes on in between would be ahead of itself.
    const oldest = atomic.load(channel, word.oldest)
    const tail = atomic.load(channel, word.tail)
    const waiting = behind(cursor.next, tail)
    if (waiting <= 0) {
      // Nobody counts backwards.
      if (waiting < 0) advance(cursor, tail)
      return null
    }
    const lost = behind(cursor.next, oldest)
    if (lost > 0) {
      if (lost > waiting) throw damaged('an oldest message that was not published')
      cursor.missed += lost
      advance(cursor, oldest)
      continue
    }
    const number = cursor.next
    const place = placeOfMessage(channel, number)
    const length = lengthAt(channel, place)
    const start = geometry.start + place + lengthBytes
    const copy = length < 0 ? null : bytes.slice(start, start + length)
    // A read-modify-write, which no load before it may pass on any processor.
    const now = Atomics.or(words, word.oldest, 0)
    if (behind(number, now) > 0) continue
    if (copy === null) throw damaged('a message of no length')
    advance(cursor, (number + 1) | 0)
    return copy as Uint8Array<ArrayBuffer>
  }
  throw damaged('a writer that is always faster')
}

/** The next message, or what to wait for. */
export function nextAttempt(cursor: Cursor): Attempt<Uint8Array<ArrayBuffer>> {
  const { channel } = cursor
  return (sleep) => {
    const message = takeNext(cursor)
    if (message !== null) return message
    atomic.store(channel, word.sleepers, sleeperMark(cursor.next))
    // Published before the mark was there.
    if (atomic.load(channel, word.tail) !== cursor.next) return again
    return sleep.until(word.tail, cursor.next, 'value')
  }
}
