/**
 * The same mappings for those who think in man pages.
 *
 * @module posix-mmap/posix
 */

import { constants as fsConstants } from 'node:fs'
import { constants } from 'node:os'
import {
  byteCount,
  cString,
  int32,
  optionalByteCount,
  options as optionsObject,
  rangeArguments,
} from './arguments.js'
import { invalidArgType, invalidArgValue, outOfRange, systemError } from './errors.js'
import { Madvise, MapFlags, MremapFlags, Prot, Seals } from './kernel/flags.js'
import { assertPermitted } from './kernel/permission.js'
import type { Access } from './kernel/protection.js'
import { mapRegion } from './map/map-region.js'
import { noSettings } from './map/options.js'
import { endChoice } from './mapping/auto-advice.js'
import { lockRange, onRange, setProtection, syncRange } from './mapping/ranges.js'
import { regionOf } from './mapping/region.js'
import { remapRegion } from './mapping/resize.js'
import { createMapping, Mapping } from './mapping.js'
import { checked, checkedOnHandle, native } from './native.js'
import { fileOfSegment, removeSegment } from './sharing/descriptors.js'

export {
  Madvise,
  MapFlags,
  MemfdFlags,
  MremapFlags,
  MsyncFlags,
  Prot,
  Seals,
} from './kernel/flags.js'
export { type Limits, limits } from './kernel/limits.js'
export { pageSize } from './native.js'
export { Mapping }

/** What mmap(2) takes. */
export interface MmapOptions {
  /** In bytes. */
  length: number | bigint
  /** {@link Prot} values. */
  prot: number
  /** {@link MapFlags} values: SHARED, SHARED_VALIDATE or PRIVATE, and more. */
  flags: number
  /** A descriptor of the file; not with ANONYMOUS. Stays the caller's. */
  fd?: number | undefined
  /** In the file, in bytes, default 0. Need not be page aligned. */
  offset?: number | bigint | undefined
  /** Where to map, in whole pages: a wish, or with FIXED_NOREPLACE a condition. */
  addr?: number | bigint | undefined
}

const mmapNames = ['length', 'prot', 'flags', 'fd', 'offset', 'addr']

const union = (flags: object): number =>
  Object.values(flags).reduce(
    (all: number, flag) => (typeof flag === 'number' ? all | flag : all),
    0,
  )

const allProt = union(Prot)
const allMapFlags = union(MapFlags)

function bits(value: unknown, name: string, allowed: number): number {
  const given = int32(value, name)
  if ((given & ~allowed) !== 0) {
    throw invalidArgValue(name, given, 'has bits that are not supported')
  }
  return given
}

// Below it no program has anything (vm.mmap_min_addr), and address 0 is no address to JavaScript.
const lowestAddress = 0x10000

function address(value: unknown, name: string): number | bigint {
  if (value === undefined) return 0
  const wanted = typeof value === 'bigint' ? value : byteCount(value, name)
  if (wanted < lowestAddress || wanted >= 2n ** 64n) {
    throw outOfRange(name, `>= ${lowestAddress} and < 2n ** 64n`, value)
  }
  return wanted
}

function accessOf(prot: number, flags: number): Access {
  if ((flags & MapFlags.ANONYMOUS) !== 0) return 'read-write'
  if ((flags & MapFlags.SHARED_VALIDATE) === MapFlags.PRIVATE) return 'copy-on-write'
  return (prot & Prot.WRITE) === 0 ? 'read' : 'read-write'
}

/**
 * mmap(2). The file may be shorter than the mapping: an access past its end is a fault of kind
 * `'truncated'`. FIXED is refused with EEXIST over anything that is mapped; HUGETLB and GROWSDOWN
 * are not supported. POPULATE and LOCKED hide their errors, as in C; populateSync() and lockSync()
 * do not.
 *
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE · the errors of mmap(2)
 */
export function mmap(options: MmapOptions): Mapping {
  if (options === undefined) throw invalidArgType('options', 'of type object', options)
  const values = optionsObject(options, mmapNames)
  const length = byteCount(values['length'], 'options.length')
  const prot = bits(values['prot'], 'options.prot', allProt)
  const wanted = bits(values['flags'], 'options.flags', allMapFlags)
  const addr = address(values['addr'], 'options.addr')
  const offset = optionalByteCount(values['offset'], 'options.offset') ?? 0
  const anonymous = (wanted & MapFlags.ANONYMOUS) !== 0
  const fd = anonymous ? -1 : int32(values['fd'], 'options.fd')
  if (length === 0) throw systemError(-constants.errno.EINVAL, 'mmap')
  if (fd >= 0 && native.fileSize(fd) === -constants.errno.EOPNOTSUPP) {
    throw systemError(-constants.errno.EOPNOTSUPP, 'mmap', null, ' (a file of hugetlbfs)')
  }
  const fixed = (wanted & MapFlags.FIXED) !== 0
  if (addr === 0 && (wanted & (MapFlags.FIXED | MapFlags.FIXED_NOREPLACE)) !== 0) {
    throw invalidArgValue('options.addr', undefined, 'is needed with FIXED')
  }
  const flags = fixed ? (wanted & ~MapFlags.FIXED) | MapFlags.FIXED_NOREPLACE : wanted
  const access = accessOf(prot, flags)
  const request = { fd, offset, length, prot, flags, address: addr }
  return createMapping(mapRegion(request, noSettings, { access, path: null }))
}

