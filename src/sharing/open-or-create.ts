// A segment for all who know its name, whoever of them comes first.

import { closeSync, constants as fsConstants, openSync } from 'node:fs'
import { constants } from 'node:os'
import { invalidArgValue, systemError } from '../errors.js'
import { checked, native } from '../native.js'
import { makeSegment, openSegment } from './descriptors.js'

const { EEXIST, EISDIR, ENOENT, EOPNOTSUPP } = constants.errno
const directory = '/dev/shm'

/** O_TMPFILE, of which Node has no constant: __O_TMPFILE, the same on all of Linux but three ports. */
const temporaryFlag = 0o20000000 | fsConstants.O_DIRECTORY

/** After which whoever made a segment without a size is taken for dead. */
const patienceMilliseconds = 1000

/** So often somebody else may remove the name, or take it, in between. */
const mostTries = 1000

/** A descriptor of the segment, which has this length. */
export function openOrMakeSegment(name: string, length: number, mode: number): number {
  for (let tries = 1; ; tries++) {
    const fd = native.shmOpen(name, fsConstants.O_RDWR | fsConstants.O_NONBLOCK, 0)
    if (fd >= 0) return ofLength(fd, name, length)
    // For its words, and in case that it is there by now.
    if (fd !== -ENOENT) return ofLength(openSegment(name, fsConstants.O_RDWR), name, length)
    const made = makeWhole(name, length, mode)
    if (made >= 0) return made
    if (made !== -EEXIST || tries === mostTries) throw systemError(made, 'linkat', name)
  }
}

/** The descriptor, or -EEXIST when somebody else was faster. */
function makeWhole(name: string, length: number, mode: number): number {
  const fd = openUnnamed(mode)
  if (fd === null) return makeInPlace(name, length, mode)
  try {
    checked(native.reserveBlocks(fd, 0, length), 'fallocate', name)
  } catch (error) {
    native.closeDescriptor(fd)
    throw error
  }
  const linked = native.linkDescriptor(fd, directory + name)
  if (linked === 0) return fd
  native.closeDescriptor(fd)
  // No /proc.
  return linked === -ENOENT ? makeInPlace(name, length, mode) : linked
}

/** Null where the file system has no files without a name. */
function openUnnamed(mode: number): number | null {
  let fd: number
  try {
    fd = openSync(directory, temporaryFlag | fsConstants.O_RDWR, mode)
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException
    if (errno === -EOPNOTSUPP || errno === -EISDIR) return null
    throw error
  }
  try {
    return checked(native.duplicate(fd), 'fcntl')
  } finally {
    closeSync(fd)
  }
}

function makeInPlace(name: string, length: number, mode: number): number {
  try {
    return makeSegment(name, length, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno === -EEXIST) return -EEXIST
    throw error
  }
}

/** Takes over the descriptor, also when it throws. */
function ofLength(fd: number, name: string, length: number): number {
  try {
    const size = sizeInTime(fd, name)
    if (size === 0) {
      // All who wait do the same.
      checked(native.reserveBlocks(fd, 0, length), 'fallocate', name)
    } else if (size !== length) {
      const reason = `must be ${size}, which the segment '${name}' has that exists`
      throw invalidArgValue('byteLength', length, reason)
    }
    return fd
  } catch (error) {
    native.closeDescriptor(fd)
    throw error
  }
}

/** 0 when it has none after all the time that anybody needs to set it. */
function sizeInTime(fd: number, name: string): number {
  const clock = new Int32Array(new SharedArrayBuffer(4))
  const end = performance.now() + patienceMilliseconds
  for (;;) {
    const size = checked(native.fileSize(fd), 'fstat', name)
    if (size !== 0 || performance.now() > end) return size
    Atomics.wait(clock, 0, 0, 1)
  }
}
