// Maps that are used again and again: each one that is made takes descriptors until it is collected.

import { SharedMap, type SharedMapOptions } from 'posix-mmap/shared'
import { afterAll } from 'vitest'

/** A map, and what brings it back to how it was after `prepare`. */
export function reusable(
  byteLength: number,
  options: SharedMapOptions,
  prepare: (map: SharedMap) => void = () => {},
): () => SharedMap {
  const map = SharedMap.create(byteLength, options)
  afterAll(() => map[Symbol.dispose]())
  prepare(map)
  const bytes = map.memory.bytes()
  const before = bytes.slice()
  return () => {
    bytes.set(before)
    return map
  }
}
