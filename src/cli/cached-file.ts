// Opens files, and maps parts of them.

import { closeSync, constants, openSync } from 'node:fs'
import { type Mapping, mapFile } from '../index.js'
import { native, newFileIdentity } from '../native.js'
import { unusableFile } from './errors.js'
import { forNode } from './paths.js'

/** A file that is open. */
export class CachedFile {
  readonly path: string
  readonly fd: number
  /** In bytes. */
  readonly size: number
  /** Device and inode: the same for each name of a file, and for no two files. */
  readonly identity: string | number

  constructor(path: string, fd: number, size: number) {
    this.path = path
    this.fd = fd
    this.size = size
    this.identity = lastIdentity()
  }

  close(): void {
    closeSync(this.fd)
  }
}

/** The last file that was opened, as fileSize() stores it. */
const identity = newFileIdentity()
const halves = new Uint32Array(identity.buffer)

/** A number where one can hold both: making text of two 64-bit numbers takes longer than opening the file. */
function lastIdentity(): string | number {
  // By index: an iterator would take longer than the rest of this function.
  const device = halves[0] ?? 0
  const isShort = halves[1] === 0 && halves[3] === 0 && device < 2 ** 20
  return isShort ? device * 2 ** 32 + (halves[2] ?? 0) : `${identity[0]}:${identity[1]}`
}

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants

export function openCached(path: string): CachedFile {
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
  const fd = openSync(forNode(path), O_RDONLY | O_NOCTTY | O_NONBLOCK)
  const size = native.fileSize(fd, identity)
  if (size >= 0) return new CachedFile(path, fd, size)
  closeSync(fd)
  throw unusableFile(size, path)
}

/** Maps part of a file for `body`. */
export function withPart<R>(
  { fd }: CachedFile,
  offset: number,
  length: number,
  body: (part: Mapping) => R,
): R {
  const part = mapFile(fd, { offset, length })
  try {
    return body(part)
  } finally {
    part.unmap()
  }
}
