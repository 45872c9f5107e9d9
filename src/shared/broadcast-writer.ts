// The steps of the writer, under its lock. A message is there when it is counted, which is stored last:
// whoever dies before that has published nothing.

import { atomic } from '../sync/atomic-words.js'
import type { again, Sleep } from '../sync/attempts.js'
import { wake } from '../sync/futex.js'
import {
  behind,
  damaged,
  type Geometry,
  lengthBytes,
  messageTable,
  readerWords,
  sleeperMark,
  unitBytes,
  word,
} from './broadcast-layout.js'
import type { Channel } from './broadcast-memory.js'
import { leave, take } from './message-lock.js'
import { fenceStores, plain } from './plain-words.js'

/** What is published. */
export type Message = Uint8Array | string

const bytesTaken = (length: number) => unitBytes * Math.ceil((lengthBytes + length) / unitBytes)

/** The longest message, in bytes: all of the area but what says how long it is. */
export function longestMessage({ geometry }: Channel): number {
  return geometry.capacity - unitBytes
}

function placeInTable(geometry: Geometry, number: number): number {
  return messageTable(geometry) + (number & (geometry.messages - 1))
}

/** Where a message that is there begins, in bytes from the start of the area. */
export function placeOfMessage({ geometry, words }: Channel, number: number): number {
  return plain.load(words, placeInTable(geometry, number))
}

/** The length of the message at a place, or -1 for what no writer has left there. */
export function lengthAt({ geometry, words }: Channel, place: number): number {
  const { start, capacity } = geometry
  if (place < 0 || place >= capacity || place % unitBytes !== 0) return -1
  const length = plain.load(words, (start + place) / 4)
  return length >= 0 && length <= capacity - unitBytes ? length : -1
}

/** The next multiple of a unit behind a message, in bytes from the start of the area. */
function placeBehind(channel: Channel, number: number): number {
  const place = placeOfMessage(channel, number)
  const length = lengthAt(channel, place)
  if (length < 0) throw damaged('a message of no length')
  const { capacity } = channel.geometry
  const next = place + bytesTaken(length)
  return next >= capacity ? next - capacity : next
}

/** Whether a reader is dead. What is no owner at all was not written by this package. */
export function isGone({ site }: Channel, owner: number): boolean {
  return owner < 0 || site.isDead(owner)
}

/** The number that no reader who lives is behind; the oldest where one has received nothing since. */
function leastAwaited(channel: Channel, oldest: number, tail: number): number {
  const { geometry } = channel
  const all = behind(oldest, tail)
  let least = all
  const end = word.readers + readerWords * geometry.readers
  for (let at = word.readers; at < end; at += readerWords) {
    const owner = atomic.load(channel, at)
    if (owner === 0) continue
    const rest = behind(oldest, atomic.load(channel, at + 1))
    if (rest >= all || rest >= least) continue
    // Whoever is gone does not wait.
    if (isGone(channel, owner)) {
      atomic.compareExchange(channel, at, owner, 0)
      continue
    }
    least = Math.max(rest, 0)
  }
  return (oldest + least) | 0
}

/** Whether so many bytes are free at `place`, with the messages from `oldest` on still there. */
function fits(channel: Channel, oldest: number, tail: number, place: number, bytes: number) {
  const { capacity, messages } = channel.geometry
  const count = behind(oldest, tail)
  if (count === 0) return true
  if (count >= messages) return false
  const first = placeOfMessage(channel, oldest)
  const used = place < first ? place - first + capacity : place - first
  // Full is not empty: there are messages.
  return used !== 0 && used + bytes <= capacity
}

function publishNow(channel: Channel, message: Message, length: number): boolean {
  const { geometry, words, bytes, text } = channel
  const tail = plain.load(words, word.tail)
  const first = plain.load(words, word.oldest)
  const count = behind(first, tail)
  if (count < 0 || count > geometry.messages) throw damaged(`a count of ${count} messages`)
  const place = count === 0 ? 0 : placeBehind(channel, (tail - 1) | 0)
  const taken = bytesTaken(length)
  let oldest = first
  if (!fits(channel, oldest, tail, place, taken)) {
    const limit = geometry.blocks ? leastAwaited(channel, oldest, tail) : tail
    do {
      if (oldest === limit) return false
      oldest = (oldest + 1) | 0
    } while (!fits(channel, oldest, tail, place, taken))
  }
  if (oldest !== first) {
    atomic.store(channel, word.oldest, oldest)
    fenceStores(words, word.oldest)
  }
  const start = geometry.start + place
  plain.store(words, start / 4, length)
  if (typeof message === 'string') text.write(message, start + lengthBytes)
  else bytes.set(message, start + lengthBytes)
  plain.store(words, placeInTable(geometry, tail), place)
  atomic.store(channel, word.tail, (tail + 1) | 0)
  return true
}

/** Wakes the readers that sleep, if any may. */
function wakeReaders(channel: Channel): void {
  const sleepers = atomic.load(channel, word.sleepers)
  if (sleepers === 0) return
  wake(channel.words, word.tail, Number.POSITIVE_INFINITY)
  // One that is about to sleep for the message to come has left another mark.
  const mark = sleeperMark(atomic.load(channel, word.tail) - 1)
  atomic.compareExchange(channel, word.sleepers, mark, 0)
}

/** One try to publish, which waits while another thread does: whether there was room. */
export function tryPublish(
  channel: Channel,
  message: Message,
  length: number,
  sleep: Sleep,
): boolean | typeof again | undefined {
  const { writer } = channel
  const taken = take(channel, writer, sleep)
  if (taken !== true) return taken
  let published: boolean
  try {
    published = publishNow(channel, message, length)
  } finally {
    leave(channel, writer)
  }
  if (published) wakeReaders(channel)
  return published
}
