// @ts-check
// Counters that all workers add to. They have memory of their own, since the table is sealed against
// writing.

import { SharedMemory } from 'posix-mmap'

const letters = 26
const first = 'A'.charCodeAt(0)

/** One word for each pair of letters, and one for questions without an answer. */
const words = letters * letters + 1

export function createCounters() {
  return SharedMemory.create(words * Int32Array.BYTES_PER_ELEMENT, { label: 'counters' })
}

/** @param {SharedMemory} memory */
export function countersIn(memory) {
  const counts = memory.view(Int32Array)
  return {
    /** @param {string} country */
    answered: (country) => void Atomics.add(counts, indexOf(country), 1),
    missed: () => void Atomics.add(counts, words - 1, 1),
    /** @param {string} country */
    ofCountry: (country) => Atomics.load(counts, indexOf(country)),
    ofMissed: () => Atomics.load(counts, words - 1),
  }
}

/** @param {string} country */
function indexOf(country) {
  return (country.charCodeAt(0) - first) * letters + country.charCodeAt(1) - first
}
