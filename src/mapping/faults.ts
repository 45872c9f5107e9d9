// What a mapping says of its faults. Faults are found out by the addon's signal handlers; here they
// become values and exceptions.

import { constants } from 'node:os'
import { callback } from '../arguments.js'
import { type MappingFault, MappingFaultError, nameOf } from '../errors.js'
import {
  checkedOnHandle,
  closedHandle,
  type Handle,
  type NativeFault,
  native,
  type Result,
} from '../native.js'
import { type Mapped, type Region, regionOf } from './region.js'

const kinds = [undefined, 'truncated', 'read-only', 'no-access', 'unreadable'] as const

export function toMappingFault(fault: NativeFault): MappingFault {
  const [kind, offset, count, errno] = fault
  const told = { kind: kinds[kind] ?? 'no-access', offset, count }
  return errno === 0 ? told : { ...told, code: nameOf(errno) }
}

function faultOrNull(fault: NativeFault | null | Result): MappingFault | null {
  return typeof fault === 'number' || fault === null ? null : toMappingFault(fault)
}

/** The faults since the mapping was made or clearFault() was called; what they were after unmap(). */
export function faultOf(region: Region): MappingFault | null {
  if (region.closed !== undefined) return region.closed.fault
  return faultOrNull(native.fault(region.handle))
}

/** {@link faultOf}, for the program. */
export function askFault(region: Region): MappingFault | null {
  const fault = faultOf(region)
  tell(region, fault)
  return fault
}

/** Whom a fault belongs to: a region, or what is about to become one. */
export interface FaultOwner {
  /** What an error calls it. */
  readonly origin: string | null
  faultsTold: number
}

function tell(owner: FaultOwner, fault: MappingFault | null): void {
  owner.faultsTold = Math.max(owner.faultsTold, fault?.count ?? 0)
}

/** The exception that a fault becomes. The program knows of it then. */
export function faultError(owner: FaultOwner, fault: NativeFault): MappingFaultError {
  // What is told of a range counts from there; none that happened before the exception is a secret.
  owner.faultsTold = Number.POSITIVE_INFINITY
  return new MappingFaultError(toMappingFault(fault), owner.origin)
}

export function check(mapping: Mapped): void {
  const region = regionOf(mapping)
  if (region.memory.direct?.whole) return
  assertNoFault(native.check(region.handle), region, 'fstat')
}

export function clearFault(mapping: Mapped): MappingFault | null {
  const region = regionOf(mapping)
  const fault = faultOrNull(native.clearFault(region.handle))
  region.faultsTold = 0
  return fault
}

/** Throws what a checked operation of the addon met with. */
export function assertNoFault(
  result: NativeFault | null | Result,
  region: FaultOwner,
  syscall: string,
): void {
  if (result === null) return
  if (typeof result === 'number') checkedOnHandle(result, syscall, region.origin)
  else throw faultError(region, result)
}

/** The faults so far, with what only a look at the end of the file shows; null of a closed mapping. */
function lateFault(region: Region): MappingFault | null {
  return region.closed === undefined
    ? faultOrNull(native.checkAgain(region.handle))
    : faultOf(region)
}

/** An errno for a page that is not there, of the calls that read pages in. */
const pageErrors = [constants.errno.EFAULT, constants.errno.ENOMEM, constants.errno.EAGAIN]

/**
 * What comes of a call that reads pages in and gave `result`: throws the fault of the first page that
 * the file has lost. A page that was lost for a moment, because the file was being rewritten, has been
 * read in meanwhile, and the result is 0. `write` says that the call was to store as well.
 */
export function resultOfReadingIn(
  result: Result,
  [handle, offset, length]: readonly [handle: Handle, offset: number, length: number],
  write: boolean,
  owner: FaultOwner,
): Result {
  if (!pageErrors.includes(-result)) return result
  const lost = native.lostPage(handle, offset, length, write)
  if (typeof lost === 'number') return result
  if (lost === null) return 0
  const { kind } = toMappingFault(lost)
  if (kind === 'truncated' || kind === 'unreadable') throw faultError(owner, lost)
  return result
}

/**
 * The same for mlock2(2), which says ENOMEM of its limits as well: only where it goes on without
 * reading pages in, one of them was at fault.
 */
export function resultOfLocking(
  result: Result,
  pages: readonly [handle: Handle, offset: number, length: number],
  owner: FaultOwner,
): Result {
  if (!pageErrors.includes(-result) || native.mlock(...pages, true) !== 0) return result
  let locked: Result = result
  try {
    locked = resultOfReadingIn(result, pages, false, owner)
  } finally {
    if (locked !== 0) native.munlock(...pages)
  }
  return locked
}

/** Throws where msync(2) does not carry all of a range to its file. */
export function assertSyncable(
  region: Region,
  { offset, length }: { offset: number; length: number },
): void {
  // unmap() and resize() leave nothing to say of a flush() that is under way.
  if (region.closed !== undefined || offset + length > region.byteLength) return
  const fault = native.unsyncable(region.handle, offset, length)
  if (fault !== closedHandle) assertNoFault(fault, region, 'msync')
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** Runs `body`, then {@link check}; of a promise, once it has settled. */
export function runChecked<R>(mapping: Mapped, body: () => R): R {
  const run = callback<() => R>(body, 'body')
  const region = regionOf(mapping)
  const onValue = <V>(value: V): V => {
    const { handle } = regionOf(mapping)
    // Where a file ends inside a page, the rest of it shows zeros without a fault: also after that was
    // told and cleared.
    assertNoFault(native.checkAgain(handle), region, 'fstat')
    return value
  }
  // What a parser says of zeros that stand in for lost bytes is a consequence of the fault.
  const onError = (cause: unknown): never => {
    const fault = lateFault(region)
    tell(region, fault)
    throw fault === null ? cause : new MappingFaultError(fault, region.origin, { cause })
  }
  let result: R
  try {
    result = run()
  } catch (error) {
    return onError(error)
  }
  if (!isThenable(result)) return onValue(result)
  region.checking++
  return result.then(
    (value) => {
      region.checking--
      return onValue(value)
    },
    (error) => {
      region.checking--
      return onError(error)
    },
  ) as R
}
