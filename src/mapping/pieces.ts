// Long work on a range, cut into pieces. Between two of them JavaScript runs, and V8 can stop there:
// for worker.terminate(), for process.exit() in another thread, for the timeout of node:vm.

import { type Handle, native } from '../native.js'

/** How long the pieces are, in bytes: powers of two that are whole pages. */
export interface Pace {
  /** The first piece, and what a range must exceed to be cut at all. */
  readonly least: number
  readonly most: number
}

const mebibyte = 1 << 20

/** For work that reads or writes every byte, and perhaps waits for a disk. */
export const contentPace: Pace = { least: mebibyte, most: 16 * mebibyte }
/** For work that faults pages in, during which another thread's mmap(2) waits. */
export const faultPace: Pace = { least: mebibyte, most: 4 * mebibyte }
/** For msync(2), whose every call may have the device empty its cache. */
export const flushPace: Pace = { least: 16 * mebibyte, most: 64 * mebibyte }
/** For work on page tables alone. */
export const tablePace: Pace = { least: 64 * mebibyte, most: 1024 * mebibyte }

// A piece that took less is followed by one twice as long, one that took more by one half as long, so
// that a thread stops within 100 ms whether the bytes are in memory or on a slow disk.
const shortMs = 10
const longMs = 40

function paced(length: number, pace: Pace, milliseconds: number): number {
  if (milliseconds < shortMs) return Math.min(2 * length, pace.most)
  return milliseconds > longMs ? Math.max(length / 2, pace.least) : length
}

/** Works on bytes `offset … offset + length`, which lie inside the mapping. */
export type Work<T> = (offset: number, length: number) => T

/**
 * Does `work` on a range from its start to its end for as long as that returns `well`, and returns what
 * it returned last.
 */
export function inPieces<T>(
  handle: Handle,
  offset: number,
  length: number,
  pace: Pace,
  well: T,
  work: Work<T>,
): T {
  if (length <= pace.least) return work(offset, length)
  const end = offset + length
  let result = well
  let piece = pace.least
  for (let at = offset; at < end && result === well; ) {
    const stop = native.pieceEnd(handle, at, end, piece)
    if (stop <= at) return work(at, end - at) // closed in the meantime: the work says so
    const started = performance.now()
    result = work(at, stop - at)
    piece = paced(piece, pace, performance.now() - started)
    at = stop
  }
  return result
}

/** The same from the end of the range to its start. */
export function inPiecesBackward<T>(
  handle: Handle,
  offset: number,
  length: number,
  pace: Pace,
  well: T,
  work: Work<T>,
): T {
  if (length <= pace.least) return work(offset, length)
  let result = well
  let piece = pace.least
  for (let end = offset + length; end > offset && result === well; ) {
    const start = native.pieceStart(handle, offset, end, piece)
    if (start < 0) return work(offset, end - offset)
    const started = performance.now()
    result = work(start, end - start)
    piece = paced(piece, pace, performance.now() - started)
    end = start
  }
  return result
}
