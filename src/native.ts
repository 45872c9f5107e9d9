// The typed boundary to the addon, and the one place that loads it. Everything here takes checked
// arguments; a negative number that comes back is an errno.

import { existsSync, readFileSync } from 'node:fs'
import module from 'node:module'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  accessDenied,
  addonsForbidden,
  mappingClosed,
  memoryRemark,
  movedAway,
  noBinding,
  systemError,
} from './errors.js'

/** Stands for a live region of this thread; never 0 and never used again. */
export type Handle = number
/** 0 or more on success, a negative errno otherwise. */
export type Result = number
/** Work of this thread in the background; greater than 0 and never used again. */
export type Job = number
/** A word that this thread waits for; greater than 0 and never used again. */
export type Wait = number
/** The kinds are numbered as in `faultKinds`; `errno` is 0 where there is none. */
export type NativeFault = readonly [kind: number, offset: number, count: number, errno: number]
/** Which file it is; opaque, of {@link Native.fileSize}. */
export type FileIdentity = BigUint64Array

/** What fileSize() stores in. */
export const newFileIdentity = (): FileIdentity => new BigUint64Array(3)

/** Called on a buffer with 0. */
type DetachFunction = (this: ArrayBuffer, byteLength: number) => unknown

/** The steps of {@link Native.mapFile}: what failed. */
export const fileSteps = [
  undefined,
  'open',
  'fstat',
  'range',
  'mmap',
  'fallocate',
  'ftruncate',
] as const

export type Searched = Result | null | NativeFault

export interface Native {
  readonly constants: Readonly<Record<string, number>>
  /** SHA-256 of what the binary was made from, as scripts/source-digest.js has it. */
  readonly sourceDigest: string

  map(
    fd: number,
    offset: number,
    length: number,
    prot: number,
    flags: number,
    address: number | bigint,
    hugePages: boolean,
    /** Of the file, if fileSize() was asked already. */
    identity?: FileIdentity,
    /** The file is sealed against shrinking. */
    keepsSize?: boolean,
    /** Its size may be asked for by the descriptor later. */
    lendsFd?: boolean,
    /** Its size may be asked for by this name later. */
    path?: string | null,
    /** So many last bytes a second time, at the addresses behind the others; whole pages. */
    mirrored?: number,
  ): Handle | Result
  /**
   * open(2), fstat(2), mmap(2), then fallocate(2) or ftruncate(2) to `size`, and close(2), of a path; of a
   * descriptor all but the first and the last. A `length` of -1 is the rest of the file, a `size` of -1
   * leaves the file as long as it is. With `ownTable` a path is open only in a table of descriptors of
   * the package's own. `step` is an index of {@link fileSteps}, or -1 where that table cannot be had.
   */
  mapFile(
    file: number | string | Uint8Array,
    openFlags: number,
    mode: number,
    offset: number,
    length: number,
    size: number,
    sparse: boolean,
    prot: number,
    flags: number,
    hugePages: boolean,
    mayBePrivate: boolean,
    ownTable: boolean,
  ): [
    handle: Handle,
    length: number,
    flags: number,
    step: number,
    error: Result,
    fileSize: number,
    fileSystem: number,
  ]
  /**
   * Detaches every buffer, by `detach` if it is given: one for which that throws shows zeros from then on.
   * Returns what {@link protection} did, or with it the faults so far, as {@link fault} has them, and
   * before those whether there are some (1) that have not been reported to the listener.
   */
  unmap(
    handle: Handle,
    detach?: DetachFunction,
  ): Result | readonly [protection: Result, unreported: number, ...fault: NativeFault]
  release(handle: Handle): void
  /** Detaches buffers as {@link unmap} does. -EBUSY when others use private memory. */
  remap(handle: Handle, length: number, detach: DetachFunction | undefined): Result
  /** The same for a mapping that is empty so far. */
  mapAgain(handle: Handle, length: number, fd: number, offset: number): Result
  /**
   * Another mapping of the last page, up to the last byte, whose faults nobody is told of: it shows whether
   * the file has that page. 0 where no page can be lost.
   */
  lastPage(handle: Handle): [handle: Handle, length: number] | Result
  arrayBuffer(handle: Handle, offset: number, length: number): ArrayBuffer | Result
  /** PROT_… of every page, or -1 when pages differ. */
  protection(handle: Handle): Result
  address(handle: Handle): bigint | Result
  watchForEnd(): boolean
  /** Live regions of the process, and detached buffers of this thread that still hold addresses. */
  regionCounts(): [live: number, quarantined: number]
  /** What the kernel counts, and its limits; -1 for what is not known or has no limit. */
  memoryAccount(): [
    locked: number,
    lockLimit: number,
    addresses: number,
    addressLimit: number,
    data: number,
    dataLimit: number,
    mappings: number,
    mappingLimit: number,
  ]
  /** In bytes; -1 if not known. */
  availableMemory(): number
  /** How many kernel mappings a process may have; -1 if not known. */
  mapCountLimit(): number

