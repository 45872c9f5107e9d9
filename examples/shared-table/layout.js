// @ts-check
// The layout of the table: columns of numbers one after the other, a hash table with open addressing, and
// the keys at the end. All offsets follow from three numbers in the header, so the bytes mean the same in
// every process, at whatever address it maps them.

/**
 * @typedef {object} Size
 * @property {number} cities
 * @property {number} slots of the hash table, a power of two
 * @property {number} keyBytes
 */

const headerWords = 4
const bytesPerCity = 5 * Uint32Array.BYTES_PER_ELEMENT

/**
 * @param {number} cities
 * @param {number} keyBytes
 * @returns {Size}
 */
export function sizeFor(cities, keyBytes) {
  // The hash table is between a third and two thirds full, so a look-up takes about two steps.
  return { cities, slots: 2 ** Math.ceil(Math.log2(cities * 1.5)), keyBytes }
}

/** @param {Size} size */
export function byteLength({ cities, slots, keyBytes }) {
  return headerWords * 4 + cities * bytesPerCity + 4 + slots * 4 + keyBytes
}

/**
 * Views of the columns; nothing is copied.
 *
 * @param {import('posix-mmap').Mapping} memory
 * @param {Size} size
 */
export function columns(memory, { cities, slots, keyBytes }) {
  let offset = headerWords * 4
  /**
   * @template {ArrayBufferView} T
   * @param {import('posix-mmap').TypedArrayConstructor<T>} type
   * @param {number} length
   */
  const next = (type, length) => {
    const view = memory.view(type, offset, length)
    offset += view.byteLength
    return view
  }
  return {
    population: next(Uint32Array, cities),
    latitude: next(Float32Array, cities),
    longitude: next(Float32Array, cities),
    /** The hash of each key: most keys that do not match differ in it and need not be compared. */
    hash: next(Uint32Array, cities),
    /** Where each key starts; one more entry says where the last key ends. */
    keyStart: next(Uint32Array, cities + 1),
    /** The number of a city plus 1; 0 for a free slot. */
    slot: next(Uint32Array, slots),
    key: next(Uint8Array, keyBytes),
  }
}

const magic = 0x43495459

/**
 * @param {import('posix-mmap').Mapping} memory
 * @param {Size} size
 */
export function writeHeader(memory, size) {
  memory.view(Uint32Array, 0, headerWords).set([magic, size.cities, size.slots, size.keyBytes])
}

/**
 * @param {import('posix-mmap').Mapping} memory
 * @returns {Size}
 */
export function readHeader(memory) {
  const [mark, cities = 0, slots = 0, keyBytes = 0] = memory.view(Uint32Array, 0, headerWords)
  const size = { cities, slots, keyBytes }
  if (mark !== magic || byteLength(size) > memory.byteLength) throw new Error('no table of cities')
  return size
}

/**
 * FNV-1a over the first `length` bytes from `start`.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} length
 */
export function hashOf(bytes, start, length) {
  let hash = 0x811c9dc5
  for (let i = start; i < start + length; i++) {
    hash = Math.imul(hash ^ /** @type {number} */ (bytes[i]), 0x01000193)
  }
  return hash >>> 0
}
