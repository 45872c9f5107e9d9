// Seals: what nobody may do with a memfd any more, not even its creator; fcntl(2).

import { constants } from 'node:os'
import { systemError } from './errors.js'
import { constant, native } from './native.js'

const names = {
  seal: 'F_SEAL_SEAL',
  shrink: 'F_SEAL_SHRINK',
  grow: 'F_SEAL_GROW',
  write: 'F_SEAL_WRITE',
  'future-write': 'F_SEAL_FUTURE_WRITE',
  exec: 'F_SEAL_EXEC',
} as const

/**
 * `'shrink'`, `'grow'`: change its size. `'write'`: write to it. `'future-write'`: write to it
 * except through mappings that exist. `'exec'`: make it executable (Linux 6.3). `'seal'`: add seals.
 */
export type Seal = keyof typeof names

const allSeals = Object.keys(names) as Seal[]

/** The seals of a descriptor; none for what cannot be sealed. */
export function sealsOf(fd: number): Seal[] {
  const seals = native.getSeals(fd)
  if (seals === -constants.errno.EINVAL) return []
  if (seals < 0) throw systemError(seals, 'fcntl')
  return allSeals.filter((seal) => (seals & constant(names[seal])) !== 0)
}

/** Adds what is not there yet: the last seal forbids even to add one again. */
export function addSeals(fd: number, path: string | null, ...seals: Seal[]): void {
  const present = sealsOf(fd)
  const missing = seals.filter((seal) => !present.includes(seal))
  if (missing.length === 0) return
  const result = native.addSeals(
    fd,
    missing.reduce((all, seal) => all | constant(names[seal]), 0),
  )
  if (result < 0) throw systemError(result, 'fcntl', path)
}