  /**
   * What {@link attach} takes in another thread; does not keep the region. `facts` is given to those who
   * attach, and a duplicate of `fd` (-1 for none).
   */
  share(handle: Handle, facts: string, fd: number): string | Result
  /** -EXDEV for a text that {@link share} did not return in this process. */
  attach(
    token: string,
  ): [handle: Handle, length: number, prot: number, facts: string, fd: number] | Result
  sharedArrayBuffer(handle: Handle): SharedArrayBuffer | Result
  /**
   * Shows the region in pages that V8 has for a SharedArrayBuffer or for WebAssembly, as many bytes as the
   * region has. -EFAULT when they are no pages to be written to any more.
   */
  overlay(handle: Handle, bytes: Uint8Array): Result
  clearOverlay(bytes: Uint8Array): Result

  copyOut(handle: Handle, offset: number, target: Uint8Array): NativeFault | null | Result
  copyIn(handle: Handle, offset: number, source: Uint8Array): NativeFault | null | Result
  /** {@link copyOut} of what is in memory as a whole; -EAGAIN, and nothing is copied, of anything else. */
  copyResident(handle: Handle, offset: number, target: Uint8Array): NativeFault | null | Result
  /** Whether the pieces of such a copy must be copied last piece first. */
  copiesBackward(handle: Handle, offset: number, bytes: Uint8Array, out: boolean): boolean

  /**
   * Stores two numbers for each line, in the byte order of the machine and counted from the start of the
   * range: where its text ends, before '\n' or '\r\n', and where the next line begins; each takes four
   * bytes. Returns how many lines. A last line without '\n' is none.
   */
  lineEnds(handle: Handle, offset: number, length: number, ends: Uint8Array): Result | NativeFault
  /** The same of the first `length` bytes of memory that is no mapping. */
  lineEndsOfCopy(bytes: Uint8Array, length: number, ends: Uint8Array): Result
  /** Where all of `needle`, not empty, first stands in a range; null if nowhere. */
  searchFirst(handle: Handle, offset: number, length: number, needle: Uint8Array): Searched
  searchLast(handle: Handle, offset: number, length: number, needle: Uint8Array): Searched
  /** Brings the pages of a range into memory. */
  probe(handle: Handle, offset: number, length: number): NativeFault | null | Result
  /**
   * The first page that populate() or mlock() could not have, since it is truncated, unreadable or
   * protected; null if all are in memory now.
   */
  lostPage(
    handle: Handle,
    offset: number,
    length: number,
    write: boolean,
  ): NativeFault | null | Result
  /** Whether bytes that probe() has found there are so still, without a look at each page. */
  stillThere(handle: Handle, offset: number, length: number): NativeFault | null | Result
  /** Why msync() of a range does not carry all of it to its file. */
  unsyncable(handle: Handle, offset: number, length: number): NativeFault | null | Result

  msync(handle: Handle, offset: number, length: number, flags: number): Result
  madvise(handle: Handle, offset: number, length: number, advice: number): Result
  madviseInside(handle: Handle, offset: number, length: number, advice: number): Result
  madviseSupported(advice: number): boolean
  /** A thread chooses the read-ahead from now on; `room` bytes of a file can be in memory. */
  startAutoAdvice(handle: Handle, room: number): Result
  stopAutoAdvice(handle: Handle): void
  mprotect(handle: Handle, offset: number, length: number, prot: number): Result
  mlock(handle: Handle, offset: number, length: number, onDemand: boolean): Result
  munlock(handle: Handle, offset: number, length: number): Result
  lockLimit(): number | null
  populate(handle: Handle, offset: number, length: number, write: boolean): Result
  discard(handle: Handle, offset: number, length: number): Result
  dropPages(handle: Handle, offset: number, length: number): Result
  punchHole(handle: Handle, offset: number, length: number): Result
  installGuard(handle: Handle, offset: number, length: number): Result
  removeGuard(handle: Handle, offset: number, length: number): Result
  pageCount(handle: Handle, offset: number, length: number): Result
  /** Where the piece of a long range ends that begins at `offset`. */
  pieceEnd(handle: Handle, offset: number, end: number, piece: number): Result
  pieceStart(handle: Handle, begin: number, end: number, piece: number): Result
  mincore(handle: Handle, offset: number, length: number, vector: Uint8Array): Result

