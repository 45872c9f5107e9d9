// The memory of a ring: made, checked, and mapped so that no message wraps.

import { oneOf, optional } from '../arguments.js'
import type { Mapping, SharedMemory } from '../mapping.js'
import { pageSize } from '../native.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import type { Site } from '../sync/owner.js'
import type { Lock } from '../sync/robust-word.js'
import { createStructure, readHeader, structureOptions } from './header.js'
import { assertArea, capacityFor, mapArea, siteOfLocks } from './message-area.js'
import { lockAt } from './message-lock.js'
import { type Ring, ringLayout, unitBytes, word } from './ring-layout.js'

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

/** Where the numbers of a ring stand in its header. */
const parameter = { start: 0, capacity: 1, single: 2 } as const

export function createRing(byteLength: unknown, options: unknown): SharedMemory {
  const capacity = capacityFor(byteLength)
  const { values, memory } = structureOptions(options, ['producers'])
  const producers = optional(values['producers'], 'options.producers', (value, name) =>
    oneOf(value, name, ['single', 'many']),
  )
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
  assertArea(ringLayout, memory, start, capacity, single >= 0 && single <= 1)
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
  const site = siteOfLocks(
    ringLayout,
    object,
    memory,
    [word.producers, producersTag],
    [word.consumer, consumerTag],
  )
  const { mapping, ...views } = mapArea(memory, start, capacity)
  const ring: Ring = {
    ...views,
    site,
    shown: site.shownFor(memory.byteLength),
    offset: 0,
    user: object,
    base: start / 4,
    units: capacity / unitBytes,
    single,
  }
  const locks = { producers: lockAt(ring, word.producers), consumer: lockAt(ring, word.consumer) }
  return { mapping, site, ring, capacity, ...locks }
}
