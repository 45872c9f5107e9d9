// Descriptors of memory that several processes can map: made without a name, under one, or found.

import { closeSync, constants as fsConstants, lstatSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { cString } from '../arguments.js'
import { invalidArgValue, systemError } from '../errors.js'
import { checkRoom } from '../kernel/memory-room.js'
import { assertPermitted } from '../kernel/permission.js'
import { isSealedAgainstWrites } from '../kernel/seals.js'
import { checked, constant, native, type Result } from '../native.js'

/** What can be done with shared memory. */
export type SharedAccess = 'read' | 'read-write'

/** A name for shm_open(3), which wants one slash, at the front. */
export function segmentName(value: unknown, name: string): string {
  const text = cString(value, name)
  const bare = text.startsWith('/') ? text.slice(1) : text
  if (bare === '' || bare === '.' || bare === '..' || bare.includes('/')) {
    throw invalidArgValue(name, value, "must be a word, with no '/' but a first one")
  }
  return `/${bare}`
}

/** Where a name of shm_open(3) is a file. */
export function fileOfSegment(name: string): string {
  return `/dev/shm/${name.replace(/^\/+/, '')}`
}

/** shm_unlink(3), where the permission model allows it. */
export function removeSegment(name: string): void {
  assertPermitted(fileOfSegment(name), 'fs.write')
  checked(native.shmUnlink(name), 'shm_unlink', name)
}

/** Whether a text is a name and no path. */
export function isSegmentName(text: string): boolean {
  return !text.slice(1).includes('/')
}

/** memfd_create(2) with blocks reserved; sealed against another size when `seal` is set. */
export function makeMemfd(label: string, length: number, seal: boolean): number {
  checkRoom(length)
  const flags = constant('MFD_CLOEXEC') | constant('MFD_ALLOW_SEALING')
  let fd = native.memfdCreate(label, flags | constant('MFD_NOEXEC_SEAL'))
  // Kernels before 6.3 do not know the last of these.
  if (fd === -constants.errno.EINVAL) fd = native.memfdCreate(label, flags)
  checked(fd, 'memfd_create')
  try {
    checked(native.reserveBlocks(fd, 0, length), 'fallocate')
    if (seal) {
      const seals = constant('F_SEAL_SHRINK') | constant('F_SEAL_GROW')
      checked(native.addSeals(fd, seals), 'fcntl')
    }
    return fd
  } catch (error) {
    native.closeDescriptor(fd)
    throw error
  }
}

/**
 * shm_open(3) of a new name, with blocks reserved. Others see no size at all until then: fallocate(2)
 * sets it last.
 */
export function makeSegment(name: string, length: number, mode: number): number {
  const { O_CREAT, O_EXCL, O_RDWR } = fsConstants
  assertPermitted(fileOfSegment(name), 'fs.read', 'fs.write')
  const fd = native.shmOpen(name, O_CREAT | O_EXCL | O_RDWR, mode)
  if (fd === -constants.errno.EEXIST) {
    const remark = ' (SharedMemory.unlink() removes a segment that was left behind)'
    throw systemError(fd, 'shm_open', name, remark)
  }
  checked(fd, 'shm_open', name)
  try {
    checked(native.reserveBlocks(fd, 0, length), 'fallocate', name)
    return fd
  } catch (error) {
    native.closeDescriptor(fd)
    native.shmUnlink(name)
    throw error
  }
}

/** shm_open(3) of a name that exists, which may be anything that somebody put there. */
export function openSegment(name: string, access: number): number {
  const writes = access !== fsConstants.O_RDONLY
  assertPermitted(fileOfSegment(name), 'fs.read', ...(writes ? (['fs.write'] as const) : []))
  // The name may be a FIFO; without O_NONBLOCK, open(2) would block.
  const fd = native.shmOpen(name, access | fsConstants.O_NONBLOCK, 0)
  const remark = remarkOn(fd, name)
  return remark === '' ? checked(fd, 'shm_open', name) : checked(fd, 'shm_open', name, remark)
}

function remarkOn(errno: Result, name: string): string {
  const { EACCES, EISDIR, ELOOP } = constants.errno
  // A directory and a symbolic link.
  if (errno === -EISDIR || errno === -ELOOP) return ' (the file of this name is not a segment)'
  if (errno !== -EACCES) return ''
  try {
    const { uid } = lstatSync(`/dev/shm${name}`)
    return uid === process.geteuid?.() ? '' : ` (it belongs to the user ${uid})`
  } catch {
    return ''
  }
}

/**
 * open(2), giving a descriptor that the addon owns: Node closes a descriptor that fs opened when its
 * worker thread ends, and warns when fs closes one that it did not open.
 */
export function openOwn(path: string, access: number): number {
  const fd = openSync(path, access | fsConstants.O_NOCTTY | fsConstants.O_NONBLOCK)
  try {
    return checked(native.duplicate(fd), 'fcntl', path)
  } finally {
    closeSync(fd)
  }
}

/** The size of shared memory that exists, in bytes. */
export function sizeOf(fd: number, name: string | null): number {
  const size = checked(native.fileSize(fd), 'fstat', name)
  if (size === 0) {
    const remark =
      ' (it has no size yet: the process that makes it has not finished, or died before it did)'
    throw systemError(-constants.errno.ENODATA, 'fstat', name, remark)
  }
  // Character devices have none.
  if (size > Number.MAX_SAFE_INTEGER) throw systemError(-constants.errno.ENODEV, 'fstat', name)
  return size
}

/** What a descriptor allows a new mapping to do; fcntl(2) with F_GETFL and F_GET_SEALS. */
export function accessOf(fd: number): SharedAccess {
  const mode = checked(native.accessMode(fd), 'fcntl')
  return mode === fsConstants.O_RDONLY || isSealedAgainstWrites(fd) ? 'read' : 'read-write'
}