  /**
   * Calls back from the event loop as jobs go on, and with a result when one has ended; with the parts of
   * a {@link NativeFault} behind it if a copy met one.
   */
  listenForJobs(
    listener: (job: number, done: number, result?: Result, ...fault: NativeFault | []) => void,
  ): boolean
  startFlush(handle: Handle, offset: number, length: number, flags: number): Job | Result
  startPopulate(handle: Handle, offset: number, length: number, write: boolean): Job | Result
  startLock(handle: Handle, offset: number, length: number, onDemand: boolean): Job | Result
  /** Has the kernel begin to read; `ranges` are pairs of an offset and a length. */
  startPrefetch(handle: Handle, ranges: Float64Array): Job | Result
  /** {@link copyOut} in the background; `ahead` bytes behind the range are read in as well. */
  startCopy(handle: Handle, offset: number, target: Uint8Array, ahead: number): Job | Result
  /** For tests: as on a kernel without process_madvise(2). */
  forbidProcessMadvise(forbidden: boolean): void
  /** Has a job stop soon and end with ECANCELED. */
  cancelJob(job: Job): void
  /** Nobody waits for a job any more: it goes on until the kernel lets go of its thread. */
  abandonJob(job: Job): void
  /** Makes up for threads that hang in the kernel; whoever waits for a job calls this now and then. */
  lookAtJobs(): void

  /** Whether the elements of a view are in memory that the package mapped. */
  futexMemory(words: Int32Array): boolean
  /**
   * Blocks: 0, -EAGAIN, -ETIMEDOUT; -EINTR when somebody may have terminated the thread meanwhile,
   * -ERESTART when that was so before it had waited at all. In milliseconds.
   */
  futexWait(words: Int32Array, index: number, expected: number, timeout: number): Result
  futexWake(words: Int32Array, index: number, count: number): Result
  /** Whether futexWait() returns -EINTR and -ERESTART, for worker threads. */
  allowInterruptions(): boolean
  /** Calls back from the event loop when a wait has ended, with 0 or -ETIMEDOUT. */
  listenForWaits(listener: (wait: Wait, result: Result) => void): boolean
  /** With `confirm` a wake-up that comes after this call finds the wait. */
  startWait(
    words: Int32Array,
    index: number,
    expected: number,
    timeout: number,
    confirm: boolean,
    keepAlive: boolean,
  ): Wait | Result
  /** Whether it had not ended before; the listener is not called then. */
  cancelWait(wait: Wait): boolean
  /** For tests: as on a kernel without futex_waitv(2). */
  forbidFutexWaitv(forbidden: boolean): void
  waitThreads(): number
  /** Makes whoever has the descriptor open an owner; -EAGAIN when another one has the number. */
  holdOwner(fd: number, owner: number): Result
  /** Puts 0 in place of those that are alive. */
  findDeadOwners(fd: number, owners: Int32Array): Result
  /** Gives a file without a name one; -EEXIST when it is taken. */
  linkDescriptor(fd: number, path: string): Result

  fault(handle: Handle): NativeFault | null | Result
  /** The same, or that the file ends inside a page, if nobody was told so yet. */
  check(handle: Handle): NativeFault | null | Result
  /** The same, also where somebody was told. */
  checkAgain(handle: Handle): NativeFault | null | Result
  clearFault(handle: Handle): NativeFault | null | Result
  /** A number of 32 bits that moves whenever {@link isSound} may have changed, of any mapping. */
  faultEpoch(): ArrayBuffer | Result
  /** Whether all of it can be read and shows what was mapped, and no fault was recorded since. */
  isSound(handle: Handle): boolean
  listenForFaults(listener: (handle: Handle) => void): boolean
  faultGuardActive(): boolean

