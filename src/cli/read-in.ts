// Reads a file into the page cache.

import { readSync } from 'node:fs'
import type { Extent } from './byte-range.js'
import { type CachedFile, withPart } from './cached-file.js'
import { append, inPairs, type Runs } from './runs.js'

/**
 * Large enough to keep the device busy, small enough for Ctrl-C and the progress bar not to wait
 * long.
 */
const stepBytes = 2 ** 24

/** Up to so many, copying them takes less time than mapping them. */
const copiedBytes = 2 ** 17

let buffer: Buffer | undefined

/**
 * read(2) — reads part of a file, which leaves it in the page cache, and discards the bytes.
 *
 * @returns how many bytes were read, fewer than `length` at the end of the file
 */
export function readThrough({ fd }: CachedFile, offset: number, length: number): number {
  buffer ??= Buffer.allocUnsafeSlow(2 ** 20)
  let done = 0
  while (done < length) {
    const wanted = Math.min(buffer.length, length - done)
    const count = readSync(fd, buffer, 0, wanted, offset + done)
    if (count === 0) break
    done += count
  }
  return done
}

/**
 * madvise(2) with MADV_POPULATE_READ — reads part of a file in without copying it. Where that fails,
 * read(2) does it, or reports why it cannot be done: kernels before 5.14 do not know this advice, and
 * its EFAULT does not tell a bad disk from a file that shrank.
 */
function populate(file: CachedFile, offset: number, length: number): number {
  if (length <= copiedBytes) return readThrough(file, offset, length)
  try {
    withPart(file, offset, length, (part) => {
      // Requests the whole part from the device before the next call waits for its first page.
      part.advise('willneed')
      part.populateSync()
    })
    return length
  } catch {
    return readThrough(file, offset, length)
  }
}

/** Reads part of a file in, and calls `onStep` after each step with the number of bytes that it read. */
export function readIn(
  file: CachedFile,
  { offset, length }: Extent,
  onStep: (bytes: number) => void,
): void {
  const end = offset + length
  for (let at = offset; at < end; at += stepBytes) {
    const step = Math.min(stepBytes, end - at)
    const done = populate(file, at, step)
    onStep(done)
    if (done < step) break
  }
}

/** What is mapped at once where ranges lie far from each other. */
const windowBytes = 2 ** 30

/**
 * madvise(2) — reads ranges in and nothing else of the file: MADV_RANDOM keeps the kernel from reading on
 * behind them. All are requested before the first one is waited for.
 */
function populateOnly(file: CachedFile, runs: Runs): void {
  const offset = runs[0] ?? 0
  const pieces = inPairs(runs)
  try {
    withPart(file, offset, (runs.at(-1) ?? 0) - offset, (part) => {
      part.advise('random')
      for (const [at, length] of pieces) part.advise('willneed', at - offset, length)
      for (const [at, length] of pieces) part.populateSync({ offset: at - offset, length })
    })
  } catch {
    for (const [at, length] of pieces) readThrough(file, at, length)
  }
}

/**
 * Reads ranges of a file in, all of which it has, and calls `onStep` after each step with the number of
 * bytes that it read.
 */
export function readRunsIn(file: CachedFile, runs: Runs, onStep: (bytes: number) => void): void {
  let step: number[] = []
  let bytes = 0
  const read = () => {
    if (step.length > 0) populateOnly(file, step)
    onStep(bytes)
    step = []
    bytes = 0
  }
  for (const [offset, length] of inPairs(runs)) {
    for (let at = offset; at < offset + length; at += stepBytes) {
      const end = Math.min(at + stepBytes, offset + length)
      if (step.length > 0 && end - (step[0] ?? 0) > windowBytes) read()
      append(step, at, end)
      bytes += end - at
      if (bytes >= stepBytes) read()
    }
  }
  read()
}
