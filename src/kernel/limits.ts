// What the system and the runtime allow.

import { constants as bufferConstants } from 'node:buffer'
import { native } from '../native.js'

/** What {@link limits} reads. */
export interface Limits {
  /**
   * How many kernel mappings (VMAs) a process may have: /proc/sys/vm/max_map_count; proc(5). Without
   * /proc, what kernels come with: 65,530.
   */
  maxMapCount: number
  /**
   * How many bytes a process may lock: RLIMIT_MEMLOCK, `Infinity` without a limit; getrlimit(2). A
   * process with CAP_IPC_LOCK may lock more.
   */
  lockedBytes: number
  /** How many bytes one ArrayBuffer can have on this runtime (4 GiB on Node 20). */
  maxBufferLength: number
}

export const maxBufferLength: number = bufferConstants.MAX_LENGTH

const usualMapCount = 65_530

/**
 * getrlimit(2) and proc(5) — the limits in force now. Reads a file of /proc, which is too slow for a hot path.
 * Never throws.
 */
export function limits(): Limits {
  const mapCountLimit = native.mapCountLimit()
  return {
    maxMapCount: mapCountLimit < 0 ? usualMapCount : mapCountLimit,
    lockedBytes: native.lockLimit() ?? Number.POSITIVE_INFINITY,
    maxBufferLength,
  }
}
