// Where the parts of a Snapshot lie: behind the header the lock of the writers and the word that says
// which slot is the newest, what each slot holds, an entry for each reader, and the slots themselves.

import { headerBytes, type Layout } from './header.js'
import { sharedLayout } from './shared-errors.js'

export const snapshotLayout: Layout = { name: 'Snapshot', kind: 1, version: 1 }

/** 'snp' and the version of the layout. */
export const tag = 0x736e7001
/** Where the words begin, in bytes from the start of the memory. */
export const wordsOffset = headerBytes
/** What readers and writers share lies on cache lines of its own. */
const line = 64
const lineWords = line / 4

// Words, counted from wordsOffset; 0 and 1 are the tag and the state of the lock.

/** 0 before the first publish, then {@link slotBits} with the slot + 1, and above them a count. */
export const latest = lineWords
/** Not 0: somebody may sleep until the latest word changes. */
export const sleepers = 2 * lineWords
/** No entry at this index or behind it was ever used. */
export const entriesUsed = 3 * lineWords
const slotHeaders = 4 * lineWords

export const slotBits = 0xf
/** An entry is one line: its owner, its request, and a count of holds for each slot. */
export const mostSlots = lineWords - 2
export const mostReaders = 65536

/** Words of what a slot holds. */
export const inSlot = { versionLow: 0, versionHigh: 1, lengthLow: 2, lengthHigh: 3 } as const
/** Words of an entry. */
export const inEntry = { owner: 0, request: 1, holds: 2 } as const

/** A request: nothing, to be given a slot, or the slot that was given + this. */
export const noRequest = 0
export const requested = 1
export const given = 2

export interface Geometry {
  readonly slots: number
  readonly readers: number
  /** The most bytes of one snapshot. */
  readonly capacity: number
  /** How many words there are, from {@link wordsOffset} on. */
  readonly words: number
  /** Of the first slot, in bytes from the start of the memory, and from one slot to the next. */
  readonly data: number
  readonly stride: number
  readonly byteLength: number
}

const roundUp = (bytes: number) => Math.ceil(bytes / line) * line

export function geometryOf(capacity: number, slots: number, readers: number): Geometry {
  const words = slotHeaders + (slots + readers) * lineWords
  const data = wordsOffset + words * 4
  const stride = roundUp(capacity)
  return { slots, readers, capacity, words, data, stride, byteLength: data + slots * stride }
}

/** Where the words of a slot begin, and those of an entry. */
export const slotAt = (slot: number) => slotHeaders + slot * lineWords
export const entryAt = ({ slots }: Geometry, entry: number) =>
  slotHeaders + (slots + entry) * lineWords

export function parametersOf({ slots, readers, capacity }: Geometry): number[] {
  return [slots, readers, capacity % 2 ** 32, Math.floor(capacity / 2 ** 32)]
}

/** The geometry that a header tells, if it can be that of memory of this length. */
export function geometryFrom(parameters: Int32Array, byteLength: number): Geometry {
  const [slots = 0, readers = 0, low = 0, high = 0] = parameters
  const capacity = (high >>> 0) * 2 ** 32 + (low >>> 0)
  const possible =
    slots >= 2 && slots <= mostSlots && readers >= 1 && readers <= mostReaders && capacity >= 1
  const geometry = geometryOf(capacity, slots, readers)
  if (!possible || geometry.byteLength !== byteLength) {
    const numbers = `${slots} slots of ${capacity} bytes for ${readers} readers`
    throw sharedLayout(
      `The header of the Snapshot is damaged: ${numbers} are not ${byteLength} bytes`,
    )
  }
  return geometry
}

/** The slot that a latest word names, -1 for none. */
export function slotOf(word: number, slots: number): number {
  const slot = (word & slotBits) - 1
  if (slot >= slots) throw sharedLayout(`The Snapshot is damaged: it has no slot ${slot}`)
  return slot
}

/** A number of 53 bits in two words. */
export function wideNumber(low: number, high: number): number {
  // Most are small, and then need no arithmetic of doubles.
  return high === 0 ? low >>> 0 : (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}