  /** Stores which file it is in `identity`. */
  fileSize(fd: number, identity?: FileIdentity): Result
  truncate(fd: number, size: number): Result
  reserveBlocks(fd: number, offset: number, length: number): Result
  /** A length of 0 means: to the end of the file. */
  fileAdvice(fd: number, offset: number, length: number, advice: number): Result
  /** How many pages are in memory. A length of 0 means: to the end of the file. */
  cachestat(fd: number, offset: number, length: number): Result
  /**
   * The size of the file, and in `cached`, of one element, how many of its pages are in the page cache or a
   * negative errno; -EFBIG for a file of more than `mostBytes`. `mapped`: without cachestat(2). The path must
   * have no NUL.
   */
  lookAtFile(
    path: string,
    mostBytes: number,
    mapped: boolean,
    identity: FileIdentity,
    cached: Float64Array,
  ): Result
  /**
   * A descriptor of the file that a mapping writes to, found by any of the hints. It may be of a table of
   * the package's own, so that only calls of this file take it.
   */
  openFileOf(handle: Handle, fd: number, path: string | null): Result
  /** This thread closes it at its end, as those of openFileOf(), shmOpen() and duplicate(). */
  memfdCreate(name: string, flags: number): Result
  shmOpen(name: string, flags: number, mode: number): Result
  shmUnlink(name: string): Result
  addSeals(fd: number, seals: number): Result
  getSeals(fd: number): Result
  duplicate(fd: number): Result
  /** O_RDONLY, O_WRONLY or O_RDWR. */
  accessMode(fd: number): Result
  /** Leaves it to the caller alone to close. */
  handOverDescriptor(fd: number): void
  /** Whether this thread holds it, and its number still stands for the file that it was opened for. */
  isOwnDescriptor(fd: number): boolean
  /** -EBADF for one that {@link isOwnDescriptor} says false of; that file stays open. */
  closeDescriptor(fd: number): Result
}

/**
 * Above src/ and above dist/ alike. Not as a URL of '..', in which bundlers see a module to take along;
 * where one makes CommonJS of this code, it has no URL at all.
 */
function findRoot(): string {
  try {
    return join(fileURLToPath(import.meta.url), '../..')
  } catch (cause) {
    throw movedAway(undefined, isSingleExecutable(), cause)
  }
}

export const packageRoot: string = findRoot()

interface Permission {
  has(scope: string, reference?: string): boolean
}

/** What the permission model, or `--no-addons`, refused; undefined if it was the lack of a binary. */
function refusal(cause: unknown): Error | undefined {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ERR_DLOPEN_DISABLED') return addonsForbidden(cause)
  // The loader finds no binary in a folder that it may not read.
  const { permission } = process as { permission?: Permission }
  const readable = permission?.has('fs.read', join(packageRoot, 'prebuilds')) ?? true
  return readable ? undefined : accessDenied('fs.read', packageRoot)
}

// By this name, tools that collect what a program loads know it (nft, and so Next.js).
const require = module.createRequire(import.meta.url)

/** Whether the folder is that of the package, and not one in which a bundler has put this code. */
function isInstalled(): boolean {
  try {
    return JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).name === 'posix-mmap'
  } catch {
    return false
  }
}

/** Whether the program and Node are one file: https://nodejs.org/api/single-executable-applications.html */
function isSingleExecutable(): boolean {
  if (!module.isBuiltin('node:sea')) return false
  const sea = process.getBuiltinModule('node:sea') as { isSea?: () => boolean } | undefined
  return sea?.isSea?.() ?? false
}

function isMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND'
}

/**
 * Each file twice, as literals: nft follows the first, and copies the file to where that finds it; webpack,
 * Vite and Parcel follow the second, and put the file and its URL where they like.
 */
const prebuilt: Record<string, [load: () => Partial<Native>, moved: () => URL]> = {
  'linux-x64': [
    () => require('../prebuilds/linux-x64/posix-mmap.node'),
    () => new URL('../prebuilds/linux-x64/posix-mmap.node', import.meta.url),
  ],
  'linux-arm64': [
    () => require('../prebuilds/linux-arm64/posix-mmap.node'),
    () => new URL('../prebuilds/linux-arm64/posix-mmap.node', import.meta.url),
  ],
}

function loadPrebuilt(): Partial<Native> | undefined {
  const [load, moved] = prebuilt[`${process.platform}-${process.arch}`] ?? []
  if (load === undefined || moved === undefined) return undefined
  try {
    return load()
  } catch (cause) {
    const { href } = moved()
    // Turbopack makes one for browsers of it in the code of a page, which names no file.
    if (!isMissing(cause) || !href.startsWith('file:') || !existsSync(fileURLToPath(href)))
      throw cause
    return require(fileURLToPath(href))
  }
}

