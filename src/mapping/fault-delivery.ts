// Faults on their way from the addon to their listeners.

import { channel } from 'node:diagnostics_channel'
import type { MappingFault } from '../errors.js'
import { common, type Handle, hasEventLoopOfNode, native } from '../native.js'
import { toMappingFault } from './faults.js'
import type { FaultListener, Region } from './region.js'

/** What subscribers of the diagnostics channel `posix-mmap:fault` are given. */
export interface FaultMessage {
  /** As {@link Mapping.fault} gives it. */
  fault: MappingFault
  /** The file that was mapped, if it was mapped by its path. */
  path: string | null
}

const faults = channel('posix-mmap:fault')

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

export function rememberListener({ handle, facts }: Region): void {
  listeners.set(handle, { onFault: facts.onFault, path: facts.path })
}

export function forgetListener(handle: Handle): void {
  listeners.delete(handle)
}

/** For a fault that was not announced before its mapping was closed. */
export function announceLate({ facts }: Region, fault: MappingFault): void {
  setImmediate(announce, { onFault: facts.onFault, path: facts.path }, fault)
}
