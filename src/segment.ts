// Descriptors of memory that several processes can map: made without a name, under one, or found.

import { closeSync, constants as fsConstants, fstatSync, lstatSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { invalidArgType, invalidArgValue, systemError } from './errors.js'
import type { SharedAccess } from './inheritance.js'
import { checkRoom } from './memory-room.js'
import { constant, native, type Result } from './native.js'
import type { Access } from './protection.js'
import { sealsOf } from './seals.js'

export function string(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  if (value.includes('\0')) throw invalidArgValue(name, value, 'must have no null bytes')
  return value
}

/** shm_open(3) wants one slash, at the front. */
export function segmentName(value: unknown, name: string): string {
  const text = string(value, name)
  const bare = text.startsWith('/') ? text.slice(1) : text
  if (bare === '' || bare === '.' || bare === '..' || bare.includes('/')) {
    throw invalidArgValue(name, value, "must be a word, with no '/' but a first one")
  }
  return `/${bare}`
}

/** Everything else is a path. */
export function isSegmentName(text: string): boolean {
  return !text.slice(1).includes('/')
}

export function checked(
  result: Result,
  syscall: string,
  path: string | null = null,
  remark = '',
): number {
  if (result < 0) throw systemError(result, syscall, path, remark)
  return result
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
  const fd = native.shmOpen(name, O_CREAT | O_EXCL | O_RDWR, mode)
  const remark = ' (SharedMemory.unlink() removes a segment that was left behind)'
  checked(fd, 'shm_open', name, fd === -constants.errno.EEXIST ? remark : '')
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
  // What others made there may be a pipe, and opening one waits for its other end.
  const fd = native.shmOpen(name, access | fsConstants.O_NONBLOCK, 0)
  return checked(fd, 'shm_open', name, remarkOn(fd, name))
}

function remarkOn(errno: Result, name: string): string {
  const { EACCES, EISDIR, ELOOP } = constants.errno
  // A directory and a symbolic link.
  if (errno === -EISDIR || errno === -ELOOP) return ' (what has this name is no segment)'
  if (errno !== -EACCES) return ''
  try {
    const { uid } = lstatSync(`/dev/shm${name}`)
    return uid === process.geteuid?.() ? '' : ` (it belongs to the user ${uid})`
  } catch {
    return ''
  }
}

/**
 * open(2) for a descriptor of the addon's: worker threads close what fs opened, and warn of what fs
 * closes without having opened it.
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
    const remark = ' (it has no size yet: whoever makes it is not done, or died before it was)'
    throw systemError(-constants.errno.ENODATA, 'fstat', name, remark)
  }
  // Character devices have none.
  if (size > Number.MAX_SAFE_INTEGER) throw systemError(-constants.errno.ENODEV, 'fstat', name)
  return size
}

/** Device and inode: a descriptor is only a number, and another file may have it later. */
export function identityOf(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true })
  return `${dev}:${ino}`
}

/** What a descriptor allows a new mapping to do; fcntl(2) with F_GETFL and F_GET_SEALS. */
export function accessOf(fd: number): SharedAccess {
  const mode = checked(native.accessMode(fd), 'fcntl')
  return mode === fsConstants.O_RDONLY || isSealedAgainstWrites(fd) ? 'read' : 'read-write'
}

/** What is sealed against shrinking keeps its pages, and what may be written to has no fault left. */
export function cannotFault(fd: number, access: Access): boolean {
  return access === 'read-write' && sealsOf(fd).includes('shrink')
}

export function isSealedAgainstWrites(fd: number): boolean {
  const seals = sealsOf(fd)
  return seals.includes('write') || seals.includes('future-write')
}
