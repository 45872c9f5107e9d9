// What the system and the runtime allow.

import { constants as bufferConstants } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { native } from '../native.js'

/** What {@link limits} reads. */
export interface Limits {
  /** How many kernel mappings (VMAs) a process may have: /proc/sys/vm/max_map_count; proc(5). */
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

/** The limits in force now. Reads a file of /proc, which is too slow for a hot path. */
export function limits(): Limits {
  return {
    maxMapCount: Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8')),
    lockedBytes: native.lockLimit() ?? Number.POSITIVE_INFINITY,
    maxBufferLength,
  }
}
