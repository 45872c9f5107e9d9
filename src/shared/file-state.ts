// Which file a path leads to, and whether that is still the one that was mapped.

import { type BigIntStats, closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import type { MapFileOptions } from '../map/options.js'
import { mapFile } from '../map.js'
import type { Mapping } from '../mapping.js'

/** All that tells two files apart, or one file before and after a change. */
export type FileState = readonly bigint[]

/**
 * Numbers of inodes are used again, times have the grain of the kernel's clock, and a copy-up of overlayfs
 * may keep the number: so all of them count.
 */
function stateOf({ dev, ino, size, mtimeNs, ctimeNs, birthtimeNs }: BigIntStats): FileState {
  return [dev, ino, size, mtimeNs, ctimeNs, birthtimeNs]
}

/** stat(2) — @throws its errors */
export function stateOfPath(path: string | Buffer): FileState {
  return stateOf(statSync(path, { bigint: true }))
}

export function isSame(one: FileState, other: FileState): boolean {
  return one.every((value, index) => value === other[index])
}

/** A file that is mapped. */
export interface MappedFile {
  readonly mapping: Mapping
  readonly state: FileState
  /** Keeps the number of its inode from being used again, also when the mapping was unmapped. */
  readonly fd: number
}

/** How often a path is looked up that is another file's each time. */
const attempts = 20

/**
 * open(2), mmap(2) — maps the file that a path leads to now.
 *
 * @throws the errors of {@link mapFile}
 */
export function mapNow(path: string | Buffer, options: MapFileOptions): MappedFile {
  const { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR } = constants
  const flags = (options.access === 'read-write' ? O_RDWR : O_RDONLY) | O_NOCTTY | O_NONBLOCK
  for (let attempt = 1; ; attempt++) {
    const state = stateOfPath(path)
    const fd = openSync(path, flags)
    try {
      const opened = stateOf(fstatSync(fd, { bigint: true }))
      // The second way for file systems that say something else of a descriptor than of a path.
      const known = isSame(state, opened) || isSame(state, stateOfPath(path))
      if (known || attempt === attempts) return { mapping: mapFile(fd, options), state, fd }
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
  }
}
