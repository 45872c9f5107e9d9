// Opens files, and maps parts of them.

import { closeSync, constants, openSync } from 'node:fs'
import { type Mapping, mapFile } from '../index.js'
import { native, newFileIdentity } from '../native.js'
import { unusableFile } from './errors.js'
import { forNode } from './paths.js'

export interface CachedFile {
  readonly path: string
  readonly fd: number
  /** In bytes. */
  readonly size: number
  /** The same for each name of a file, and for no two files. */
  readonly identity: string
  close(): void
}

/** The last file that was opened, as fileSize() stores it. */
const identity = newFileIdentity()

const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants

export function openCached(path: string): CachedFile {
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
  const fd = openSync(forNode(path), O_RDONLY | O_NOCTTY | O_NONBLOCK)
  const close = () => closeSync(fd)
  const size = native.fileSize(fd, identity)
  if (size >= 0) return { path, fd, size, identity: `${identity[0]}:${identity[1]}`, close }
  close()
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
