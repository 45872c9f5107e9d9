// The side of the writers: one at a time, it looks for a slot that is not the newest and that nobody
// holds, fills it, and makes it the newest by one store. What one leaves behind that is killed before
// that store is a slot that nobody holds.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { type Attempt, attemptSync } from '../sync/attempts.js'
import { wake } from '../sync/futex.js'
import type { Place } from '../sync/owner.js'
import { lockAttempt, repeat, state, unlockAttempt } from '../sync/robust-word.js'
import { sharedFull, sharedLayout } from './shared-errors.js'
import {
  entriesUsed,
  entryAt,
  given,
  inEntry,
  inSlot,
  latest,
  requested,
  sleepers,
  slotAt,
  slotOf,
  wideNumber,
  wordsOffset,
} from './snapshot-layout.js'
import { deadAmong, type SnapshotWords, takeOver } from './snapshot-reader.js'

function lockSlowly(lock: Pick<Place, 'site' | 'words' | 'offset'>, timeout: number): void {
  const { site, words } = lock
  const locked = attemptSync({ site, words, attempt: lockAttempt(lock) }, timeout)
  if (locked !== undefined) return
  throw systemError(-constants.errno.ETIMEDOUT, 'publish', null, ' (another writer is at work)')
}

/** Runs `body` as the only writer. */
export function asWriter<R>(shared: SnapshotWords, timeout: number, body: () => R): R {
  const { site, words } = shared
  const lock = { site, words, offset: wordsOffset }
  if (Atomics.compareExchange(words, state, 0, site.owner) === 0) site.held++
  else lockSlowly(lock, timeout)
  // Nothing is to be repaired after an owner that died.
  site.inconsistent.delete(lock.offset)
  try {
    return body()
  } finally {
    repeat(() => unlockAttempt(lock))
  }
}

/** Who holds slots: a bit for each, and what is known of those that hold them. */
interface Holders {
  held: number
  /** Slots that this thread holds itself. */
  own: number
  /** Entries that hold something, and their owners. */
  readonly entries: Map<number, number>
}

/** The bits of the slots that an entry holds. */
function heldBy({ words, geometry: { slots } }: SnapshotWords, at: number, newest: number): number {
  // The request first: a reader that takes what was given notes that it holds it, and then clears this.
  let request = Atomics.load(words, at + inEntry.request)
  if (request === requested && newest >= 0) {
    const gift = newest + given
    const found = Atomics.compareExchange(words, at + inEntry.request, requested, gift)
    request = found === requested ? gift : found
  }
  let held = request >= given && request < given + slots ? 1 << (request - given) : 0
  for (let slot = 0; slot < slots; slot++) {
    if (Atomics.load(words, at + inEntry.holds + slot) !== 0) held |= 1 << slot
  }
  return held
}

/** The bits of the slots that are held. */
function heldByAny(shared: SnapshotWords, newest: number, holders?: Holders): number {
  const { site, words, geometry } = shared
  const used = Math.min(Atomics.load(words, entriesUsed), geometry.readers)
  let all = 0
  for (let entry = 0; entry < used; entry++) {
    const at = entryAt(geometry, entry)
    const owner = Atomics.load(words, at + inEntry.owner)
    if (owner === 0) continue
    const held = heldBy(shared, at, newest)
    all |= held
    if (holders === undefined || held === 0) continue
    if (owner === site.owner) holders.own |= held
    holders.entries.set(at, owner)
  }
  return all
}

function findHolders(shared: SnapshotWords, newest: number): Holders {
  const holders: Holders = { held: 0, own: 0, entries: new Map() }
  holders.held = heldByAny(shared, newest, holders)
  return holders
}

/** Takes away what dead readers hold; false if there are none. */
function clearDead(shared: SnapshotWords, { entries }: Holders): boolean {
  const dead = deadAmong(shared.site, new Set(entries.values()))
  let cleared = false
  for (const [at, owner] of entries) {
    if (!dead.has(owner) || !takeOver(shared, at, owner)) continue
    Atomics.store(shared.words, at + inEntry.owner, 0)
    cleared = true
  }
  return cleared
}

