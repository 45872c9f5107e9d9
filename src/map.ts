// The functions that map.

import { adviceValue } from './advice.js'
import { byteCount, rangeWithin } from './arguments.js'
import { invalidArgValue, systemError } from './errors.js'
import { remarkOn } from './mapping/lifetime.js'
import type { RegionDescription } from './mapping/region.js'
import { createMapping, type Mapping } from './mapping.js'
import { constant, type Handle, native, type Result } from './native.js'
import { type FileLike, type OpenFile, openFile } from './open-file.js'
import {
  type CommonSettings,
  type MapAnonymousOptions,
  type MapFileOptions,
  type MapFileSettings,
  mapAnonymousSettings,
  mapFileSettings,
} from './options.js'
import {
  type Access,
  protectionBits,
  protectionOf,
  protectionOfAccess,
  sharingFlag,
} from './protection.js'

/** What mmap(2) is asked for, and what the mapping is to be called. */
export interface MapRequest {
  fd: number
  offset: number
  length: number
  prot: number
  flags: number
  address: number | bigint
  access: Access
  path: string | null
}

const anonymous = constant('MAP_ANONYMOUS')

/**
 * mmap(2), then `enlarge` for what is mapped, then what the settings ask for. Leaves nothing mapped
 * when any of it fails.
 */
export function describeRegion(
  request: MapRequest,
  settings: CommonSettings,
  enlarge?: () => void,
): RegionDescription {
  const { fd, offset, length, prot, flags, path } = request
  const handle = native.map(fd, offset, length, prot, flags, request.address, settings.hugePages)
  if (handle < 0) throw systemError(handle, 'mmap', path, remarkOn(handle))
  try {
    enlarge?.()
    prepare(handle, length, request, settings)
  } catch (error) {
    native.unmap(handle)
    throw error
  }
  return {
    handle,
    byteLength: length,
    access: request.access,
    protection: protectionOf(prot),
    fileOffset: (flags & anonymous) === 0 ? offset : null,
    path,
    fd: path === null ? fd : -1,
    onFault: settings.onFault,
  }
}

/** The mapping for a request; see {@link describeRegion}. */
export function mapRegion(
  request: MapRequest,
  settings: CommonSettings,
  enlarge?: () => void,
): Mapping {
  return createMapping(describeRegion(request, settings, enlarge))
}

function prepare(
  handle: Handle,
  length: number,
  request: MapRequest,
  settings: CommonSettings,
): void {
  const check = (result: Result, syscall: string) => {
    if (result < 0) throw systemError(result, syscall, request.path)
  }
  if (settings.hugePages) {
    check(native.madvise(handle, 0, length, constant('MADV_HUGEPAGE')), 'madvise')
  }
  if (settings.advice !== undefined) {
    check(native.madvise(handle, 0, length, adviceValue(settings.advice)), 'madvise')
  }
  if (settings.lock) check(native.mlock(handle, 0, length, false), 'mlock2')
  if (settings.populate) {
    // Reading an anonymous page in gives it no memory, and writing to a file's would dirty it.
    const write = (request.flags & anonymous) !== 0
    check(native.populate(handle, 0, length, write), 'madvise')
  }
}

/**
 * Maps a file, or part of it; mmap(2). A path is opened and closed again; a descriptor stays the
 * caller's. The mapping goes on when the file is closed, renamed or unlinked.
 *
 * @param file a path, a `file:` URL, a path as bytes, a descriptor or a FileHandle
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ERR_OUT_OF_RANGE when `offset` or `offset +
 *   length` lie past the end of the file · the errors of open(2), fstat(2), fallocate(2), mmap(2),
 *   madvise(2), mlock2(2) with `code`, `errno`, `syscall` and `path`: ENOENT, EACCES (write access
 *   to a read-only descriptor), EBADF, EISDIR, ENODEV (a pipe or a socket), ENOSPC, ENOMEM, …
 */
export function mapFile(file: FileLike, options?: MapFileOptions): Mapping {
  const settings = mapFileSettings(options)
  const source = openFile(file, settings)
  try {
    const { offset, length } = rangeOfFile(source, settings)
    const request = {
      fd: source.fd,
      offset,
      length,
      prot: protectionBits(protectionOfAccess(settings.access)),
      flags: sharingFlag(settings.access),
      address: 0,
      access: settings.access,
      path: source.path,
    }
    // After mmap(2), which may go past the end of a file: what it refuses leaves the file as it was.
    const { size, sparse } = settings
    const enlarge = size === undefined ? undefined : () => grow(source, size, sparse)
    return mapRegion(request, settings, enlarge)
  } finally {
    source.close()
  }
}

/** What is to be mapped of a file that will have at least the size asked for. */
function rangeOfFile(source: OpenFile, settings: MapFileSettings) {
  const size = native.fileSize(source.fd)
  if (size < 0) throw systemError(size, 'fstat', source.path)
  // Character devices have no size; only the kernel knows what can be mapped of them.
  if (size > Number.MAX_SAFE_INTEGER) {
    if (settings.length !== undefined) return { offset: settings.offset, length: settings.length }
    throw invalidArgValue('options.length', undefined, 'is needed for a character device')
  }
  const whole = Math.max(size, settings.size ?? 0)
  return rangeWithin(whole, settings.offset, settings.length)
}

function grow(source: OpenFile, size: number, sparse: boolean): void {
  const check = (result: Result, syscall: string) => {
    if (result < 0) throw systemError(result, syscall, source.path)
  }
  if (!sparse && size > 0) check(native.reserveBlocks(source.fd, 0, size), 'fallocate')
  else if (native.fileSize(source.fd) < size) check(native.truncate(source.fd, size), 'ftruncate')
}

/**
 * Maps zeroed memory that belongs to no file; mmap(2) with MAP_PRIVATE and MAP_ANONYMOUS.
 *
 * @param byteLength in bytes
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE · ENOMEM, EAGAIN, EINVAL of mmap(2), madvise(2),
 *   mlock2(2)
 */
export function mapAnonymous(byteLength: number | bigint, options?: MapAnonymousOptions): Mapping {
  const length = byteCount(byteLength, 'byteLength')
  const settings = mapAnonymousSettings(options)
  const request = {
    fd: -1,
    offset: 0,
    length,
    prot: protectionBits('read-write'),
    flags:
      constant('MAP_PRIVATE') | anonymous | (settings.noReserve ? constant('MAP_NORESERVE') : 0),
    address: 0,
    access: 'read-write' as const,
    path: null,
  }
  return mapRegion(request, settings)
}
