// From what names a file to what open(2) takes.

import { Buffer } from 'node:buffer'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { int32 } from '../arguments.js'
import { invalidArgType, invalidArgValue } from '../errors.js'
import { assertPermitted } from '../kernel/permission.js'
import type { MapFileSettings } from './options.js'

/** A path, a `file:` URL, a path as bytes, or something already open. */
export type FileLike = string | URL | Buffer | number | FileHandle

type Named = { fd: number } | { path: string | Buffer }

/** As node:fs recognises one, since that of jsdom is of another class. */
function isUrl(value: unknown): value is URL {
  if (typeof value !== 'object' || value === null) return false
  const { href, protocol, auth, path } = value as Record<string, unknown>
  return Boolean(href && protocol) && auth === undefined && path === undefined
}

function nameOf(file: unknown): Named {
  if (typeof file === 'number') return { fd: int32(file, 'file') }
  const path = isUrl(file) ? fileURLToPath(file) : file
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

/** What is mapped: a descriptor of the caller's, or a path and how to open it. */
export interface FileSource {
  readonly file: number | string | Buffer
  /** null for a file that was open already. */
  readonly path: string | null
  readonly openFlags: number
}

/** @throws ERR_ACCESS_DENIED where the permission model refuses the path */
export function fileSource(file: unknown, settings: MapFileSettings): FileSource {
  const named = nameOf(file)
  if ('fd' in named) {
    if (settings.create !== false) {
      throw invalidArgValue('options.create', settings.create, 'needs a path to create')
    }
    if (settings.keepLocks) {
      throw invalidArgValue(
        'options.keepLocks',
        true,
        'needs a path: the caller closes a descriptor',
      )
    }
    return { file: named.fd, path: null, openFlags: 0 }
  }
  const { O_CREAT, O_EXCL, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR } = constants
  const writes = settings.access === 'read-write'
  const creates = settings.create !== false
  const create = creates ? O_CREAT : 0
  const exclusive = settings.create === 'exclusive' ? O_EXCL : 0
  assertPermitted(named.path, 'fs.read', ...(writes || creates ? (['fs.write'] as const) : []))
  // Without O_NONBLOCK a FIFO would block the thread until somebody writes to it.
  const openFlags = (writes ? O_RDWR : O_RDONLY) | create | exclusive | O_NOCTTY | O_NONBLOCK
  return { file: named.path, path: named.path.toString(), openFlags }
}