/** The first slot after the newest that is not among those of `held`, -1 if there is none. */
function firstFree(slots: number, newest: number, held: number): number {
  for (let step = 1; step <= slots; step++) {
    const slot = (newest + step) % slots
    if (slot !== newest && (held & (1 << slot)) === 0) return slot
  }
  return -1
}

/** Finds a slot to write to, or says how long to wait for one. */
function freeSlotAttempt(shared: SnapshotWords): Attempt<number> {
  const { words, geometry } = shared
  const find = (sleep: Parameters<Attempt<number>>[0], mayClear: boolean): number | undefined => {
    const word = Atomics.load(words, latest)
    const newest = slotOf(word, geometry.slots)
    const holders = findHolders(shared, newest)
    const slot = firstFree(geometry.slots, newest, holders.held)
    if (slot >= 0) return slot
    if (mayClear && clearDead(shared, holders)) return find(sleep, false)
    // Waiting would not end: this thread cannot let go meanwhile.
    if (firstFree(geometry.slots, newest, holders.own) < 0) throw allHeld('this thread')
    return sleep.until(latest, word, 'anything')
  }
  return (sleep) => find(sleep, true)
}

function allHeld(who: string): Error {
  return sharedFull(
    `Every slot of the Snapshot but the newest is held by ${who}: nothing was published`,
  )
}

/** How long a writer sleeps at most, in milliseconds, before it looks at the readers again. */
const slice = 2

/** A slot that is the writer's alone. */
export function freeSlot(shared: SnapshotWords, timeout: number): number {
  const { site, words, geometry } = shared
  const newest = slotOf(Atomics.load(words, latest), geometry.slots)
  const free = firstFree(geometry.slots, newest, heldByAny(shared, newest))
  if (free >= 0) return free
  const attempt = freeSlotAttempt(shared)
  const slot = attemptSync({ site, words, attempt, slice }, timeout)
  if (slot === undefined) throw allHeld(`readers that are alive, for more than ${timeout} ms`)
  return slot
}

/** Slots that nobody needs, for who is the writer: not the newest, nor held by a reader that is alive. */
export function unneededSlots(shared: SnapshotWords): number[] {
  const { words, geometry } = shared
  const newest = slotOf(Atomics.load(words, latest), geometry.slots)
  clearDead(shared, findHolders(shared, newest))
  const held = heldByAny(shared, newest)
  const all = Array.from({ length: geometry.slots }, (_, slot) => slot)
  return all.filter((slot) => slot !== newest && (held & (1 << slot)) === 0)
}

/** Makes a slot that was filled the newest one. */
export function makeNewest(
  { words, geometry }: SnapshotWords,
  slot: number,
  length: number,
): number {
  const word = Atomics.load(words, latest)
  const version = versionIn(words, slotOf(word, geometry.slots)) + 1
  if (!Number.isSafeInteger(version)) {
    throw sharedLayout('The Snapshot is damaged, or has had 2 ** 53 versions')
  }
  const at = slotAt(slot)
  words[at + inSlot.versionLow] = version % 2 ** 32
  words[at + inSlot.versionHigh] = Math.floor(version / 2 ** 32)
  words[at + inSlot.lengthLow] = length % 2 ** 32
  words[at + inSlot.lengthHigh] = Math.floor(length / 2 ** 32)
  Atomics.store(words, latest, (((word >>> 4) + 1) << 4) | (slot + 1))
  if (Atomics.exchange(words, sleepers, 0) !== 0) wake(words, latest, Number.POSITIVE_INFINITY)
  return version
}

/** Of what a slot holds; 0 for no slot. */
export function versionIn(words: Int32Array, slot: number): number {
  if (slot < 0) return 0
  const at = slotAt(slot)
  return wideNumber(words[at + inSlot.versionLow] ?? 0, words[at + inSlot.versionHigh] ?? 0)
}
