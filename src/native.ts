// The typed boundary to the addon, and the one place that loads it. Everything here takes checked
// arguments; a negative number that comes back is an errno.

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { noBinding } from './errors.js'

/** Stands for a live region of this thread; never 0 and never used again. */
export type Handle = number
/** 0 or more on success, a negative errno otherwise. */
export type Result = number
/** Work of this thread in the background; greater than 0 and never used again. */
export type Job = number
/** A word that this thread waits for; greater than 0 and never used again. */
export type Wait = number
/** [kind, offset, count]; the kinds are numbered as in `faultKinds`. */
export type NativeFault = readonly [kind: number, offset: number, count: number]

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
  ): Handle | Result
  /** Whether there was a fault that the listener has not heard of. */
  unmap(handle: Handle): boolean
  release(handle: Handle): void
  /** -EXDEV when a buffer was transferred, -EBUSY when others use private memory. */
  remap(handle: Handle, length: number): Result
  /** The same for a mapping that is empty so far. */
  mapAgain(handle: Handle, length: number, fd: number, offset: number): Result
  arrayBuffer(handle: Handle, offset: number, length: number): ArrayBuffer | Result
  /** PROT_… of every page, or -1 when pages differ. */
  protection(handle: Handle): Result
  address(handle: Handle): bigint | Result
  watchForEnd(): boolean
  /** Live regions of the process, and detached buffers of this thread that still hold addresses. */
  regionCounts(): [live: number, quarantined: number]

  /** What {@link attach} takes in another thread; does not keep the region. */
  share(handle: Handle): [office: number, ticket: number] | Result
  attach(office: number, ticket: number): [handle: Handle, length: number, prot: number] | Result
  sharedArrayBuffer(handle: Handle): SharedArrayBuffer | Result
  /** Shows the region in the pages of a growable SharedArrayBuffer, given as all of its bytes. */
  overlay(handle: Handle, bytes: Uint8Array): Result
  clearOverlay(bytes: Uint8Array): Result

  copyOut(handle: Handle, offset: number, target: Uint8Array): NativeFault | null | Result
  copyIn(handle: Handle, offset: number, source: Uint8Array): NativeFault | null | Result

  /** Where all of `needle`, not empty, first stands in a range; null if nowhere. */
  searchFirst(handle: Handle, offset: number, length: number, needle: Uint8Array): Searched
  searchLast(handle: Handle, offset: number, length: number, needle: Uint8Array): Searched
  /** Brings the pages of a range into memory. */
  probe(handle: Handle, offset: number, length: number): NativeFault | null | Result

  msync(handle: Handle, offset: number, length: number, flags: number): Result
  madvise(handle: Handle, offset: number, length: number, advice: number): Result
  madviseInside(handle: Handle, offset: number, length: number, advice: number): Result
  madviseSupported(advice: number): boolean
  mprotect(handle: Handle, offset: number, length: number, prot: number): Result
  mlock(handle: Handle, offset: number, length: number, onFault: boolean): Result
  munlock(handle: Handle, offset: number, length: number): Result
  lockLimit(): number | null
  populate(handle: Handle, offset: number, length: number, write: boolean): Result
  discard(handle: Handle, offset: number, length: number): Result
  dropPages(handle: Handle, offset: number, length: number): Result
  punchHole(handle: Handle, offset: number, length: number): Result
  installGuard(handle: Handle, offset: number, length: number): Result
  removeGuard(handle: Handle, offset: number, length: number): Result
  pageCount(handle: Handle, offset: number, length: number): Result
  mincore(handle: Handle, offset: number, length: number, bitmap: Uint8Array): Result

  /** Calls back from the event loop as jobs go on, and with a result when one has ended. */
  listenForJobs(listener: (job: number, done: number, result?: Result) => void): boolean
  startFlush(handle: Handle, offset: number, length: number, flags: number): Job | Result
  startPopulate(handle: Handle, offset: number, length: number, write: boolean): Job | Result
  startLock(handle: Handle, offset: number, length: number, onFault: boolean): Job | Result
  /** Has a job stop soon and end with ECANCELED. */
  cancelJob(job: Job): void

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
  clearFault(handle: Handle): NativeFault | null | Result
  listenForFaults(listener: (handle: Handle) => void): boolean
  faultGuardActive(): boolean

  fileSize(fd: number): Result
  truncate(fd: number, size: number): Result
  reserveBlocks(fd: number, offset: number, length: number): Result
  /** A length of 0 means: to the end of the file. */
  fileAdvice(fd: number, offset: number, length: number, advice: number): Result
  /** Whether a mapping writes to the file of a descriptor. */
  isFileOf(handle: Handle, fd: number): boolean
  /** A descriptor of the file that a mapping writes to, found by any of the hints. */
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
  closeDescriptor(fd: number): Result
}

/** Above src/ and above dist/ alike; a bundler may have put this code somewhere else. */
function findRoot(): string {
  try {
    return fileURLToPath(new URL('..', import.meta.url))
  } catch (cause) {
    throw noBinding('an unknown place', cause)
  }
}

export const packageRoot: string = findRoot()

function load(): Native {
  let addon: Partial<Native>
  try {
    addon = createRequire(import.meta.url)('node-gyp-build')(packageRoot)
  } catch (cause) {
    throw noBinding(packageRoot, cause)
  }
  if (typeof addon.sourceDigest === 'string') return addon as Native
  throw noBinding(packageRoot, new Error("what is there is another package's"))
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

/** The size of a page of the running kernel, in bytes. sysconf(3) with _SC_PAGESIZE. */
export const pageSize: number = constant('pageSize')
