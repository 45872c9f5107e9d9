// Faults on their way from the addon to their listeners.

import { channel } from 'node:diagnostics_channel'
import { type MappingFault, MappingFaultError } from '../errors.js'
import { common, type Handle, hasEventLoopOfNode, native } from '../native.js'
import { toMappingFault } from './faults.js'
import type { Region } from './region.js'

/** What subscribers of the diagnostics channel `posix-mmap:fault` are given. */
export interface FaultMessage {
  /** As {@link Mapping.fault} gives it. */
  fault: MappingFault
  /** The file that was mapped, if it was mapped by its path. */
  path: string | null
}

const faults = channel('posix-mmap:fault')

// By handle and weakly: neither a listener nor the mapping that it may refer to is kept by this table.
const regions = common('regions', () => new Map<Handle, WeakRef<Region>>())
let listening = false

function announce(region: Region, fault: MappingFault): void {
  const { onFault, path } = region.facts
  const listens = onFault !== undefined || faults.hasSubscribers
  if (faults.hasSubscribers) {
    const message: FaultMessage = { fault, path }
    faults.publish(message)
  }
  onFault?.(fault)
  // What runs already may be about to ask.
  if (!listens) setImmediate(warnUnlessTold, region, fault)
}

/** Once for each mapping: a program that goes on with zeros and does not know it. */
function warnUnlessTold(region: Region, fault: MappingFault): void {
  if (region.faultsTold >= fault.count || region.checking > 0) return
  region.faultsTold = Number.POSITIVE_INFINITY
  const { message } = new MappingFaultError(fault, region.origin)
  process.emitWarning(
    `${message}: the program goes on with a private page in its place, and nobody has asked ` +
      '(onFault, fault, check(), checked() tell of faults)',
    'MappingFaultWarning',
  )
}

/**
 * A program that ends hears of its last faults too: what waits for the event loop does not keep it
 * going, so it is given one turn more.
 */
function turnOnceMore(): void {
  process.once('beforeExit', () => setImmediate(() => {}))
}

export function startListening(): void {
  if (listening) return
  listening = true
  if (!hasEventLoopOfNode) return
  turnOnceMore()
  native.listenForFaults((handle) => {
    const region = regions.get(handle)?.deref()
    const fault = native.fault(handle)
    if (region === undefined || fault === null || typeof fault === 'number') return
    announce(region, toMappingFault(fault))
  })
}

/** From now on faults of the region are announced, for as long as it is reachable. */
export function announceFaultsOf(region: Region): void {
  regions.set(region.handle, new WeakRef(region))
}

export function announceFaultsNoLonger(handle: Handle): void {
  regions.delete(handle)
}

/** For a fault that was not announced before its mapping was closed. */
export function announceLate(region: Region, fault: MappingFault): void {
  setImmediate(announce, region, fault)
}
