// Faults on their way from the addon to whoever wants to hear of them.

import { channel } from 'node:diagnostics_channel'
import type { MappingFault } from '../errors.js'
import { common, type Handle, hasEventLoopOfNode, type NativeFault, native } from '../native.js'
import type { FaultListener, Region } from './region.js'

/** What subscribers of the diagnostics channel `posix-mmap:fault` are given. */
export interface FaultMessage {
  /** As {@link Mapping.fault} gives it. */
  fault: MappingFault
  /** The file that was mapped, if it was mapped by its path. */
  path: string | null
}

const faults = channel('posix-mmap:fault')
const kinds = [undefined, 'truncated', 'read-only', 'no-access'] as const

export function toMappingFault(fault: NativeFault): MappingFault {
  const [kind, offset, count] = fault
  return { kind: kinds[kind] ?? 'no-access', offset, count }
}

export function faultOf(region: Region): MappingFault | null {
  const fault = native.fault(region.handle)
  return typeof fault === 'number' || fault === null ? null : toMappingFault(fault)
}

interface Listener {
  onFault: FaultListener | undefined
  path: string | null
}

// By handle and without the Mapping, which would otherwise never be collected.
const listeners = common('listeners', () => new Map<Handle, Listener>())
let listening = false

function announce(listener: Listener, fault: MappingFault): void {
  if (faults.hasSubscribers) {
    const message: FaultMessage = { fault, path: listener.path }
    faults.publish(message)
  }
  listener.onFault?.(fault)
}

export function startListening(): void {
  if (listening) return
  listening = true
  if (!hasEventLoopOfNode) return
  native.listenForFaults((handle) => {
    const listener = listeners.get(handle)
    const fault = native.fault(handle)
    if (listener === undefined || fault === null || typeof fault === 'number') return
    announce(listener, toMappingFault(fault))
  })
}

export function rememberListener(region: Region): void {
  listeners.set(region.handle, { onFault: region.onFault, path: region.path })
}

export function forgetListener(handle: Handle): void {
  listeners.delete(handle)
}

/** For a fault that was not announced before its mapping was closed. */
export function announceLate(region: Region, fault: MappingFault): void {
  setImmediate(announce, region, fault)
}
