// Why the kernel refuses a call, where its errno does not say.

import { Madvise } from '../kernel/flags.js'
import { native } from '../native.js'
import type { Region } from './region.js'

/** A remark for each code that it explains. */
type Remarks = Partial<Record<string, string>>

/** Adds the remark that fits to what `call` throws. */
export function explaining<T>(remarks: () => Remarks, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException
    const isOfSystem = error.syscall !== undefined
    const remark = isOfSystem ? remarks()[error.code ?? ''] : undefined
    if (remark !== undefined) {
      error.message += ` (${remark})`
      // The stack begins with the message as it was.
      Error.captureStackTrace(error, explaining)
    }
    throw error
  }
}

export function ofDiscard({ facts }: Region): Remarks {
  const isShared = facts.fileOffset !== null && facts.access !== 'copy-on-write'
  return {
    EINVAL: isShared
      ? 'discard() is for private memory; punchHole() frees the blocks of a file and of shared memory'
      : 'locked pages are not discarded: unlock() first',
  }
}

export function ofPunchHole({ facts }: Region): Remarks {
  const isPrivate = facts.fileOffset === null || facts.access === 'copy-on-write'
  return {
    EINVAL: isPrivate
      ? 'punchHole() is for files and shared memory; discard() empties private memory'
      : 'pages that are locked keep their blocks: unlock() first',
    EACCES: 'the mapping may only be read',
    EPERM: 'the memory is sealed against writing',
    ENOTSUP: 'the file system cannot make holes',
  }
}

export function ofProtect({ facts }: Region): Remarks {
  return {
    EACCES: `the file was mapped with access '${facts.access}', from a descriptor that is open for reading only`,
  }
}

export function ofGuard(): Remarks {
  const isKnown = native.madviseSupported(Madvise.GUARD_INSTALL)
  return { EINVAL: isKnown ? 'locked pages cannot be guard pages' : 'guard pages need Linux 6.13' }
}
