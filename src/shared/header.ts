// The first 64 bytes of every structure in shared memory: what it is, in which version, and the numbers
// that it was made with. What stands in them is another process's word: it is read once, checked against
// the memory that there is, and never again.

import { options as optionsObject, type Values } from '../arguments.js'
import { invalidArgType, invalidArgValue, mappingClosed } from '../errors.js'
import { SharedMemory } from '../mapping.js'
import { type CreateSharedMemoryOptions, createNames } from '../sharing/segment.js'
import { sharedLayout } from './shared-errors.js'

/** A kind of structure, and how it lies in memory. */
export interface Layout {
  /** Of the class, for errors. */
  readonly name: string
  /** 1 to 2 ** 31 - 1, another one for each class. */
  readonly kind: number
  /** Another one for each change that older code would misread. */
  readonly version: number
}

/** Bytes; what the structure keeps begins after them, on a cache line of its own. */
export const headerBytes = 64
/** How many numbers a header has room for. */
export const mostParameters = 10

/** 'PXMM' in the order of the bytes. Written last, so that what is half made is nothing. */
const magic = 0x4d4d5850

/** Words of the header, of 32 bits. */
const word = { magic: 0, kind: 1, version: 2, bytesLow: 4, bytesHigh: 5, parameters: 6 } as const

function wordsOf(memory: SharedMemory): Int32Array {
  return memory.view(Int32Array, 0, headerBytes / 4)
}

function assertUsable(memory: unknown): asserts memory is SharedMemory {
  if (!(memory instanceof SharedMemory)) {
    throw invalidArgType('memory', 'an instance of SharedMemory', memory)
  }
  if (memory.closed) throw mappingClosed()
  if (memory.access !== 'read-write') {
    throw invalidArgValue('memory', memory, "must have access 'read-write'")
  }
}

/**
 * The options of a structure under its own names, and the rest, which are those of the memory.
 */
export function structureOptions(
  options: unknown,
  names: readonly string[],
): { values: Values; memory: CreateSharedMemoryOptions } {
  const values = optionsObject(options, [...names, ...createNames])
  const memory = Object.entries(values).filter(([name]) => !names.includes(name))
  return { values, memory: Object.fromEntries(memory) }
}

/**
 * Makes memory with a header, and whatever `prepare` writes behind it. Others find either all of that or
 * no structure at all. When `prepare` throws, nothing is left.
 *
 * @param parameters integers of 32 bits, at most {@link mostParameters}
 */
export function createStructure(
  layout: Layout,
  byteLength: number,
  options: CreateSharedMemoryOptions,
  parameters: readonly number[],
  prepare: (memory: SharedMemory) => void = () => {},
): SharedMemory {
  const memory = SharedMemory.create(byteLength, options)
  try {
    const words = wordsOf(memory)
    words[word.kind] = layout.kind
    words[word.version] = layout.version
    words[word.bytesLow] = memory.byteLength % 2 ** 32
    words[word.bytesHigh] = Math.floor(memory.byteLength / 2 ** 32)
    words.set(parameters, word.parameters)
    prepare(memory)
    Atomics.store(words, word.magic, magic)
    return memory
  } catch (error) {
    if (memory.name !== null) SharedMemory.unlink(memory.name)
    memory.unmap()
    throw error
  }
}

/**
 * The numbers that a structure was made with, {@link mostParameters} of them, as they stand in the
 * memory: whoever uses one checks its range first.
 *
 * @throws ERR_SHARED_LAYOUT for memory that holds no structure, another one, another version of it, or
 *   more than there is · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ERR_MAPPING_CLOSED
 */
export function readHeader(memory: unknown, layout: Layout): Int32Array {
  assertUsable(memory)
  const { name, kind, version } = layout
  if (memory.byteLength < headerBytes) {
    throw sharedLayout(`The memory has ${memory.byteLength} bytes, too few for any structure`)
  }
  const shared = wordsOf(memory)
  // After it the rest is complete.
  if (Atomics.load(shared, word.magic) !== magic) {
    throw sharedLayout(`The memory holds no ${name}: it is not made yet, or something else's`)
  }
  const words = shared.slice()
  if (words[word.kind] !== kind)
    throw sharedLayout(`The memory holds something else than a ${name}`)
  if (words[word.version] !== version) {
    const found = words[word.version]
    throw sharedLayout(
      `The ${name} in the memory has version ${found} of the layout, this package ${version}`,
    )
  }
  const low = (words[word.bytesLow] ?? 0) >>> 0
  const bytes = ((words[word.bytesHigh] ?? 0) >>> 0) * 2 ** 32 + low
  if (bytes !== memory.byteLength) {
    throw sharedLayout(`The ${name} has ${bytes} bytes, and the memory ${memory.byteLength}`)
  }
  return words.slice(word.parameters, word.parameters + mostParameters)
}

/** Opens a structure, and closes the memory again if it is none. */
export function opened<T>(memory: SharedMemory, attach: (memory: SharedMemory) => T): T {
  try {
    return attach(memory)
  } catch (error) {
    memory.unmap()
    throw error
  }
}
