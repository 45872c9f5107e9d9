// The memory of a ring: made, checked, and mapped so that no message wraps.

import { byteCount, oneOf, optional } from '../arguments.js'
import { outOfRange } from '../errors.js'
import { createMapping, type Mapping, type SharedMemory } from '../mapping.js'
import { pageSize } from '../native.js'
import { mirroredRegion } from '../sharing/mirrored.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import { placeOf, type Site } from '../sync/owner.js'
import type { Lock } from '../sync/robust-word.js'
import { createStructure, readHeader, structureOptions } from './header.js'
import { mostCapacity, type Ring, ringLayout, unitBytes, word } from './ring-layout.js'
import { lockAt } from './ring-lock.js'
import { sharedLayout } from './shared-errors.js'

/** How a {@link MessageRing} is made. */
export interface CreateMessageRingOptions extends CreateSharedMemoryOptions {
  /**
   * Who sends: `'many'` threads of any processes, the default; or only one at a time, `'single'`, which
   * costs less. The first thread that sends is that one, until it disposes of the ring or dies.
   */
  producers?: 'single' | 'many' | undefined
}

/** 'mrp' and 'mrc', and the version of the layout. */
const producersTag = 0x6d727001
const consumerTag = 0x6d726301
const lockBytes = 16

/** Where the numbers of a ring stand in its header. */
const parameter = { start: 0, capacity: 1, single: 2 } as const

export function createRing(byteLength: unknown, options: unknown): SharedMemory {
  const wanted = byteCount(byteLength, 'byteLength')
  const { values, memory } = structureOptions(options, ['producers'])
  const producers = optional(values['producers'], 'options.producers', (value, name) =>
    oneOf(value, name, ['single', 'many']),
  )
  if (wanted === 0 || wanted > mostCapacity) {
    throw outOfRange('byteLength', `>= 1 and <= ${mostCapacity}`, wanted)
  }
  const capacity = pageSize * Math.ceil(wanted / pageSize)
  const parameters = [pageSize, capacity, producers === 'single' ? 1 : 0]
  return createStructure(ringLayout, pageSize + capacity, memory, parameters)
}

interface Geometry {
  readonly start: number
  readonly capacity: number
  readonly single: boolean
}

function readGeometry(memory: SharedMemory): Geometry {
  const numbers = readHeader(memory, ringLayout)
  const start = numbers[parameter.start] ?? 0
  const capacity = numbers[parameter.capacity] ?? 0
  const single = numbers[parameter.single] ?? 0
  if (start <= 0 || start % pageSize !== 0 || capacity % pageSize !== 0) {
    throw sharedLayout(`The MessageRing was made for pages of another size than ${pageSize} bytes`)
  }
  const isFitting =
    capacity > 0 && capacity <= mostCapacity && start + capacity === memory.byteLength
  if (!isFitting || single < 0 || single > 1) {
    throw sharedLayout('The header of the MessageRing is damaged')
  }
  return { start, capacity, single: single === 1 }
}

/** What a MessageRing object works on. */
export interface RingMemory {
  readonly mapping: Mapping
  readonly site: Site
  readonly ring: Ring
  readonly capacity: number
  readonly producers: Lock
  readonly consumer: Lock
}

/** Maps the ring in `memory` for `object`. */
export function mapRing(object: object, memory: SharedMemory): RingMemory {
  const { start, capacity, single } = readGeometry(memory)
  const site = siteOf(object, memory)
  const mapping = createMapping(mirroredRegion(memory, start, start + capacity))
  const { buffer } = mapping
  const ring: Ring = {
    site,
    words: new Int32Array(buffer),
    base: start / 4,
    units: capacity / unitBytes,
    single,
    bytes: new Uint8Array(buffer),
    text: Buffer.from(buffer),
  }
  const locks = { producers: lockAt(ring, word.producers), consumer: lockAt(ring, word.consumer) }
  return { mapping, site, ring, capacity, ...locks }
}

function siteOf(object: object, memory: SharedMemory) {
  try {
    placeOf(object, memory, 4 * word.consumer, lockBytes, consumerTag)
    return placeOf(object, memory, 4 * word.producers, lockBytes, producersTag).site
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error
    throw sharedLayout('The locks of the MessageRing are damaged')
  }
}
