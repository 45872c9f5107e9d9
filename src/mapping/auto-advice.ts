// Read-ahead that a thread of the package chooses, native/posix/threads/auto_advice.h: a program that looks
// at views makes no call that could do it.

import os from 'node:os'
import { constant, type Handle, native, type Result } from '../native.js'

/** What the page cache may get of the memory; the rest is the program's own, and other programs'. */
const shareOfFiles = 3 / 4

/** How much of a file can be in memory, in bytes: of the machine, or of a container's limit. */
function roomForFiles(): number {
  const limit = process.constrainedMemory?.() ?? 0
  const memory = os.totalmem()
  return Math.floor(shareOfFiles * (limit > 0 ? Math.min(limit, memory) : memory))
}

export function chooseReadAhead(handle: Handle): Result {
  return native.startAutoAdvice(handle, roomForFiles())
}

const readAheadAdvice = ['MADV_NORMAL', 'MADV_RANDOM', 'MADV_SEQUENTIAL'].map(constant)

/** Before other advice is given: for read-ahead the thread would soon set its own again. */
export function endChoice(handle: Handle, advice: number): void {
  if (readAheadAdvice.includes(advice)) native.stopAutoAdvice(handle)
}
