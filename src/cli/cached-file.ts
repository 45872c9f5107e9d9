// Opens files, and maps parts of them.

import { closeSync, constants, openSync } from 'node:fs'
import { type Mapping, mapFile } from '../index.js'
import { native, newFileIdentity } from '../native.js'
import { unusableFile } from './errors.js'
import { forNode } from './paths.js'

/** The last file that was opened, as fileSize() stores it. */
const identity = newFileIdentity()
const halves = new Uint32Array(identity.buffer)

/** A file that is open. */
export class CachedFile {
  readonly path: string
  readonly fd: number
  /** In bytes. */
  readonly size: number
  readonly device: number
  /** A number if it can be one: making text of 64 bits takes longer than opening the file. */
  readonly inode: number | string

  constructor(path: string, fd: number, size: number) {
    this.path = path
    this.fd = fd
    this.size = size
    // Read by index: an iterator would take longer than all the rest of this.
    this.device = (halves[1] ?? 0) * 2 ** 32 + (halves[0] ?? 0)
    const inode = (halves[3] ?? 0) * 2 ** 32 + (halves[2] ?? 0)
    this.inode = Number.isSafeInteger(inode) ? inode : String(identity[1])
  }

  close(): void {
    closeSync(this.fd)
  }
}

/** Files, whatever their names are. */
export class FileSet {
  readonly #devices = new Map<number, Set<number | string>>()

  /** Returns whether it was not there yet. */
  add({ device, inode }: CachedFile): boolean {
    const inodes = this.#devices.get(device) ?? new Set()
    const { size } = inodes
    if (size === 0) this.#devices.set(device, inodes)
    return inodes.add(inode).size > size
  }
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
