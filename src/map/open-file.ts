// From what names a file to a descriptor of it.

import { Buffer } from 'node:buffer'
import { closeSync, constants, openSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { int32 } from '../arguments.js'
import { invalidArgType, invalidArgValue } from '../errors.js'
import type { MapFileSettings } from './options.js'

/** A path, a `file:` URL, a path as bytes, or something already open. */
export type FileLike = string | URL | Buffer | number | FileHandle

export interface OpenFile {
  fd: number
  /** null for a file that was open already. */
  path: string | null
  /** Closes a descriptor that was opened here, and leaves the caller's own alone. */
  close(): void
}

type Named = { fd: number } | { path: string | Buffer }

function nameOf(file: unknown): Named {
  if (typeof file === 'number') return { fd: int32(file, 'file') }
  const path = file instanceof URL ? fileURLToPath(file) : file
  if (typeof path === 'string' || Buffer.isBuffer(path)) {
    if (path.includes('\0')) throw invalidArgValue('file', path, 'must have no null bytes')
    return { path }
  }
  if (typeof path === 'object' && path !== null && 'fd' in path && typeof path.fd === 'number') {
    // A FileHandle that was closed says -1: let the kernel call it EBADF.
    return { fd: path.fd === -1 ? -1 : int32(path.fd, 'file.fd') }
  }
  throw invalidArgType(
    'file',
    'of type string or number or an instance of Buffer, URL or FileHandle',
    file,
  )
}

/** Opens `file` as `settings` ask. open(2), with the errors of fs.openSync(). */
export function openFile(file: unknown, settings: MapFileSettings): OpenFile {
  const named = nameOf(file)
  if ('fd' in named) {
    if (settings.create !== false) {
      throw invalidArgValue('options.create', settings.create, 'needs a path to create')
    }
    return { fd: named.fd, path: null, close: () => {} }
  }
  const { O_CREAT, O_EXCL, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR } = constants
  const access = settings.access === 'read-write' ? O_RDWR : O_RDONLY
  const create = settings.create === false ? 0 : O_CREAT
  const exclusive = settings.create === 'exclusive' ? O_EXCL : 0
  // Without O_NONBLOCK a FIFO would block the thread until somebody writes to it.
  const flags = access | create | exclusive | O_NOCTTY | O_NONBLOCK
  const fd = openSync(named.path, flags, settings.mode)
  return { fd, path: named.path.toString(), close: () => closeSync(fd) }
}
