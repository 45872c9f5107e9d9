// Seals: each forbids an operation on a memfd for good, even to its creator; fcntl(2).

import { constants } from 'node:os'
import { checked, constant, native } from '../native.js'
import type { Access } from './protection.js'

/** The constants of fcntl(2) by their names here. */
const names = {
  seal: 'F_SEAL_SEAL',
  shrink: 'F_SEAL_SHRINK',
  grow: 'F_SEAL_GROW',
  write: 'F_SEAL_WRITE',
  'future-write': 'F_SEAL_FUTURE_WRITE',
  exec: 'F_SEAL_EXEC',
} as const

/**
 * What a seal forbids. `'shrink'`, `'grow'`: to make the memory smaller or larger. `'write'`: to
 * write to it. `'future-write'`: to write to it except through mappings that exist already.
 * `'exec'`: to make it executable (Linux 6.3). `'seal'`: to add seals.
 */
export type Seal = keyof typeof names

const allSeals = Object.keys(names) as Seal[]

/** The seals of a descriptor; none for a file that cannot be sealed. */
export function sealsOf(fd: number): Seal[] {
  const seals = native.getSeals(fd)
  if (seals === -constants.errno.EINVAL) return []
  checked(seals, 'fcntl')
  return allSeals.filter((seal) => (seals & constant(names[seal])) !== 0)
}

/**
 * Adds the seals that are missing. After 'seal', fcntl(2) refuses even those that are set already.
 */
export function addSeals(fd: number, path: string | null, ...seals: Seal[]): void {
  const present = sealsOf(fd)
  const missing = seals.filter((seal) => !present.includes(seal))
  if (missing.length === 0) return
  const bits = missing.reduce((all, seal) => all | constant(names[seal]), 0)
  checked(native.addSeals(fd, bits), 'fcntl', path)
}

export function isSealedAgainstWrites(fd: number): boolean {
  const seals = sealsOf(fd)
  return seals.includes('write') || seals.includes('future-write')
}

/**
 * Whether no access to a mapping of the first `length` bytes of a descriptor can fault: memory that is sealed
 * against shrinking keeps the size that it has after that, and a writable mapping allows every access.
 */
export function cannotFault(fd: number, access: Access, length: number): boolean {
  // In this order: it may be cut until it is sealed.
  return access === 'read-write' && sealsOf(fd).includes('shrink') && native.fileSize(fd) >= length
}