/** What is built in a checkout comes first; it is not in what npm installs. */
function loadAddon(): Partial<Native> {
  if (process.env['PREBUILDS_ONLY'] !== undefined || !existsSync(join(packageRoot, 'build'))) {
    try {
      const prebuilt = loadPrebuilt()
      if (prebuilt !== undefined) return prebuilt
    } catch (cause) {
      if (!isMissing(cause)) throw cause
    }
  }
  try {
    return require('node-gyp-build')(packageRoot)
  } catch (cause) {
    // It looks for files outside of the package too, at which the permission model of Node 20 throws.
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw cause
    return require(join(packageRoot, 'build/Release/posix_mmap.node'))
  }
}

/** Why there is no binary: what is most likely the matter comes first. */
function unavailable(cause: unknown): Error {
  const refused = refusal(cause)
  if (refused !== undefined) return refused
  if (isInstalled()) return noBinding(packageRoot, cause)
  return movedAway(packageRoot, isSingleExecutable(), cause)
}

function load(): Native {
  let addon: Partial<Native>
  try {
    addon = loadAddon()
  } catch (cause) {
    throw unavailable(cause)
  }
  if (typeof addon.sourceDigest === 'string') return addon as Native
  throw unavailable(new Error("what is there is another package's"))
}

export const native: Native = load()

/**
 * What all copies of this code in a thread have in common, as a test runner makes them that loads a
 * module anew for each test: they have one addon, which has one listener.
 */
export function common<T>(name: string, make: () => T): T {
  const addon = native as unknown as Record<symbol, T>
  const key = Symbol.for(`posix-mmap ${name}`)
  addon[key] ??= make()
  return addon[key]
}

/** Bun and Deno export libuv's names without the functions behind them. */
export const hasEventLoopOfNode =
  process.versions['bun'] === undefined && process.versions['deno'] === undefined

/** A number of the kernel's by its C name. */
export function constant(name: string): number {
  const value = native.constants[name]
  if (value === undefined) throw new Error(`the addon does not export ${name}`)
  return value
}

/** What a call on a handle answers once the mapping has been closed. */
export const closedHandle: Result = -constants.errno.ESTALE

/** Errors that do not say which of several limits was reached. */
function remarkOn(errno: Result, syscall: string, bytes: number): string {
  const { EAGAIN, EPERM } = constants.errno
  const locking = syscall === 'mlock2'
  // What MAP_LOCKED may not lock is EAGAIN too, and a limit of 0 is EPERM.
  const onLocks = (locking && (errno === -EAGAIN || errno === -EPERM)) || errno === -EAGAIN
  if (errno !== -constants.errno.ENOMEM && !onLocks) return ''
  const [live, quarantined] = native.regionCounts()
  const [locked, lockLimit, addresses, addressLimit, data, dataLimit, mappings, mappingLimit] =
    native.memoryAccount()
  return memoryRemark(locking || onLocks ? 'lock' : 'map', bytes, {
    ...{ live, quarantined, locked, lockLimit, addresses, addressLimit, data, dataLimit },
    ...{ mappings, mappingLimit, available: native.availableMemory() },
  })
}

/**
 * Returns what a system call returned, or throws its errno as an error in the form of Node's own:
 * the one place where a negative result becomes an exception.
 *
 * @param remark appended to the message; a number is how many bytes were asked for, for an error that
 *   names the limit which that would have passed
 */
export function checked(
  result: Result,
  syscall: string,
  path: string | null = null,
  remark: string | number = 0,
): number {
  if (result >= 0) return result
  const text = typeof remark === 'string' ? remark : remarkOn(result, syscall, remark)
  throw systemError(result, syscall, path, text)
}

/** {@link checked} for a call that takes a handle: one that was closed is `ERR_MAPPING_CLOSED`. */
export function checkedOnHandle(
  result: Result,
  syscall: string,
  path: string | null,
  remark: string | number = 0,
): number {
  if (result === closedHandle) throw mappingClosed()
  return checked(result, syscall, path, remark)
}

/** The size of a page of the running kernel, in bytes. sysconf(3) with _SC_PAGESIZE. */
export const pageSize: number = constant('pageSize')
