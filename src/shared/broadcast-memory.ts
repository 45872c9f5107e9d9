// The memory of a Broadcast: made, checked, and mapped.

import { byteCount, int32, oneOf, optional } from '../arguments.js'
import { outOfRange } from '../errors.js'
import { createMapping, type Mapping, type SharedMemory } from '../mapping.js'
import { pageSize } from '../native.js'
import { mirroredRegion } from '../sharing/mirrored.js'
import type { CreateSharedMemoryOptions } from '../sharing/segment.js'
import { placeOf, type Site } from '../sync/owner.js'
import type { Lock } from '../sync/robust-word.js'
import {
  broadcastLayout,
  bytesBefore,
  type Geometry,
  mostCapacity,
  mostReaders,
  word,
} from './broadcast-layout.js'
import { createStructure, readHeader, structureOptions } from './header.js'
import { sharedLayout } from './shared-errors.js'

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
const lockBytes = 16
/** Where the numbers stand in the header. */
const parameter = { start: 0, capacity: 1, messages: 2, readers: 3, blocks: 4 } as const
/** There is a place for a message in the table for so many bytes of the area. */
const bytesForMessage = 32

const roundUp = (bytes: number) => pageSize * Math.ceil(bytes / pageSize)

export function createBroadcast(byteLength: unknown, options: unknown): SharedMemory {
  const wanted = byteCount(byteLength, 'byteLength')
  const { values, memory } = structureOptions(options, ['policy', 'maxReaders'])
  const policy = optional(values['policy'], 'options.policy', (value, name) =>
    oneOf(value, name, ['drop-oldest', 'block']),
  )
  const readers = optional(values['maxReaders'], 'options.maxReaders', int32) ?? 64
  if (readers < 1 || readers > mostReaders) {
    throw outOfRange('options.maxReaders', `>= 1 and <= ${mostReaders}`, readers)
  }
  if (wanted === 0 || wanted > mostCapacity) {
    throw outOfRange('byteLength', `>= 1 and <= ${mostCapacity}`, wanted)
  }
  const capacity = roundUp(wanted)
  const messages = 2 ** Math.floor(Math.log2(capacity / bytesForMessage))
  const start = roundUp(bytesBefore(readers, messages))
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
  if (start <= 0 || start % pageSize !== 0 || capacity % pageSize !== 0) {
    throw sharedLayout(`The Broadcast was made for pages of another size than ${pageSize} bytes`)
  }
  const fits =
    capacity > 0 &&
    capacity <= mostCapacity &&
    start + capacity === memory.byteLength &&
    messages > 0 &&
    (messages & (messages - 1)) === 0 &&
    readers > 0 &&
    readers <= mostReaders &&
    bytesBefore(readers, messages) <= start
  if (!fits || blocks < 0 || blocks > 1) {
    throw sharedLayout('The header of the Broadcast is damaged')
  }
  return { start, capacity, messages, readers, blocks: blocks === 1 }
}

/** What a Broadcast object works on. */
export interface Channel {
  readonly geometry: Geometry
  readonly site: Site
  readonly mapping: Mapping
  /** All of the mapping. */
  readonly words: Int32Array
  /** All of the mapping, in which the area of messages stands twice. */
  readonly bytes: Uint8Array
  readonly text: Buffer
  readonly writer: Lock
}

/** Maps what `memory` holds for `object`. */
export function mapBroadcast(object: object, memory: SharedMemory): Channel {
  const geometry = readGeometry(memory)
  const { start, capacity } = geometry
  const site = siteOf(object, memory)
  const mapping = createMapping(mirroredRegion(memory, start, start + capacity))
  const words = new Int32Array(mapping.buffer)
  const bytes = new Uint8Array(mapping.buffer)
  const text = Buffer.from(mapping.buffer)
  const writer = {
    site,
    words: words.subarray(word.writer, word.writer + 2),
    offset: 4 * word.writer,
  }
  return { geometry, site, mapping, words, bytes, text, writer }
}

function siteOf(object: object, memory: SharedMemory): Site {
  try {
    return placeOf(object, memory, 4 * word.writer, lockBytes, writerTag).site
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_INVALID_ARG_VALUE') throw error
    throw sharedLayout('The lock of the Broadcast is damaged')
  }
}
