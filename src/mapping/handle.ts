// How a mapping gets to another thread: plain data that structured cloning copies.

import { constants } from 'node:os'
import { callback, optional, optionalByteCount, options as optionsObject } from '../arguments.js'
import {
  invalidArgType,
  invalidArgValue,
  mappingClosed,
  mixedHandle,
  otherProcess,
} from '../errors.js'
import { identityOf } from '../kernel/file-identity.js'
import { type Access, checkAccess, protectionOf } from '../kernel/protection.js'
import { cannotFault } from '../kernel/seals.js'
import { checked, native } from '../native.js'
import { type Facts, type FaultListener, type Mapped, Region, regionOf } from './region.js'

/** How a mapping is to be in the thread that attaches it. */
export interface AttachOptions {
  /** Called from this thread's event loop after faults, whichever thread they happened in. */
  onFault?: FaultListener
}

/** Shared memory has a descriptor, and another thread wants one of its own. */
interface SharedMemorySource {
  readonly fd: number
  /** Device and inode, since a descriptor is only a number. */
  readonly identity: string
  readonly name: string | null
}

/**
 * Names a mapping in this process; {@link Mapping.share} makes it, {@link Mapping.attach} takes it.
 * Does not keep the memory: the mapping must stay open until attach() has returned.
 */
export interface MappingHandle {
  readonly type: 'posix-mmap'
  readonly office: number
  readonly ticket: number
  readonly access: Access
  readonly fileOffset: number | null
  readonly path: string | null
  readonly shared: SharedMemorySource | null
}

export function share(mapping: Mapped): MappingHandle {
  const region = regionOf(mapping)
  const { access, fileOffset, path, segment } = region.facts
  const shared = segment && { ...segment, identity: identityOf(segment.fd) }
  const issued = native.share(region.handle)
  if (typeof issued === 'number') throw mappingClosed()
  const [office, ticket] = issued
  return { type: 'posix-mmap', office, ticket, access, fileOffset, path, shared }
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function isStringOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

function sharedSource(value: unknown): SharedMemorySource | null {
  if (typeof value !== 'object' || value === null) return null
  const { fd, identity, name } = value as Record<string, unknown>
  const complete = isNumber(fd) && typeof identity === 'string' && isStringOrNull(name)
  return complete ? { fd, identity, name } : null
}

/** A handle as it arrived: its sender may have made it up. */
function checkHandle(value: unknown): MappingHandle {
  if (value === null || typeof value !== 'object') {
    throw invalidArgType('handle', 'what Mapping.share() returned', value)
  }
  const { type, office, ticket, access, fileOffset, path, shared } = value as Record<
    string,
    unknown
  >
  if (type !== 'posix-mmap' || !isNumber(office) || !isNumber(ticket) || !isStringOrNull(path)) {
    throw invalidArgValue('handle', value, 'must be what Mapping.share() returned')
  }
  return {
    type,
    office,
    ticket,
    access: checkAccess(access, 'handle.access'),
    fileOffset: optionalByteCount(fileOffset ?? undefined, 'handle.fileOffset') ?? null,
    path,
    shared: sharedSource(shared),
  }
}

/** The region that a handle names, with one more user: this thread. */
export function attachedRegion(handle: unknown, options: unknown): Region {
  const { office, ticket, access, fileOffset, path, shared } = checkHandle(handle)
  const listener = optionsObject(options)['onFault']
  const onFault = optional(listener, 'options.onFault', callback<FaultListener>)
  const redeemed = native.attach(office, ticket)
  if (redeemed === -constants.errno.EXDEV) throw otherProcess()
  if (typeof redeemed === 'number') throw mappingClosed()
  const [attached, byteLength, prot] = redeemed
  const facts = { access, fileOffset, path, fd: -1, segment: null, neverFaults: false, onFault }
  const make = (more: Partial<Facts>) =>
    new Region(attached, byteLength, protectionOf(prot), { ...facts, ...more })
  if (shared === null) return make({})
  let fd: number | undefined
  try {
    fd = checked(native.duplicate(shared.fd), 'fcntl', shared.name)
    // The other thread may have closed it since, and the number may be another file's.
    if (identityOf(fd) !== shared.identity) throw mappingClosed()
    // A handle is plain data, and may have been put together from two.
    if (access === 'read-write' && !native.isFileOf(attached, fd)) throw mixedHandle()
    return make({ segment: { fd, name: shared.name }, neverFaults: cannotFault(fd, access) })
  } catch (error) {
    if (fd !== undefined) native.closeDescriptor(fd)
    native.unmap(attached)
    throw error
  }
}
