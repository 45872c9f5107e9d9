// Why the kernel refuses a call, where its errno does not say.

import { constants } from 'node:os'
import { Madvise } from '../kernel/flags.js'
import { native, type Result } from '../native.js'
import type { Region } from './region.js'

/** What a result of a call on a region means; undefined where its errno says enough. */
export type Refusal = (result: Result, region: Region) => string | undefined

const { EACCES, EINVAL, ENOTSUP, EPERM } = constants.errno

const isShared = ({ facts }: Region) =>
  facts.fileOffset !== null && facts.access !== 'copy-on-write'

export const ofDiscard: Refusal = (result, region) => {
  if (result !== -EINVAL) return undefined
  return isShared(region)
    ? 'discard() is for private memory; punchHole() frees the blocks of a file and of shared memory'
    : 'locked pages are not discarded: unlock() first'
}

export const ofPunchHole: Refusal = (result, region) => {
  if (result === -EACCES) return 'the mapping may only be read'
  if (result === -EPERM) return 'the memory is sealed against writing'
  if (result === -ENOTSUP) return 'the file system cannot make holes'
  if (result !== -EINVAL) return undefined
  return isShared(region)
    ? 'pages that are locked keep their blocks: unlock() first'
    : 'punchHole() is for files and shared memory; discard() empties private memory'
}

export const ofProtect: Refusal = (result, { facts }) => {
  if (result !== -EACCES) return undefined
  return `the file was mapped with access '${facts.access}', from a descriptor that is open for reading only`
}

export const ofGuard: Refusal = (result) => {
  if (result !== -EINVAL) return undefined
  const isKnown = native.madviseSupported(Madvise.GUARD_INSTALL)
  return isKnown ? 'locked pages cannot be guard pages' : 'guard pages need Linux 6.13'
}
