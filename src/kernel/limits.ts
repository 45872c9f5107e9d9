// What the system and the runtime allow.

import { constants as bufferConstants } from 'node:buffer'
import { native } from '../native.js'

/** What {@link limits} reads. */
export interface Limits {
  /**
   * How many kernel mappings a process may have: /proc/sys/vm/max_map_count; proc(5). Without /proc, what
   * kernels come with: 65,530.
   */
  maxMapCount: number
  /**
   * How many bytes may be locked: RLIMIT_MEMLOCK, `Infinity` without a limit; getrlimit(2). Does not
   * bind a process with CAP_IPC_LOCK.
   */
  lockedBytes: number
  /** The most that one ArrayBuffer covers on this runtime, in bytes (4 GiB on Node 20). */
  maxBufferLength: number
}

export const maxBufferLength: number = bufferConstants.MAX_LENGTH

const usualMapCount = 65_530

/** The limits in force now. Reads a file of /proc; not for a hot path. */
export function limits(): Limits {
  const mapCountLimit = native.mapCountLimit()
  return {
    maxMapCount: mapCountLimit < 0 ? usualMapCount : mapCountLimit,
    lockedBytes: native.lockLimit() ?? Number.POSITIVE_INFINITY,
    maxBufferLength,
  }
}
