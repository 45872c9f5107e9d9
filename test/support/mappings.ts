// Checks and data for tests of all kinds of mappings.

import { type Access, type Mapping, pageSize } from 'posix-mmap'

export const accesses: readonly Access[] = ['read', 'read-write', 'copy-on-write']

export function everything(mapping: Mapping): Buffer {
  return mapping.read(0, mapping.byteLength)
}

/**
 * Parts of a file of more than three pages. Other bytes of the file lie in the page in which a part
 * starts or ends.
 */
export const partsWithNeighbours = [
  { offset: 0, length: 100 },
  { offset: 3, length: pageSize },
  { offset: pageSize - 3, length: 10 },
  { offset: pageSize + 3, length: pageSize },
  { offset: 0, length: pageSize + 1 },
  { offset: 2 * pageSize, length: pageSize - 1 },
]