function checkMapping(value: unknown): Mapping {
  if (value instanceof Mapping) return value
  throw invalidArgType('mapping', 'an instance of Mapping', value)
}

/**
 * munmap(2): {@link Mapping.unmap}.
 *
 * @throws ERR_INVALID_ARG_TYPE for anything that is not a mapping
 */
export function munmap(mapping: Mapping): void {
  checkMapping(mapping).unmap()
}

/**
 * mprotect(2), with PROT_EXEC as well. Acts on every page that the range touches.
 *
 * @param prot {@link Prot} values
 * @param offset in bytes from the start of the mapping, default 0
 * @param length in bytes, default the rest
 * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · EACCES, ENOMEM
 */
export function mprotect(
  mapping: Mapping,
  prot: number,
  offset?: number | bigint,
  length?: number | bigint,
): void {
  const memory = checkMapping(mapping)
  const wanted = bits(prot, 'prot', allProt)
  setProtection(memory, rangeArguments(offset, length), wanted)
}

/**
 * msync(2) with {@link MsyncFlags}. Acts on every page that the range touches.
 *
 * @param flags {@link MsyncFlags} values
 * @param offset in bytes from the start of the mapping, default 0
 * @param length in bytes, default the rest
 * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · EINVAL for flags
 *   that exclude each other, EBUSY for locked pages with INVALIDATE, EIO
 */
export function msync(
  mapping: Mapping,
  flags: number,
  offset?: number | bigint,
  length?: number | bigint,
): void {
  const memory = checkMapping(mapping)
  const wanted = int32(flags, 'flags')
  const range = rangeArguments(offset, length)
  syncRange(memory, range, wanted)
}

const destructive: readonly number[] = [
  Madvise.DONTNEED,
  Madvise.FREE,
  Madvise.REMOVE,
  Madvise.GUARD_INSTALL,
  Madvise.GUARD_REMOVE,
]

/**
 * madvise(2) with any {@link Madvise} value. Values that destroy data act only on pages that the
 * range fills, the others on every page that it touches.
 *
 * @param advice one of the {@link Madvise} values
 * @param offset in bytes from the start of the mapping, default 0
 * @param length in bytes, default the rest
 * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · EINVAL where the
 *   kernel has no such advice for this memory, EACCES, EPERM, ENOMEM
 */
export function madvise(
  mapping: Mapping,
  advice: number,
  offset?: number | bigint,
  length?: number | bigint,
): void {
  const memory = checkMapping(mapping)
  const value = int32(advice, 'advice')
  if (Madvise[value] === undefined) throw invalidArgValue('advice', advice, 'must be of Madvise')
  const range = rangeArguments(offset, length)
  onRange(memory, range, 'madvise', (...pages) => {
    if (value === Madvise.GUARD_INSTALL) return native.installGuard(...pages)
    const inside = destructive.includes(value)
    endChoice(pages[0], value)
    return inside ? native.madviseInside(...pages, value) : native.madvise(...pages, value)
  })
}

/**
 * mremap(2) — makes a mapping longer or shorter; the file keeps its size. Always moves: buffers given
 * out before are detached.
 *
 * @param newLength in bytes, at least 1
 * @param flags {@link MremapFlags} values, default MAYMOVE
 * @throws ENOMEM without MAYMOVE · EINVAL for a length of 0, for a private mapping of a file, for memory whose pages differ in
 *   protection, and for shared anonymous memory that would grow · EBUSY for private memory that others
 *   use · ERR_MAPPING_CLOSED
 */
export function mremap(
  mapping: Mapping,
  newLength: number | bigint,
  flags: number = MremapFlags.MAYMOVE,
): void {
  const memory = checkMapping(mapping)
  const length = byteCount(newLength, 'newLength')
  const wanted = bits(flags, 'flags', MremapFlags.MAYMOVE)
  const region = regionOf(memory)
  if (length === 0) throw systemError(-constants.errno.EINVAL, 'mremap')
  if (wanted === 0) throw systemError(-constants.errno.ENOMEM, 'mremap')
  remapRegion(region, length)
}

