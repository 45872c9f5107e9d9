// Access and protection: the words of this package, and the bits of mmap(2) and mprotect(2).

import { oneOf } from '../arguments.js'
import { constant } from '../native.js'

/**
 * How a file is mapped. `'read'`: MAP_SHARED, PROT_READ. `'read-write'`: MAP_SHARED, stores change
 * the file. `'copy-on-write'`: MAP_PRIVATE, stores stay in this mapping.
 */
export type Access = 'read' | 'read-write' | 'copy-on-write'

/** What may be done with pages; mprotect(2). */
export type Protection = 'none' | 'read' | 'read-write'

const none = constant('PROT_NONE')
const read = constant('PROT_READ')
const write = constant('PROT_WRITE')

const bits: Readonly<Record<Protection, number>> = { none, read, 'read-write': read | write }

export function protectionBits(protection: Protection): number {
  return bits[protection]
}

/**
 * The word for PROT_* bits. Those with PROT_EXEC, which has no word, get the one that comes
 * nearest.
 */
export function protectionOf(prot: number): Protection {
  if ((prot & write) !== 0) return 'read-write'
  return prot === none ? 'none' : 'read'
}

export function protectionOfAccess(access: Access): Protection {
  return access === 'read' ? 'read' : 'read-write'
}

export function sharingFlag(access: Access): number {
  return constant(access === 'copy-on-write' ? 'MAP_PRIVATE' : 'MAP_SHARED')
}

export function checkAccess(value: unknown, name: string): Access {
  return oneOf(value, name, ['read', 'read-write', 'copy-on-write'])
}

export function checkProtection(value: unknown, name: string): Protection {
  return oneOf(value, name, ['none', 'read', 'read-write'])
}
