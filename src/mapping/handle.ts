// How a mapping gets to another thread: plain data that structured cloning copies.

import { constants } from 'node:os'
import { optionalByteCount } from '../arguments.js'
import { invalidArgType, invalidArgValue, mappingClosed, otherProcess } from '../errors.js'
import { native } from '../native.js'
import { type Access, checkAccess, protectionOf } from '../protection.js'
import type { FaultListener, Region, RegionDescription } from './region.js'

/** Shared memory has a descriptor, and another thread wants one of its own. */
export interface SharedMemorySource {
  readonly fd: number
  /** Device and inode, since a descriptor is only a number. */
  readonly identity: string
  readonly name: string | null
}

/**
 * Names a mapping in this process; {@link Mapping.share} makes it, {@link Mapping.attach} takes it.
 * Does not keep the memory: the mapping has to be open until attach() has returned.
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

type Described = Pick<MappingHandle, 'access' | 'fileOffset' | 'path' | 'shared'>

export function issueHandle(region: Region, described: Described): MappingHandle {
  const issued = native.share(region.handle)
  if (typeof issued === 'number') throw mappingClosed()
  const [office, ticket] = issued
  return { type: 'posix-mmap', office, ticket, ...described }
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

/** A handle as it arrived: whoever sent it may have made it up. */
export function checkHandle(value: unknown): MappingHandle {
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

/** Joins the region that a handle names. */
export function redeemHandle(
  handle: MappingHandle,
  onFault: FaultListener | undefined,
): RegionDescription {
  const { office, ticket, access, fileOffset, path } = handle
  const redeemed = native.attach(office, ticket)
  if (redeemed === -constants.errno.EXDEV) throw otherProcess()
  if (typeof redeemed === 'number') throw mappingClosed()
  const [region, byteLength, prot] = redeemed
  const protection = protectionOf(prot)
  return { handle: region, byteLength, access, protection, fileOffset, path, onFault }
}
