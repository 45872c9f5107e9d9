// Opens files, and maps parts of them.

import { closeSync, constants, openSync } from 'node:fs'
import { type Mapping, mapFile } from '../index.js'
import { lookAtFile } from '../kernel/cachestat.js'
import { native, newFileIdentity } from '../native.js'
import { unusableFile } from './errors.js'
import { forNode } from './paths.js'

/** What cachestat(2) is asked for at once: some 0.1 s where all of it is in memory in small pages. */
export const countedBytes = 2 ** 34

/** The last file that was looked at, as fileSize() stores it. */
const identity = newFileIdentity()
const halves = new Uint32Array(identity.buffer)

/** A file that is open, or is opened when it must be. */
export class CachedFile {
  readonly path: string
  /** In bytes. */
  readonly size: number
  readonly device: number
  /** A number if it can be one: making text of 64 bits takes longer than opening the file. */
  readonly inode: number | string
  #cached: number | null
  #fd: number | null

  /** Of the file whose identity was found out last. */
  constructor(path: string, size: number, fd: number | null, cached: number | null) {
    this.path = path
    this.size = size
    this.#cached = cached
    this.#fd = fd
    // Read by index: an iterator would take longer than all the rest of this.
    this.device = (halves[1] ?? 0) * 2 ** 32 + (halves[0] ?? 0)
    const inode = (halves[3] ?? 0) * 2 ** 32 + (halves[2] ?? 0)
    this.inode = Number.isSafeInteger(inode) ? inode : String(identity[1])
  }

  /** How many of all its pages are in memory, if that was found out at once. */
  get cached(): number | null {
    return this.#cached
  }

  /** For whoever changes what is in memory. */
  forgetCached(): void {
    this.#cached = null
  }

  get fd(): number {
    this.#fd ??= openPath(this.path)
    return this.#fd
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
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

function openPath(path: string): number {
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
  return openSync(forNode(path), O_RDONLY | O_NOCTTY | O_NONBLOCK)
}

export function openCached(path: string): CachedFile {
  const fd = openPath(path)
  const size = native.fileSize(fd, identity)
  if (size >= 0) return new CachedFile(path, size, fd, null)
  closeSync(fd)
  throw unusableFile(size, path)
}

/**
 * The same for whoever only wants to know what is in memory: it is mostly found out at once, and then the
 * file need not be opened.
 */
export function lookAt(path: string): CachedFile {
  if (!path.includes('\0') && forNode(path) === path) {
    const { size, cached } = lookAtFile(path, countedBytes, identity)
    if (size >= 0) return new CachedFile(path, size, null, cached)
  }
  // Opening it again says what is wrong with it, in Node's words.
  return openCached(path)
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
