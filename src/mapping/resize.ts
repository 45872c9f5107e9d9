// A mapping, and its file, made longer or shorter.

import { constants } from 'node:os'
import { byteCount } from '../arguments.js'
import { mappingDetached, notResizable, systemError } from '../errors.js'
import { checkRoom } from '../memory-room.js'
import { native } from '../native.js'
import { expectDetach } from '../runtime/stable-copies.js'
import { sealsOf } from '../seals.js'
import { BackgroundMemory } from './background.js'
import { checked, regionOf } from './lifetime.js'
import { endStreams } from './read-stream.js'
import type { Region } from './region.js'

const { EBADF, EBUSY, EINVAL, ENOENT, EPERM, ESTALE, EXDEV } = constants.errno

const remarks: Readonly<Record<number, string>> = {
  [EBUSY]: ' (another thread or work in flight uses it, and its pages are private)',
  [EINVAL]:
    ' (pages that differ in protection or were replaced after a fault, private pages of a file, and ' +
    'shared anonymous memory that would grow cannot be moved)',
}

/** mremap(2) — moves a mapping to a place where it can have another length. */
export function remapRegion(memory: ResizableMemory, byteLength: number): void {
  const region = regionOf(memory)
  expectDetach()
  const result = native.remap(region.handle, byteLength)
  if (result === -EXDEV) throw mappingDetached()
  const remark = remarks[-result]
  if (remark !== undefined) throw systemError(result, 'mremap', region.path, remark)
  checked(result, 'mremap', region.path)
  endStreams(memory, mappingDetached)
  region.resized(byteLength)
}

function remapOrMap(memory: ResizableMemory, byteLength: number, fd: number, offset: number): void {
  const region = regionOf(memory)
  if (region.byteLength > 0) {
    remapRegion(memory, byteLength)
  } else if (byteLength > 0) {
    checked(native.mapAgain(region.handle, byteLength, fd, offset), 'mmap', region.path)
    region.resized(byteLength)
  }
}

function assertFile(result: number, syscall: string, path: string | null): number {
  if (result !== -EPERM) return checked(result, syscall, path)
  throw systemError(result, syscall, path, ' (memory that is sealed keeps its size)')
}

/** fallocate(2), then the mapping; the file keeps its size if that fails. */
function grow(memory: ResizableMemory, byteLength: number, fd: number, offset: number): void {
  const region = regionOf(memory)
  const before = checked(native.fileSize(fd), 'fstat', region.path)
  const from = Math.min(before, offset + region.byteLength)
  const room = offset + byteLength - from
  // Only memory has seals, and only memory has no end but the system's.
  if (native.getSeals(fd) >= 0) checkRoom(room)
  assertFile(native.reserveBlocks(fd, from, room), 'fallocate', region.path)
  try {
    remapOrMap(memory, byteLength, fd, offset)
  } catch (error) {
    if (offset + byteLength > before) native.truncate(fd, before)
    throw error
  }
}

/** The mapping, then ftruncate(2): no page of it is ever past the end of the file. */
function shrink(memory: ResizableMemory, byteLength: number, fd: number, offset: number): void {
  const { byteLength: before, path } = regionOf(memory)
  // Asked first, since the buffers are detached by then.
  if (sealsOf(fd).includes('shrink')) assertFile(-EPERM, 'ftruncate', path)
  remapOrMap(memory, byteLength, fd, offset)
  try {
    assertFile(native.truncate(fd, offset + byteLength), 'ftruncate', path)
  } catch (error) {
    remapOrMap(memory, before, fd, offset)
    throw error
  }
}

/** A descriptor of the file, to be closed. */
function openFileOf(region: Region): number {
  const fd = native.openFileOf(region.handle, region.fd, region.path)
  if (fd >= 0) return fd
  const lost = [EBADF, ENOENT, ESTALE].includes(-fd)
  const remark = ' (the mapped file is not to be found by its path, nor by its descriptor)'
  throw systemError(fd, 'open', region.path, lost ? remark : '')
}

export abstract class ResizableMemory extends BackgroundMemory {
  /**
   * mremap(2) — makes the memory longer or shorter, and its file with it. Growth reserves blocks,
   * fallocate(2), so that a full disk is ENOSPC here and nothing has changed; shrinking cuts the file
   * off, ftruncate(2). Buffers given out before are detached: take views again. Mappings of other
   * threads and processes keep their length, and handles of share() are void. Protection, advice and
   * locks of the first page become those of all.
   *
   * The file is found by its path, or by the descriptor that was mapped if it is still open.
   *
   * @param byteLength in bytes
   * @throws ENOSPC · EPERM for sealed memory · EBADF, ENOENT, ESTALE when the file is not to be found
   *   any more · EBUSY, EINVAL for memory that cannot be moved · ENOMEM · ERR_INVALID_ARG_VALUE with
   *   access `'read'` or `'copy-on-write'` · ERR_MAPPING_CLOSED · ERR_MAPPING_DETACHED ·
   *   ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE
   */
  resize(byteLength: number | bigint): void {
    const wanted = byteCount(byteLength, 'byteLength')
    const region = regionOf(this)
    if (this.access !== 'read-write') throw notResizable(this.access)
    if (wanted === region.byteLength) return
    if (this.fileOffset === null) {
      remapOrMap(this, wanted, -1, 0)
      return
    }
    const change = wanted > region.byteLength ? grow : shrink
    const fd = openFileOf(region)
    try {
      change(this, wanted, fd, this.fileOffset)
    } finally {
      native.closeDescriptor(fd)
    }
  }
}
