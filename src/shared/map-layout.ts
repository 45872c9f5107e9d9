// Where everything of a SharedMap lies, and the views of it that this thread has.

import type { SharedMemory } from '../mapping.js'
import { headerBytes, type Layout } from './header.js'
import { sharedLayout } from './shared-errors.js'

export const mapLayout: Layout = { name: 'SharedMap', kind: 2, version: 1 }

/** Space is given out in units; a reference to one is its number, and 0 refers to nothing. */
export const unitBytes = 32
export const unitWords = unitBytes / 4

/** Bytes from the start of the memory. */
export const mutexOffset = headerBytes
export const fillsOffset = 1024
/** One for each key that is being computed. */
export const fillSlots = 255
const statsOffset = 576
const bucketsOffset = fillsOffset + 16 * (fillSlots + 1)

/** Words of 32 bits from the start of the memory that only whoever has the lock changes. */
export const state = {
  size: 32,
  freeUnits: 33,
  /** Where the search for something to evict goes on: the first unit of a block. */
  hand: 34,
  /** The first of a chain of extents that belong to nobody: to be freed by whoever finds it. */
  pending: 35,
  /** No entry expires before this, in seconds; 0 when none does. */
  soonest: 36,
  /** How many words of the journal are to be stored. */
  journalLength: 48,
  journal: 49,
} as const

/** How many words a transaction changes at most. */
export const mostChanges = 40

/** The heads of the lists of free blocks, by size. */
export const headsWord = 160
export const classes = 64

/** Elements of the view of 64-bit words. */
export const counters = { hits: 0, misses: 1, evictions: 2, recoveries: 3 } as const

/** A bucket is a version, which is raised before anything that was in it is used anew, and a head. */
export const bucketWords = 2

export const evictions = ['none', 'lru'] as const
export const valueForms = ['clone', 'json', 'string', 'bytes'] as const
export type Eviction = (typeof evictions)[number]
export type ValueForm = (typeof valueForms)[number]

export const leastBytes = 8192
export const mostBytes = 2 ** 32 - 2 ** 12

/** What a map was made with. */
export interface Geometry {
  readonly byteLength: number
  readonly bucketBits: number
  readonly evict: Eviction
  readonly values: ValueForm
  /** 0 for as many as fit. */
  readonly maxEntries: number
  /** In milliseconds; 0 for no end. */
  readonly ttl: number
  readonly seed: number
}

const averageRecordBytes = 128
const leastBucketBits = 4
const mostBucketBits = 27

/** So many that most chains have one record. */
export function bucketBitsFor(byteLength: number, maxEntries: number): number {
  const room = byteLength / averageRecordBytes
  const wanted = maxEntries > 0 ? Math.min(maxEntries, 2 * room) : room
  const bits = Math.round(Math.log2(wanted))
  return Math.min(Math.max(bits, leastBucketBits), mostBucketBits)
}

function alignUp(offset: number): number {
  return Math.ceil(offset / 64) * 64
}

function placesOf(byteLength: number, bucketBits: number) {
  const marksOffset = alignUp(bucketsOffset + 2 ** bucketBits * bucketWords * 4)
  const units = Math.floor((byteLength - marksOffset - 64) / (unitBytes + 1))
  return { marksOffset, units, unitsOffset: alignUp(marksOffset + units) }
}

export function parametersOf(geometry: Geometry): number[] {
  const { bucketBits, evict, values, maxEntries, ttl, seed } = geometry
  const { units } = placesOf(geometry.byteLength, bucketBits)
  const high = Math.floor(ttl / 2 ** 32)
  const numbers = [evictions.indexOf(evict), valueForms.indexOf(values)]
  return [bucketBits, units, ...numbers, maxEntries, ttl % 2 ** 32, high, seed]
}

function chosen<T>(list: readonly T[], index: number | undefined): T {
  const value = list[index ?? -1]
  if (value === undefined) throw sharedLayout('The SharedMap in the memory has unknown options')
  return value
}

export function geometryFrom(parameters: Int32Array, byteLength: number): Geometry {
  const [bucketBits = 0, units, evict, values, maxEntries = 0, low = 0, high = 0, seed = 0] =
    parameters
  const sound =
    byteLength >= leastBytes &&
    byteLength <= mostBytes &&
    bucketBits >= leastBucketBits &&
    bucketBits <= mostBucketBits &&
    high >= 0 &&
    high < 2 ** 20 &&
    maxEntries >= 0 &&
    units === placesOf(byteLength, bucketBits).units &&
    units >= 2
  if (!sound) throw sharedLayout('The SharedMap in the memory has sizes that do not fit it')
  const ttl = high * 2 ** 32 + (low >>> 0)
  const options = { evict: chosen(evictions, evict), values: chosen(valueForms, values) }
  return { byteLength, bucketBits, maxEntries, ttl, seed, ...options }
}

/** The views of a map, and numbers of it that this thread has checked. */
export interface Views {
  readonly geometry: Geometry
  readonly words: Int32Array
  readonly bytes: Uint8Array
  readonly floats: Float64Array
  /** A byte for each unit: whether the record that begins there was used since the hand was there. */
  readonly marks: Uint8Array
  readonly counts: BigInt64Array
  readonly bucketMask: number
  readonly bucketsWord: number
  /** Of the unit 0, which is never given out. */
  readonly unitsWord: number
  readonly units: number
}

export function viewsOf(memory: SharedMemory, geometry: Geometry): Views {
  const { marksOffset, units, unitsOffset } = placesOf(geometry.byteLength, geometry.bucketBits)
  const end = unitsOffset + units * unitBytes
  return {
    geometry,
    words: memory.view(Int32Array, 0, end / 4),
    bytes: memory.bytes(0, end),
    floats: memory.view(Float64Array, 0, end / 8),
    marks: memory.bytes(marksOffset, units),
    counts: memory.view(BigInt64Array, statsOffset, 4),
    bucketMask: 2 ** geometry.bucketBits - 1,
    bucketsWord: bucketsOffset / 4,
    unitsWord: unitsOffset / 4,
    units,
  }
}

/** What stands in the memory contradicts itself. */
export function damaged(what: string): Error {
  return sharedLayout(`The SharedMap is damaged: ${what}`)
}
