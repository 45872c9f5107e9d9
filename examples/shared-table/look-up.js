// @ts-check
// The workers' side of the table: look-ups read the shared memory without copying it.

import { keyOf } from './cities.js'
import { columns, hashOf, readHeader } from './layout.js'

/**
 * @typedef {object} Answer
 * @property {number} rank 1 for the most populous of all
 * @property {number} population
 * @property {number} latitude
 * @property {number} longitude
 */

/**
 * @param {import('posix-mmap').Mapping} memory
 * @returns {(country: string, name: string) => Answer | null}
 */
export function lookUpIn(memory) {
  const table = columns(memory, readHeader(memory))
  const mask = table.slot.length - 1
  const encoder = new TextEncoder()
  const key = new Uint8Array(1024)

  const isKeyOf = (/** @type {number} */ city, /** @type {number} */ length) => {
    const start = at(table.keyStart, city)
    if (at(table.keyStart, city + 1) - start !== length) return false
    for (let i = 0; i < length; i++) if (table.key[start + i] !== key[i]) return false
    return true
  }

  return (country, name) => {
    const text = keyOf(country, name)
    const { read, written } = encoder.encodeInto(text, key)
    if (read !== text.length) return null // longer than any key in the table
    const hash = hashOf(key, 0, written)
    for (let slot = hash & mask; table.slot[slot] !== 0; slot = (slot + 1) & mask) {
      const city = at(table.slot, slot) - 1
      if (table.hash[city] !== hash || !isKeyOf(city, written)) continue
      return {
        rank: city + 1,
        population: at(table.population, city),
        latitude: at(table.latitude, city),
        longitude: at(table.longitude, city),
      }
    }
    return null
  }
}

/**
 * @param {Uint32Array | Float32Array} column
 * @param {number} index
 */
const at = (column, index) => /** @type {number} */ (column[index])
