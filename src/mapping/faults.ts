// What a mapping says of its faults. Faults are found out by the addon's signal handlers; here they
// become values and exceptions.

import { callback } from '../arguments.js'
import { type MappingFault, MappingFaultError } from '../errors.js'
import { checkedOnHandle, type NativeFault, native, type Result } from '../native.js'
import { type Mapped, type Region, regionOf } from './region.js'

const kinds = [undefined, 'truncated', 'read-only', 'no-access'] as const

export function toMappingFault(fault: NativeFault): MappingFault {
  const [kind, offset, count] = fault
  return { kind: kinds[kind] ?? 'no-access', offset, count }
}

function faultOrNull(fault: NativeFault | null | Result): MappingFault | null {
  return typeof fault === 'number' || fault === null ? null : toMappingFault(fault)
}

/** The faults since the mapping was made or clearFault() was called; what they were after unmap(). */
export function faultOf(region: Region): MappingFault | null {
  if (region.closed !== undefined) return region.closed.fault
  return faultOrNull(native.fault(region.handle))
}

export function check(mapping: Mapped): void {
  const region = regionOf(mapping)
  const fault = faultOf(region)
  if (fault !== null) throw new MappingFaultError(fault, region.origin)
}

export function clearFault(mapping: Mapped): MappingFault | null {
  return faultOrNull(native.clearFault(regionOf(mapping).handle))
}

/** Throws what a checked operation of the addon met with. */
export function assertNoFault(
  result: NativeFault | null | Result,
  region: Region,
  syscall: string,
): void {
  if (result === null) return
  if (typeof result === 'number') checkedOnHandle(result, syscall, region.origin)
  else throw new MappingFaultError(toMappingFault(result), region.origin)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** Runs `body`, then {@link check}; of a promise, once it has settled. */
export function runChecked<R>(mapping: Mapped, body: () => R): R {
  const run = callback<() => R>(body, 'body')
  const region = regionOf(mapping)
  const onValue = <V>(value: V): V => {
    check(mapping)
    return value
  }
  // What a parser says of zeros that stand in for lost bytes is a consequence of the fault.
  const onError = (cause: unknown): never => {
    const fault = faultOf(region)
    throw fault === null ? cause : new MappingFaultError(fault, region.origin, { cause })
  }
  let result: R
  try {
    result = run()
  } catch (error) {
    return onError(error)
  }
  return isThenable(result) ? (result.then(onValue, onError) as R) : onValue(result)
}
