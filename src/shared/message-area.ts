// What MessageRing and Broadcast have alike: words, and behind them an area of messages that is mapped a
// second time behind itself, so that no message wraps.

import { byteCount } from '../arguments.js'
import { outOfRange } from '../errors.js'
import { createMapping, type Mapping, type SharedMemory } from '../mapping.js'
import { pageSize } from '../native.js'
import { mirroredRegion } from '../sharing/mirrored.js'
import { placeOf, type Site } from '../sync/owner.js'
import type { Layout } from './header.js'
import { sharedLayout } from './shared-errors.js'

/** The most that the area may have, in bytes. */
const mostCapacity = 2 ** 30

export function wholePages(bytes: number): number {
  return pageSize * Math.ceil(bytes / pageSize)
}

/** The bytes of an area for so many of messages. */
export function capacityFor(byteLength: unknown): number {
  const wanted = byteCount(byteLength, 'byteLength')
  if (wanted === 0 || wanted > mostCapacity) {
    throw outOfRange('byteLength', `>= 1 and <= ${mostCapacity}`, wanted)
  }
  return wholePages(wanted)
}

/**
 * Checks what a header says: `start` bytes, and behind them an area of `capacity` bytes that ends with
 * the memory. `isSound` says whether the rest of the header is.
 */
export function assertArea(
  { name }: Layout,
  memory: SharedMemory,
  start: number,
  capacity: number,
  isSound: boolean,
): void {
  if (start <= 0 || start % pageSize !== 0 || capacity % pageSize !== 0) {
    throw sharedLayout(`The ${name} was made for pages of another size than ${pageSize} bytes`)
  }
  const fits = capacity > 0 && capacity <= mostCapacity && start + capacity === memory.byteLength
  if (!fits || !isSound) throw sharedLayout(`The header of the ${name} is damaged`)
}

/** A lock among the words: the word of its tag, and the tag. */
export type LockWord = readonly [at: number, tag: number]

const lockBytes = 16

/** The site of `object`, which has these locks. */
export function siteOfLocks(
  { name }: Layout,
  object: object,
  memory: SharedMemory,
  first: LockWord,
  ...others: LockWord[]
): Site {
  const place = ([at, tag]: LockWord) => placeOf(object, memory, 4 * at, lockBytes, tag)
  try {
    for (const other of others) place(other)
    return place(first).site
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error
    const locks = others.length === 0 ? 'lock' : 'locks'
    throw sharedLayout(`The ${locks} of the ${name} ${others.length === 0 ? 'is' : 'are'} damaged`)
  }
}

/** All of the memory, with the area twice. */
export interface Area {
  readonly mapping: Mapping
  readonly words: Int32Array
  readonly bytes: Uint8Array
  readonly text: Buffer
}

export function mapArea(memory: SharedMemory, start: number, capacity: number): Area {
  const mapping = createMapping(mirroredRegion(memory, start, start + capacity))
  const { buffer } = mapping
  return {
    mapping,
    words: new Int32Array(buffer),
    bytes: new Uint8Array(buffer),
    text: Buffer.from(buffer),
  }
}
