// Memory that several processes map: anonymous with a descriptor to pass on, or under a name.

import { constants as fsConstants } from 'node:fs'
import { constants } from 'node:os'
import {
  boolean,
  byteCount,
  int32,
  oneOf,
  optional,
  options as optionsObject,
} from './arguments.js'
import { invalidArgValue, mappingClosed, mixedHandle, systemError } from './errors.js'
import { findInherited, inheritedClosed, type SharedAccess } from './inheritance.js'
import { describeRegion, type MapRequest } from './map.js'
import { issueHandle, type MappingHandle } from './mapping/handle.js'
import { construction, openRegionOf, regionOf } from './mapping/lifetime.js'
import type { RegionDescription } from './mapping/region.js'
import { Mapping, onAttachShared } from './mapping.js'
import { constant, native } from './native.js'
import {
  type CommonSettings,
  commonSettings,
  type MapAnonymousOptions,
  mapAnonymousSettings,
} from './options.js'
import { protectionBits, protectionOfAccess } from './protection.js'
import { addSeals, type Seal, sealsOf } from './seals.js'
import {
  accessOf,
  cannotFault,
  checked,
  identityOf,
  isSegmentName,
  makeMemfd,
  makeSegment,
  openOwn,
  openSegment,
  segmentName,
  sizeOf,
  string,
} from './segment.js'
import { openOrMakeSegment } from './sharing/open-or-create.js'

/** How {@link SharedMemory.create} makes it. `noReserve` has no effect: blocks are reserved. */
export interface CreateSharedMemoryOptions extends MapAnonymousOptions {
  /** Make it under a name, for processes that are not related: shm_open(3). Left until unlink(). */
  name?: string
  /** Permissions of a named segment before the umask, default 0o600. */
  mode?: number
  /** Without a name: forbid to change its size, so that it cannot fault. Default true. */
  seal?: boolean
  /** Without a name: what /proc/self/maps calls it, default 'posix-mmap'. */
  label?: string
}

/** How {@link SharedMemory.openOrCreate} maps it, and makes it. */
export interface OpenOrCreateSharedMemoryOptions extends MapAnonymousOptions {
  /** Permissions of a segment that is made, before the umask; default 0o600. */
  mode?: number
}

/** How existing shared memory is mapped. */
export interface OpenSharedMemoryOptions {
  /** Default: what the descriptor allows; `'read-write'` for a name or a path. */
  access?: SharedAccess
}

const noSettings: CommonSettings = commonSettings({})

const descriptors = new FinalizationRegistry<number>((fd) => native.closeDescriptor(fd))

function checkSharedAccess(value: unknown, name: string): SharedAccess {
  return oneOf(value, name, ['read', 'read-write'])
}

let createSharedMemory: (
  description: RegionDescription,
  fd: number,
  name: string | null,
) => SharedMemory

/** Takes over `fd`, also when it throws. */
function mapDescriptor(
  fd: number,
  name: string | null,
  access: SharedAccess,
  settings: CommonSettings,
): SharedMemory {
  try {
    const size = sizeOf(fd, name)
    const request: MapRequest = {
      fd,
      offset: 0,
      length: size,
      prot: protectionBits(protectionOfAccess(access)),
      flags: constant('MAP_SHARED'),
      address: 0,
      access,
      path: name,
    }
    const neverFaults = cannotFault(fd, access)
    const description = { ...describeRegion(request, settings), neverFaults, fd }
    return createSharedMemory(description, fd, name)
  } catch (error) {
    native.closeDescriptor(fd)
    throw error
  }
}

/**
 * A {@link Mapping} over memory that other processes can map as well. Keeps one descriptor, which is
 * closed with {@link unmap}.
 */
export class SharedMemory extends Mapping {
  #fd: number
  readonly #name: string | null

  static {
    createSharedMemory = (description, fd, name) =>
      new SharedMemory(construction, description, fd, name)
  }

  protected constructor(
    key: typeof construction,
    description: RegionDescription,
    fd: number,
    name: string | null,
  ) {
    super(key, description)
    this.#fd = fd
    this.#name = name
    descriptors.register(this, fd, this)
  }

