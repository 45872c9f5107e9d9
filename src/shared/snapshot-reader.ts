// The side of the readers. A reader notes in its entry which slot it holds, and looks whether that slot
// is still the newest: then no writer has it, and none will take it before the note is gone. A reader that
// was overtaken twice asks the writers for a slot, and the next publish gives it one: so a read ends
// after a few steps, however fast the writers are.

import type { Site } from '../sync/owner.js'
import { ownerBits } from '../sync/owner-bits.js'
import { sharedFull, sharedLayout } from './shared-errors.js'
import {
  entriesUsed,
  entryAt,
  type Geometry,
  given,
  inEntry,
  latest,
  mostReaders,
  noRequest,
  requested,
  slotBits,
  slotOf,
} from './snapshot-layout.js'

/** Words of one snapshot, as one thread sees them. */
export interface SnapshotWords {
  readonly site: Site
  readonly words: Int32Array
  readonly geometry: Geometry
}

/** After which a reader asks for a slot; and when it has long been due, and nobody plays by the rules. */
const attemptsAlone = 2
const attemptsAtMost = 1000

/** Makes an entry of an owner that is dead this thread's, and empty. */
export function takeOver({ site, words }: SnapshotWords, at: number, owner: number): boolean {
  // Its owner first: whoever else takes it over may clear nothing any more.
  if (Atomics.compareExchange(words, at, owner, site.owner) !== owner) return false
  for (let index = at + inEntry.request; index < entryEnd(at); index++) {
    Atomics.store(words, index, 0)
  }
  return true
}

const entryEnd = (at: number) => at + 16

/** Which of these words of owners, none of them 0, are of owners that are gone. */
export function deadAmong(site: Site, owners: Iterable<number>): Set<number> {
  const asked = [...owners].filter((owner) => owner !== site.owner)
  // What no owner is called was not written by this package.
  const dead = new Set(asked.filter((owner) => owner < 0 || owner >= ownerBits))
  const list = Int32Array.from(asked.filter((owner) => !dead.has(owner)))
  if (list.length > 0) site.findDead(list)
  for (const owner of list) if (owner !== 0) dead.add(owner)
  return dead
}

/** Makes a word at least this, in a few tries: whoever was faster has raised it as well. */
function raise(words: Int32Array, index: number, least: number): void {
  for (let attempt = 0; attempt < mostReaders; attempt++) {
    const found = Atomics.load(words, index)
    if (found >= least || Atomics.compareExchange(words, index, found, least) === found) return
  }
}

function claimEntry(shared: SnapshotWords): number {
  const { site, words, geometry } = shared
  const owners = new Map<number, number>()
  for (let entry = 0; entry < geometry.readers; entry++) {
    const at = entryAt(geometry, entry)
    // Before it is used, so that writers look at it.
    raise(words, entriesUsed, entry + 1)
    const owner = Atomics.compareExchange(words, at, 0, site.owner)
    if (owner === 0) return at
    owners.set(at, owner)
  }
  const dead = deadAmong(site, new Set(owners.values()))
  for (const [at, owner] of owners) {
    if (dead.has(owner) && takeOver(shared, at, owner)) return at
  }
  throw sharedFull(
    `The Snapshot has ${geometry.readers} readers already, and all of them are alive`,
  )
}

/** What an entry is given back by, also when its reader was collected. */
interface Claim {
  readonly shared: SnapshotWords
  readonly at: number
}

function giveBack({ shared: { site, words }, at }: Claim): void {
  Atomics.store(words, at + inEntry.request, noRequest)
  Atomics.compareExchange(words, at, site.owner, 0)
}

const collected = new FinalizationRegistry<Claim>(giveBack)

/** One that reads; has an entry from its first read on. */
export class SnapshotReader {
  readonly #words: Int32Array
  readonly #shared: SnapshotWords
  readonly #slots: number
  /** How often this reader holds each slot: the words in memory are others' to write as well. */
  readonly #holds = new Int32Array(slotBits)
  #held = 0
  #at = 0
  #leaving = false

  constructor(shared: SnapshotWords) {
    this.#shared = shared
    this.#words = shared.words
    this.#slots = shared.geometry.slots
  }

  /** Holds the newest slot and returns it; -1 when there is none. */
  acquire(): number {
    const words = this.#words
    // Not atomic, which takes a quarter of the time of a read: an old value is noticed below.
    const word = words[latest] as number
    const slot = (word & slotBits) - 1
    if (slot >= 0 && slot < this.#slots && this.#at !== 0) {
      this.#hold(slot)
      if (Atomics.load(words, latest) === word) return slot
      this.release(slot)
    }
    return this.#acquireSlowly()
  }

  release(slot: number): void {
    this.#held--
    const holds = (this.#holds[slot] as number) - 1
    this.#holds[slot] = holds
    Atomics.store(this.#words, this.#at + inEntry.holds + slot, holds)
    if (this.#leaving) this.leave()
  }

  /** Gives the entry back, once nothing is held any more. */
  leave(): void {
    this.#leaving = true
    if (this.#held > 0 || this.#at === 0) return
    collected.unregister(this)
    giveBack({ shared: this.#shared, at: this.#at })
    this.#at = 0
  }

  #hold(slot: number): void {
    this.#held++
    const holds = (this.#holds[slot] as number) + 1
    this.#holds[slot] = holds
    Atomics.store(this.#words, this.#at + inEntry.holds + slot, holds)
  }

  #acquireSlowly(): number {
    const words = this.#words
    if (slotOf(Atomics.load(words, latest), this.#slots) < 0) return -1
    if (this.#at === 0) this.#claim()
    for (let attempt = 0; attempt < attemptsAtMost; attempt++) {
      const word = Atomics.load(words, latest)
      const slot = slotOf(word, this.#slots)
      if (slot < 0) break
      this.#hold(slot)
      if (Atomics.load(words, latest) === word) {
        if (attempt > attemptsAlone) this.#withdraw()
        return slot
      }
      this.release(slot)
      if (attempt < attemptsAlone) continue
      const gift = this.#request()
      if (gift >= 0) return gift
    }
    this.#withdraw()
    throw sharedLayout('The Snapshot is damaged: its newest slot never stays the same')
  }

  #claim(): void {
    this.#at = claimEntry(this.#shared)
    const claim = { shared: this.#shared, at: this.#at }
    // The words must stay until the entry was given back.
    this.#shared.site.addUser(claim)
    collected.register(this, claim, this)
  }

  /** Asks for a slot, or takes what was given: then it is held. */
  #request(): number {
    const index = this.#at + inEntry.request
    const found = Atomics.compareExchange(this.#words, index, noRequest, requested)
    const slot = found - given
    if (slot < 0 || slot >= this.#slots) return -1
    // In this order, for writers, who look at the request first: one of the two always says so.
    this.#hold(slot)
    Atomics.store(this.#words, index, noRequest)
    return slot
  }

  /** Of a slot that was given as well, nothing is held but the request. */
  #withdraw(): void {
    Atomics.store(this.#words, this.#at + inEntry.request, noRequest)
  }
}
