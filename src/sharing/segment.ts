// Shared memory as a region: a descriptor that other processes can have too, and a mapping of it.

import { constants as fsConstants } from 'node:fs'
import { constants } from 'node:os'
import {
  anyOptions,
  boolean,
  byteCount,
  cString,
  int32,
  oneOf,
  optional,
  options as optionsObject,
} from '../arguments.js'
import { invalidArgValue, systemError } from '../errors.js'
import { identityOf } from '../kernel/file-identity.js'
import { protectionBits, protectionOfAccess } from '../kernel/protection.js'
import { addSeals, cannotFault, type Seal, sealsOf } from '../kernel/seals.js'
import { mapRegion } from '../map/map-region.js'
import {
  anonymousNames,
  type CommonSettings,
  type MapAnonymousOptions,
  mapAnonymousSettings,
  noSettings,
} from '../map/options.js'
import {
  anyRegionOf,
  type Mapped,
  ownDescriptor,
  type Region,
  regionOf,
  type Segment,
} from '../mapping/region.js'
import { checked, constant, native } from '../native.js'
import {
  accessOf,
  isSegmentName,
  makeMemfd,
  makeSegment,
  openOwn,
  openSegment,
  removeSegment,
  type SharedAccess,
  segmentName,
  sizeOf,
} from './descriptors.js'
import { findInherited, inheritedClosed } from './inheritance.js'
import { openOrMakeSegment } from './open-or-create.js'

/** How {@link SharedMemory.create} makes it. `noReserve` has no effect: blocks are reserved. */
export interface CreateSharedMemoryOptions extends MapAnonymousOptions {
  /** Make it under a name, for processes that are not related: shm_open(3). Left until unlink(). */
  name?: string | undefined
  /** Permissions of a named segment before the umask, default 0o600. */
  mode?: number | undefined
  /** Without a name: forbid to change its size, so that it cannot fault. Default true. */
  seal?: boolean | undefined
  /** Without a name: what /proc/self/maps calls it, default 'posix-mmap'. */
  label?: string | undefined
}

/** How {@link SharedMemory.openOrCreate} maps it, and makes it. */
export interface OpenOrCreateSharedMemoryOptions extends MapAnonymousOptions {
  /** Permissions of a segment that is made, before the umask; default 0o600. */
  mode?: number | undefined
}

/** How existing shared memory is mapped. */
export interface OpenSharedMemoryOptions {
  /** Default: what the descriptor allows; `'read-write'` for a name or a path. */
  access?: SharedAccess | undefined
}

function checkSharedAccess(value: unknown, name: string): SharedAccess {
  return oneOf(value, name, ['read', 'read-write'])
}

interface Origin {
  name: string | null
  path: string | null
}

const unnamed: Origin = { name: null, path: null }

/** Maps all of a descriptor. Takes over the descriptor, also when it throws. */
function mapDescriptor(
  fd: number,
  { name, path }: Origin,
  access: SharedAccess,
  settings: CommonSettings,
): Region {
  try {
    const length = sizeOf(fd, name ?? path)
    const prot = protectionBits(protectionOfAccess(access))
    const request = { fd, offset: 0, length, prot, flags: constant('MAP_SHARED'), address: 0 }
    const segment = { fd, name }
    const neverFaults = cannotFault(fd, access, length)
    return mapRegion(request, settings, { access, path, segment, neverFaults })
  } catch (error) {
    native.closeDescriptor(fd)
    throw error
  }
}

const segmentNames = ['name', 'mode', 'seal', 'label'] as const
/** The options of {@link createSegment}. */
export const createNames = [...anonymousNames, ...segmentNames]

export function createSegment(byteLength: unknown, options: unknown): Region {
  const length = byteCount(byteLength, 'byteLength')
  const settings = mapAnonymousSettings(options, segmentNames)
  const values = anyOptions(options)
  const name = optional(values['name'], 'options.name', segmentName) ?? null
  const mode = optional(values['mode'], 'options.mode', int32) ?? 0o600
  const seal = optional(values['seal'], 'options.seal', boolean)
  const label = optional(values['label'], 'options.label', cString) ?? 'posix-mmap'
  if (length === 0) throw invalidArgValue('byteLength', byteLength, 'must be at least 1')
  if (name === null) {
    return mapDescriptor(makeMemfd(label, length, seal ?? true), unnamed, 'read-write', settings)
  }
  if (seal === true) throw invalidArgValue('options.seal', seal, 'needs memory without a name')
  const fd = makeSegment(name, length, mode)
  try {
    return mapDescriptor(fd, { name, path: null }, 'read-write', settings)
  } catch (error) {
    native.shmUnlink(name)
    throw error
  }
}