  /**
   * Makes shared memory, zeroed and with its blocks reserved. Without a name: memfd_create(2), sealed
   * against shrinking and growing, so that it cannot fault; nothing is left of it after a crash. With
   * one: shm_open(3) with O_CREAT and O_EXCL.
   *
   * @param byteLength in bytes, 1 to 2 ** 53 - 1; a length that the machine has no memory for is ENOMEM
   * @throws EEXIST when the name is taken · ENOSPC, ENOMEM, EMFILE, … of the calls named and of
   *   fallocate(2), mmap(2), madvise(2), mlock2(2) · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE,
   *   ERR_OUT_OF_RANGE
   */
  static create(byteLength: number | bigint, options?: CreateSharedMemoryOptions): SharedMemory {
    const length = byteCount(byteLength, 'byteLength')
    const values = optionsObject(options)
    const settings = mapAnonymousSettings(values)
    const name = optional(values['name'], 'options.name', segmentName) ?? null
    const mode = optional(values['mode'], 'options.mode', int32) ?? 0o600
    const seal = optional(values['seal'], 'options.seal', boolean)
    const label = optional(values['label'], 'options.label', string) ?? 'posix-mmap'
    if (length === 0) throw invalidArgValue('byteLength', byteLength, 'must be at least 1')
    if (name === null) {
      return mapDescriptor(makeMemfd(label, length, seal ?? true), null, 'read-write', settings)
    }
    if (seal === true) throw invalidArgValue('options.seal', seal, 'needs memory without a name')
    const fd = makeSegment(name, length, mode)
    try {
      return mapDescriptor(fd, name, 'read-write', settings)
    } catch (error) {
      native.shmUnlink(name)
      throw error
    }
  }

  /**
   * shm_open(3) — maps the segment of a name, or makes it: zeroed, with its blocks reserved. All who call
   * this with one name get one segment, whole: it is made without a name and linked when it is done, so
   * that a maker who is killed leaves nothing. One that {@link create} or others are making, which has no
   * size yet, is waited for, and taken over after a second in which that has not changed. Opens first and
   * creates only then: with fs.protected_regular, O_CREAT on another user's segment is refused.
   *
   * @param byteLength in bytes, 1 to 2 ** 53 - 1
   * @throws ERR_INVALID_ARG_VALUE when the segment that exists has another length, with both · otherwise
   *   as {@link create} and {@link open}
   */
  static openOrCreate(
    name: string,
    byteLength: number | bigint,
    options?: OpenOrCreateSharedMemoryOptions,
  ): SharedMemory {
    const segment = segmentName(name, 'name')
    const length = byteCount(byteLength, 'byteLength')
    const values = optionsObject(options)
    const settings = mapAnonymousSettings(values)
    const mode = optional(values['mode'], 'options.mode', int32) ?? 0o600
    if (length === 0) throw invalidArgValue('byteLength', byteLength, 'must be at least 1')
    return mapDescriptor(openOrMakeSegment(segment, length, mode), segment, 'read-write', settings)
  }

  /**
   * Maps shared memory that exists: by its name, shm_open(3); by a path; or through a descriptor,
   * which stays the caller's.
   *
   * @param nameOrPath a name as shm_open(3) takes it, with or without the slash before it; a path,
   *   with a slash elsewhere; or a descriptor, 0 to 2 ** 31 - 1
   * @throws ENOENT · EACCES when it is another user's, or `'read-write'` of a descriptor for reading ·
   *   ENODATA while it has no size yet · ELOOP, EISDIR, ENODEV for what is no file · EBADF, EMFILE,
   *   ENOMEM · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
   */
  static open(nameOrPath: string | number, options?: OpenSharedMemoryOptions): SharedMemory {
    const values = optionsObject(options)
    const access = optional(values['access'], 'options.access', checkSharedAccess)
    if (typeof nameOrPath === 'number') {
      const fd = checked(native.duplicate(int32(nameOrPath, 'nameOrPath')), 'fcntl', null)
      return mapDescriptor(fd, null, access ?? accessOf(fd), noSettings)
    }
    const text = string(nameOrPath, 'nameOrPath')
    const flag = access === 'read' ? fsConstants.O_RDONLY : fsConstants.O_RDWR
    const name = isSegmentName(text) ? segmentName(text, 'nameOrPath') : null
    const fd = name === null ? openOwn(text, flag) : openSegment(name, flag)
    return mapDescriptor(fd, name ?? text, access ?? 'read-write', noSettings)
  }

