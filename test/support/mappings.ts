// What the tests say of mappings of every kind.

import { type Access, type Mapping, pageSize } from 'posix-mmap'

export const accesses: readonly Access[] = ['read', 'read-write', 'copy-on-write']

export function everything(mapping: Mapping): Buffer {
  return mapping.read(0, mapping.byteLength)
}

/** Parts of a file of more than three pages, with other bytes of it in the page of their start or end. */
export const partsWithNeighbours = [
  { offset: 0, length: 100 },
  { offset: 3, length: pageSize },
  { offset: pageSize - 3, length: 10 },
  { offset: pageSize + 3, length: pageSize },
  { offset: 0, length: pageSize + 1 },
  { offset: 2 * pageSize, length: pageSize - 1 },
]