export function openOrCreateSegment(name: unknown, byteLength: unknown, options: unknown): Region {
  const segment = segmentName(name, 'name')
  const length = byteCount(byteLength, 'byteLength')
  const settings = mapAnonymousSettings(options, ['mode'])
  const values = anyOptions(options)
  const mode = optional(values['mode'], 'options.mode', int32) ?? 0o600
  if (length === 0) throw invalidArgValue('byteLength', byteLength, 'must be at least 1')
  const fd = openOrMakeSegment(segment, length, mode)
  return mapDescriptor(fd, { name: segment, path: null }, 'read-write', settings)
}

function openDescriptor(fd: number, access: SharedAccess | undefined): Region {
  const own = checked(native.duplicate(fd), 'fcntl')
  return mapDescriptor(own, unnamed, access ?? accessOf(own), noSettings)
}

function openNamed(text: string, access: SharedAccess, argument: string): Region {
  const flag = access === 'read' ? fsConstants.O_RDONLY : fsConstants.O_RDWR
  if (!isSegmentName(text)) {
    return mapDescriptor(openOwn(text, flag), { name: null, path: text }, access, noSettings)
  }
  const name = segmentName(text, argument)
  return mapDescriptor(openSegment(name, flag), { name, path: null }, access, noSettings)
}

function accessOption(options: unknown): SharedAccess | undefined {
  return optional(optionsObject(options, ['access'])['access'], 'options.access', checkSharedAccess)
}

export function openSharedMemory(nameOrPath: unknown, options: unknown): Region {
  const access = accessOption(options)
  if (typeof nameOrPath === 'number') return openDescriptor(int32(nameOrPath, 'nameOrPath'), access)
  return openNamed(cString(nameOrPath, 'nameOrPath'), access ?? 'read-write', 'nameOrPath')
}

export function inheritedSegment(key: unknown, options: unknown): Region {
  const name = cString(key, 'key')
  const wanted = accessOption(options)
  const { place, access, identity } = findInherited(name)
  if (typeof place === 'number') {
    // Memory that was passed on for writing may have been sealed since: the descriptor tells.
    const opening = wanted ?? (access === 'read' ? access : undefined)
    return verified(openDescriptor(place, opening), name, identity)
  }
  // The kernel would refuse a descriptor for reading; a path is opened anew, for anything.
  if (wanted === 'read-write' && access === 'read') {
    throw systemError(-constants.errno.EACCES, 'mmap', null, ' (passed on for reading)')
  }
  const origin = { name: null, path: place }
  const opening = wanted ?? access
  const flag = opening === 'read' ? fsConstants.O_RDONLY : fsConstants.O_RDWR
  return verified(mapDescriptor(openOwn(place, flag), origin, opening, noSettings), name, identity)
}

/** The holder may have closed its descriptor, and the number may be another file's by now. */
function verified(region: Region, key: string, identity: string): Region {
  const { fd } = region.facts.segment as Segment
  if (identityOf(fd) === identity) return region
  native.unmap(region.handle)
  native.closeDescriptor(fd)
  throw inheritedClosed(key)
}

export function unlinkSegment(name: unknown): void {
  removeSegment(segmentName(name, 'name'))
}

/** The descriptor and name of an open mapping of shared memory. */
function segmentOf(memory: Mapped): Segment {
  return regionOf(memory).facts.segment as Segment
}

export function fdOfSegment(memory: Mapped): number {
  const region = anyRegionOf(memory)
  return region?.closed === undefined ? (region?.facts.segment?.fd ?? -1) : -1
}

export function nameOfSegment(memory: Mapped): string | null {
  return anyRegionOf(memory)?.facts.segment?.name ?? null
}

export function sealsOfSegment(memory: Mapped): readonly Seal[] {
  return sealsOf(ownDescriptor(segmentOf(memory)))
}

/** A descriptor for reading of the memory of another one. */
function openReadOnly(fd: number, { name, path }: Origin): number {
  try {
    return openOwn(`/proc/self/fd/${fd}`, fsConstants.O_RDONLY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  // Without /proc there is only what has a name, which may be another file's by now.
  const own = openByName({ name, path })
  if (own >= 0 && identityOf(own) === identityOf(fd)) return own
  if (own >= 0) native.closeDescriptor(own)
  const remark = ' (/proc is not mounted, and no name leads to the memory)'
  throw systemError(-constants.errno.ENOENT, 'open', `/proc/self/fd/${fd}`, remark)
}

function openByName({ name, path }: Origin): number {
  try {
    if (name !== null) return openSegment(name, fsConstants.O_RDONLY)
    return path === null ? -1 : openOwn(path, fsConstants.O_RDONLY)
  } catch {
    return -1
  }
}

export function readOnlyRegion(memory: Mapped): Region {
  const segment = segmentOf(memory)
  const origin = { name: segment.name, path: regionOf(memory).facts.path }
  const own = openReadOnly(ownDescriptor(segment), origin)
  return mapDescriptor(own, origin, 'read', noSettings)
}

export function sealWrites(memory: Mapped): void {
  const segment = segmentOf(memory)
  addSeals(ownDescriptor(segment), segment.name, 'future-write', 'seal')
}
