// Reading a file into the page cache.

import { readSync } from 'node:fs'
import { type CachedFile, withPart } from './cached-file.js'

/** In bytes: the device is kept busy, and Ctrl-C and the progress bar do not wait long. */
const step = 2 ** 24

let buffer: Buffer | undefined

/**
 * read(2) — reads part of a file for what it leaves in the page cache.
 *
 * @returns how many bytes there were, fewer than `length` at the end of the file
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
 * MADV_POPULATE_READ, which copies nothing. What it cannot do is left to read(2): kernels before
 * 5.14 do not know it, and to a bad disk and a file that shrank it says only EFAULT.
 */
function populate(file: CachedFile, offset: number, length: number): number {
  try {
    withPart(file, offset, length, (part) => {
      // All of it is asked of the device before the first page is waited for.
      part.advise('willneed')
      part.populateSync()
    })
    return length
  } catch {
    return readThrough(file, offset, length)
  }
}

/** Reads all of a file, and tells of each step how many bytes it had. */
export function readIn(file: CachedFile, onStep: (bytes: number) => void): void {
  for (let offset = 0; offset < file.size; offset += step) {
    const length = Math.min(step, file.size - offset)
    const done = populate(file, offset, length)
    onStep(done)
    if (done < length) break
  }
}
