// @ts-check
// The primary's side of the table: it fills the table once.

import { SharedMemory } from 'posix-mmap'
import { keyOf } from './cities.js'
import { byteLength, columns, hashOf, sizeFor, writeHeader } from './layout.js'

/**
 * The table in shared memory, sealed: only this process can still write to it.
 *
 * @param {import('./cities.js').City[]} cities the most populous first
 */
export function buildTable(cities) {
  const keys = cities.map(({ country, name }) => Buffer.from(keyOf(country, name)))
  const size = sizeFor(
    cities.length,
    keys.reduce((sum, key) => sum + key.length, 0),
  )
  const memory = SharedMemory.create(byteLength(size), { label: 'cities' })
  writeHeader(memory, size)
  const table = columns(memory, size)

  let end = 0
  for (const [number, city] of cities.entries()) {
    const key = /** @type {Buffer} */ (keys[number])
    table.population[number] = city.population
    table.longitude[number] = city.loc.coordinates[0]
    table.latitude[number] = city.loc.coordinates[1]
    table.keyStart[number] = end
    table.key.set(key, end)
    end += key.length
    const hash = hashOf(key, 0, key.length)
    table.hash[number] = hash
    table.slot[freeSlot(table.slot, hash)] = number + 1
  }
  table.keyStart[cities.length] = end

  memory.sealWrites()
  return memory
}

/**
 * @param {Uint32Array} slots
 * @param {number} hash
 */
function freeSlot(slots, hash) {
  let slot = hash & (slots.length - 1)
  while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1)
  return slot
}