  /**
   * In a child process: what its parent passed on with withShared() under this key.
   *
   * @throws ERR_INVALID_ARG_VALUE for a key that was not passed on, with those that were · EBADF when
   *   the descriptor was closed · EACCES for write access to what was passed on for reading
   */
  static inherited(key: string, options?: OpenSharedMemoryOptions): SharedMemory {
    const name = string(key, 'key')
    const values = optionsObject(options)
    const wanted = optional(values['access'], 'options.access', checkSharedAccess)
    const { place, access, identity } = findInherited(name)
    // A descriptor has the kernel refuse it, a path would be opened anew.
    if (wanted === 'read-write' && access === 'read' && typeof place === 'string') {
      throw systemError(-constants.errno.EACCES, 'mmap', null, ' (passed on for reading)')
    }
    // It may have been sealed since: a descriptor tells.
    const opening = wanted ?? (access === 'read' || typeof place === 'string' ? access : undefined)
    const memory = SharedMemory.open(place, opening === undefined ? {} : { access: opening })
    if (identityOf(memory.#fd) === identity) return memory
    memory.unmap()
    throw inheritedClosed(name)
  }

  /**
   * shm_unlink(3) — removes a name. Whoever has it mapped keeps the memory.
   *
   * @throws ENOENT when there is none · EACCES when it is another user's · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for what cannot be a name
   */
  static unlink(name: string): void {
    const segment = segmentName(name, 'name')
    checked(native.shmUnlink(segment), 'shm_unlink', segment)
  }

  /** The descriptor, for those who pass it on themselves; -1 after {@link unmap}. */
  get fd(): number {
    return this.#fd
  }

  /** The name or path that it was made or opened under; null for memory without one. */
  get name(): string | null {
    return this.#name
  }

  /**
   * What nobody may do with it any more; fcntl(2), F_GET_SEALS. Named memory has `'seal'` alone: it
   * cannot be sealed.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  get seals(): readonly Seal[] {
    regionOf(this)
    return sealsOf(this.#fd)
  }

  /**
   * The same memory over a descriptor for reading only, to pass on to those who are only to read:
   * mmap(2) and mprotect(2) refuse to make it writable. A guard against mistakes; the same user can
   * re-open it for writing, see {@link sealWrites}.
   *
   * @throws ERR_MAPPING_CLOSED · EMFILE, ENOMEM · ENOENT where /proc is not mounted
   */
  readOnly(): SharedMemory {
    regionOf(this)
    const fd = openOwn(`/proc/self/fd/${this.#fd}`, fsConstants.O_RDONLY)
    return mapDescriptor(fd, this.#name, 'read', noSettings)
  }

  /**
   * fcntl(2) with F_SEAL_FUTURE_WRITE — this mapping, and those that exist, stay writable; nobody can
   * make another that is, or write to it by a descriptor. For good, and against everybody. What
   * withShared() passes on from then is for reading. Not for {@link punchHole} either.
   *
   * @throws EPERM for named memory, which cannot be sealed · ERR_MAPPING_CLOSED
   */
  sealWrites(): void {
    regionOf(this)
    addSeals(this.#fd, this.#name, 'future-write', 'seal')
  }

  /**
   * As {@link Mapping.share}: what attaches is a SharedMemory with a descriptor of its own.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  override share(): MappingHandle {
    const region = regionOf(this)
    const { access, fileOffset, path } = this
    const identity = identityOf(this.#fd)
    const shared = { fd: this.#fd, identity, name: this.#name }
    return issueHandle(region, { access, fileOffset, path, shared })
  }

  override unmap(): void {
    const open = openRegionOf(this) !== null
    super.unmap()
    if (!open) return
    descriptors.unregister(this)
    native.closeDescriptor(this.#fd)
    this.#fd = -1
  }
}

onAttachShared((description, { fd: theirs, identity, name }) => {
  let fd: number | undefined
  try {
    fd = checked(native.duplicate(theirs), 'fcntl', name)
    // The other thread may have closed it since, and the number may be another file's.
    if (identityOf(fd) !== identity) throw mappingClosed()
    // A handle is plain data, and may have been put together from two.
    const writes = description.access === 'read-write'
    if (writes && !native.isFileOf(description.handle, fd)) throw mixedHandle()
    description.neverFaults = cannotFault(fd, description.access)
    description.fd = fd
    return createSharedMemory(description, fd, name)
  } catch (error) {
    if (fd !== undefined) native.closeDescriptor(fd)
    native.unmap(description.handle)
    throw error
  }
})
