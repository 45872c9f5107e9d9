// A mapping, and its file, made longer or shorter.

import { constants } from 'node:os'
import { byteCount } from '../arguments.js'
import { mappingDetached, notResizable, systemError } from '../errors.js'
import { checkRoom } from '../kernel/memory-room.js'
import { assertPermitted } from '../kernel/permission.js'
import { sealsOf } from '../kernel/seals.js'
import { checked, checkedOnHandle, native } from '../native.js'
import { expectDetach } from '../runtime/stable-copies.js'
import { detachFunction } from '../runtime/untransferable.js'
import { endStreams } from './read-stream.js'
import { type Mapped, type Region, regionOf } from './region.js'

const { EBADF, EBUSY, EINVAL, ENOENT, EPERM, ESTALE } = constants.errno

const remarks: Readonly<Record<number, string>> = {
  [EBUSY]:
    ' (another thread, work in flight or a buffer that was transferred uses it, and its pages are private)',
  [EINVAL]:
    ' (pages that differ in protection or were replaced after a fault, private pages of a file, and ' +
    'shared anonymous memory that would grow cannot be moved)',
}

/** Depth of calls that the work below has room for then. */
const depth = 500

/**
 * Throws the RangeError of a stack that is nearly used up, before anything has been done: in the middle of
 * it, it would leave one half of the work undone.
 */
function assertStackRoom(left = depth): number {
  return left === 0 ? 0 : 1 + assertStackRoom(left - 1)
}

/** mremap(2) — moves a region to addresses at which it can have another length. */
export function remapRegion(region: Region, byteLength: number): void {
  expectDetach()
  const { memory } = region
  const next = region.memoryOf(byteLength)
  assertStackRoom()
  const result = native.remap(region.handle, byteLength, detachFunction())
  if (result === 0) region.memory = next
  const remark = remarks[-result]
  if (remark !== undefined) throw systemError(result, 'mremap', region.origin, remark)
  checkedOnHandle(result, 'mremap', region.origin, byteLength)
  memory.close()
  endStreams(region, mappingDetached)
}

function remapOrMap(region: Region, byteLength: number, fd: number, offset: number): void {
  if (region.byteLength > 0) {
    remapRegion(region, byteLength)
  } else if (byteLength > 0) {
    const next = region.memoryOf(byteLength)
    const result = native.mapAgain(region.handle, byteLength, fd, offset)
    if (result === 0) region.memory = next
    checkedOnHandle(result, 'mmap', region.origin, byteLength)
  }
}

/** {@link checked} for a change of the file's size. */
function checkedOnSize(result: number, syscall: string, path: string | null): number {
  if (result !== -EPERM) return checked(result, syscall, path)
  throw systemError(result, syscall, path, ' (memory that is sealed keeps its size)')
}

/** fallocate(2), then the mapping; the file keeps its size if that fails. */
function grow(region: Region, byteLength: number, fd: number, offset: number): void {
  const before = checked(native.fileSize(fd), 'fstat', region.origin)
  const from = Math.min(before, offset + region.byteLength)
  const room = offset + byteLength - from
  // Only files in memory have seals, and only they have no limit but the machine's memory.
  if (native.getSeals(fd) >= 0) checkRoom(room)
  checkedOnSize(native.reserveBlocks(fd, from, room), 'fallocate', region.origin)
  try {
    remapOrMap(region, byteLength, fd, offset)
  } catch (error) {
    if (offset + byteLength > before) native.truncate(fd, before)
    throw error
  }
}

/** The mapping, then ftruncate(2): no page of the mapping is ever past the end of the file. */
function shrink(region: Region, byteLength: number, fd: number, offset: number): void {
  const { byteLength: before, origin } = region
  // Asked before the buffers are detached, so that a refusal leaves them as they are.
  if (sealsOf(fd).includes('shrink')) checkedOnSize(-EPERM, 'ftruncate', origin)
  remapOrMap(region, byteLength, fd, offset)
  try {
    checkedOnSize(native.truncate(fd, offset + byteLength), 'ftruncate', origin)
  } catch (error) {
    remapOrMap(region, before, fd, offset)
    throw error
  }
}

/** A descriptor of the mapped file, which the caller closes. */
function openFileOf({ handle, facts, origin }: Region): number {
  // A path was permitted when it was mapped; a permission may have been given up since.
  if (facts.path !== null) assertPermitted(facts.path, 'fs.write')
  const fd = native.openFileOf(handle, facts.segment?.fd ?? facts.fd, facts.path)
  if (fd >= 0) return fd
  const lost = [EBADF, ENOENT, ESTALE].includes(-fd)
  const remark = ' (the mapped file is not to be found by its path, nor by its descriptor)'
  throw systemError(fd, 'open', origin, lost ? remark : '')
}

export function resize(mapping: Mapped, byteLength: unknown): void {
  const wanted = byteCount(byteLength, 'byteLength')
  const region = regionOf(mapping)
  const { access, fileOffset } = region.facts
  if (access !== 'read-write') throw notResizable(access)
  if (wanted === region.byteLength) return
  if (fileOffset === null) {
    remapOrMap(region, wanted, -1, 0)
    return
  }
  const change = wanted > region.byteLength ? grow : shrink
  const fd = openFileOf(region)
  try {
    change(region, wanted, fd, fileOffset)
  } finally {
    native.closeDescriptor(fd)
  }
}
