// Which pages of a file are in the page cache. A file is mapped one window at a time, so that one
// of any size takes little memory and few addresses.

import { closeSync, constants, openSync } from 'node:fs'
import { systemError } from '../errors.js'
import { type Mapping, mapFile, pageSize, type Residency } from '../index.js'
import { native } from '../native.js'
import { MapFlags, mmap, Prot } from '../posix.js'

export interface CachedFile {
  readonly path: string
  readonly fd: number
  /** In bytes. */
  readonly size: number
  close(): void
}

/** Which pages of a file are in memory. */
export interface FileResidency {
  /** In bytes, of the file. */
  size: number
  /** In bytes. */
  pageSize: number
  pages: number
  /** How many pages are in memory. */
  resident: number
  /** How many bytes of the file these hold. */
  residentBytes: number
  /**
   * Of each of the equal parts into which the file was divided: how many of its pages are in
   * memory.
   */
  parts: number[]
}

const windowBytes = 2 ** 30

export function openCached(path: string): CachedFile {
  const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants
  const fd = openSync(path, O_RDONLY | O_NOCTTY | O_NONBLOCK)
  const close = () => closeSync(fd)
  const size = native.fileSize(fd)
  if (size >= 0) return { path, fd, size, close }
  close()
  throw systemError(size, 'fstat', path)
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

/**
 * Whether the kernel reports to this process which pages of a file are in memory. Since Linux 5.2
 * it does so only for the owner of the file and for processes that may write to it; for all others
 * mincore(2) calls every page resident, even one past the end of the file, which cannot be. Such a
 * page is asked for here, far past the end, since the file may be growing.
 */
function isResidencyReported({ fd, size }: CachedFile): boolean {
  const offset = Math.ceil(size / pageSize) * pageSize + windowBytes
  const pastTheEnd = mmap({ fd, offset, length: pageSize, prot: Prot.READ, flags: MapFlags.SHARED })
  const { resident } = pastTheEnd.residency()
  pastTheEnd.unmap()
  return resident === 0
}

/** The first page of a part of a file that is divided into `count` parts, as equal as pages allow. */
export function firstPageOf(part: number, count: number, pages: number): number {
  return Math.floor((part * pages) / count)
}

/** Adds the resident pages of a window that starts at page `first` to the parts in which they lie. */
function addTo(parts: number[], { vector, resident }: Residency, first: number, pages: number) {
  if (resident === 0) return
  const count = parts.length
  let part = Math.floor((first * count) / pages)
  let end = firstPageOf(part + 1, count, pages) - first
  for (let page = 0; page < vector.length; page++) {
    while (page >= end) end = firstPageOf(++part + 1, count, pages) - first
    parts[part] = (parts[part] ?? 0) + (vector[page] ?? 0)
  }
}

/**
 * mincore(2) — which pages of a file are in memory: of all of it, and of each of at most `maxParts`
 * equal parts. Reads nothing in.
 *
 * @returns null if the kernel does not report it to this process
 */
export function residencyOf(file: CachedFile, maxParts: number): FileResidency | null {
  const { size } = file
  const pages = Math.ceil(size / pageSize)
  const parts = new Array<number>(Math.min(pages, maxParts)).fill(0)
  if (size > 0 && !isResidencyReported(file)) return null
  let resident = 0
  let lastPage = 0
  for (let offset = 0; offset < size; offset += windowBytes) {
    const length = Math.min(windowBytes, size - offset)
    const part = withPart(file, offset, length, (mapping) => mapping.residency())
    addTo(parts, part, offset / pageSize, pages)
    resident += part.resident
    lastPage = part.vector.at(-1) ?? 0
  }
  const residentBytes = resident * pageSize - lastPage * (pages * pageSize - size)
  return { size, pageSize, pages, resident, residentBytes, parts }
}
