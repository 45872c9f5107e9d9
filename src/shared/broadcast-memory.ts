// The memory of a Broadcast: made, checked, and mapped.

import { int32, oneOf, optional } from '../arguments.js'
import { outOfRange } from '../errors.js'
import type { SharedMemory } from '../mapping.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import type { AtomicWords } from '../sync/atomic-words.js'
import type { Site } from '../sync/owner.js'
import type { Lock } from '../sync/robust-word.js'
import {
  broadcastLayout,
  bytesBefore,
  type Geometry,
  mostReaders,
  word,
} from './broadcast-layout.js'
import { createStructure, readHeader, structureOptions } from './header.js'
import {
  type Area,
  assertArea,
  capacityFor,
  mapArea,
  siteOfLocks,
  wholePages,
} from './message-area.js'
import { lockAt } from './message-lock.js'

/** How a {@link Broadcast} is made. */
export interface CreateBroadcastOptions extends CreateSharedMemoryOptions {
  /**
   * What makes room for a new message: `'drop-oldest'`, the default, takes the oldest away, whoever has not
   * received it yet; with `'block'` there is none until all readers have received it.
   */
  policy?: 'drop-oldest' | 'block' | undefined
  /** How many readers there may be at once, 1 to 65535, default 64. */
  maxReaders?: number | undefined
}

/** 'bcw' and the version of the layout. */
const writerTag = 0x62637701
/** Where the numbers stand in the header. */
const parameter = { start: 0, capacity: 1, messages: 2, readers: 3, blocks: 4 } as const
/** There is a place for a message in the table for so many bytes of the area. */
const bytesForMessage = 32

export function createBroadcast(byteLength: unknown, options: unknown): SharedMemory {
  const capacity = capacityFor(byteLength)
  const { values, memory } = structureOptions(options, ['policy', 'maxReaders'])
  const policy = optional(values['policy'], 'options.policy', (value, name) =>
    oneOf(value, name, ['drop-oldest', 'block']),
  )
  const readers = optional(values['maxReaders'], 'options.maxReaders', int32) ?? 64
  if (readers < 1 || readers > mostReaders) {
    throw outOfRange('options.maxReaders', `>= 1 and <= ${mostReaders}`, readers)
  }
  const messages = 2 ** Math.floor(Math.log2(capacity / bytesForMessage))
  const start = wholePages(bytesBefore(readers, messages))
  const parameters = [start, capacity, messages, readers, policy === 'block' ? 1 : 0]
  return createStructure(broadcastLayout, start + capacity, memory, parameters)
}

function readGeometry(memory: SharedMemory): Geometry {
  const numbers = readHeader(memory, broadcastLayout)
  const at = (index: number) => numbers[index] ?? 0
  const start = at(parameter.start)
  const capacity = at(parameter.capacity)
  const messages = at(parameter.messages)
  const readers = at(parameter.readers)
  const blocks = at(parameter.blocks)
  const isSound =
    messages > 0 &&
    (messages & (messages - 1)) === 0 &&
    readers > 0 &&
    readers <= mostReaders &&
    bytesBefore(readers, messages) <= start &&
    blocks >= 0 &&
    blocks <= 1
  assertArea(broadcastLayout, memory, start, capacity, isSound)
  return { start, capacity, messages, readers, blocks: blocks === 1 }
}

/** What a Broadcast object works on. */
export interface Channel extends Area, AtomicWords {
  readonly geometry: Geometry
  readonly site: Site
  readonly user: object
  readonly writer: Lock
}

/** Maps what `memory` holds for `object`. */
export function mapBroadcast(object: object, memory: SharedMemory): Channel {
  const geometry = readGeometry(memory)
  const site = siteOfLocks(broadcastLayout, object, memory, [word.writer, writerTag])
  const area = mapArea(memory, geometry.start, geometry.capacity)
  const shown = site.shownFor(memory.byteLength)
  const words = { site, words: area.words, shown, offset: 0, user: object }
  return { ...area, ...words, geometry, writer: lockAt(words, word.writer) }
}