/**
 * mlock(2), by way of mlock2(2), which errors name. Acts on every page that the range touches.
 *
 * @param offset in bytes from the start of the mapping, default 0
 * @param length in bytes, default the rest
 * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ENOMEM, EAGAIN,
 *   EPERM beyond {@link Limits.lockedBytes}
 */
export function mlock(mapping: Mapping, offset?: number | bigint, length?: number | bigint): void {
  const memory = checkMapping(mapping)
  const range = rangeArguments(offset, length)
  lockRange(memory, range, false)
}

/**
 * munlock(2). Acts on every page that the range touches.
 *
 * @param offset in bytes from the start of the mapping, default 0
 * @param length in bytes, default the rest
 * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ENOMEM
 */
export function munlock(
  mapping: Mapping,
  offset?: number | bigint,
  length?: number | bigint,
): void {
  checkMapping(mapping).unlock(offset, length)
}

/**
 * mincore(2) — a byte for each page that the range touches: 1 in memory, 0 not.
 *
 * @param offset in bytes from the start of the mapping, default 0
 * @param length in bytes, default the rest
 * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ENOMEM
 */
export function mincore(
  mapping: Mapping,
  offset?: number | bigint,
  length?: number | bigint,
): Uint8Array {
  return checkMapping(mapping).residency(offset, length).vector
}

// node:fs has no O_ACCMODE: the bits of O_RDONLY, O_WRONLY and O_RDWR.
const shmFlags = { ...fsConstants, O_ACCMODE: fsConstants.O_WRONLY | fsConstants.O_RDWR }

function callersOwn(fd: number): number {
  native.handOverDescriptor(fd)
  return fd
}

/**
 * memfd_create(2) with {@link MemfdFlags}, default CLOEXEC — a descriptor that is the caller's to
 * close.
 *
 * @param flags {@link MemfdFlags} values, default CLOEXEC
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · EINVAL for flags that the kernel does not know,
 *   EMFILE, ENFILE, ENOMEM
 */
export function memfdCreate(name: string, flags = 1 /* CLOEXEC */): number {
  const fd = native.memfdCreate(cString(name, 'name'), int32(flags, 'flags'))
  return callersOwn(checked(fd, 'memfd_create'))
}

const allSeals = union(Seals)

/**
 * fcntl(2), F_ADD_SEALS — forbids operations on a memfd for good; it must have been made with
 * {@link MemfdFlags.ALLOW_SEALING}.
 *
 * @param fd a descriptor of it, open for writing
 * @param seals {@link Seals} values
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE · EPERM when it is sealed with SEAL, or
 *   open for reading · EBUSY for WRITE while a writable mapping is shared · EINVAL for a file that cannot be
 *   sealed · EBADF
 */
export function addSeals(fd: number, seals: number): void {
  const descriptor = int32(fd, 'fd')
  checked(native.addSeals(descriptor, bits(seals, 'seals', allSeals)), 'fcntl')
}

/**
 * fcntl(2), F_GET_SEALS — {@link Seals} values.
 *
 * @param fd a descriptor of a memfd
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE · EINVAL for a file that cannot be sealed · EBADF
 */
export function getSeals(fd: number): number {
  return checked(native.getSeals(int32(fd, 'fd')), 'fcntl')
}

/**
 * shm_open(3) with flags of `fs.constants` — a descriptor that is the caller's to close.
 *
 * @param flags values of `fs.constants`, as open(2) takes them
 * @param mode permissions of what is made, before the umask; default 0o600
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ENOENT, EEXIST, EACCES, EINVAL, EMFILE, …
 */
export function shmOpen(name: string, flags: number, mode = 0o600): number {
  const path = cString(name, 'name')
  const how = int32(flags, 'flags')
  const permissions = int32(mode, 'mode')
  const { O_ACCMODE, O_CREAT, O_RDONLY, O_TRUNC } = shmFlags
  const writes = (how & O_ACCMODE) !== O_RDONLY || (how & (O_CREAT | O_TRUNC)) !== 0
  assertPermitted(fileOfSegment(path), 'fs.read', ...(writes ? (['fs.write'] as const) : []))
  const fd = native.shmOpen(path, how, permissions)
  return callersOwn(checked(fd, 'shm_open', path))
}

/**
 * shm_unlink(3).
 *
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ENOENT, EACCES
 */
export function shmUnlink(name: string): void {
  removeSegment(cString(name, 'name'))
}

/**
 * Where a mapping lies in this process, for `addr` and for /proc/self/maps; proc(5).
 *
 * @throws ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED
 */
export function addressOf(mapping: Mapping): bigint {
  const region = regionOf(checkMapping(mapping))
  const address = native.address(region.handle)
  return typeof address === 'bigint'
    ? address
    : BigInt(checkedOnHandle(address, 'mmap', region.origin))
}
