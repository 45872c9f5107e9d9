// The two ends of a mapping: unmap(), and the collection of what nobody unmapped.

import { mappingClosed } from '../errors.js'
import { type Handle, native } from '../native.js'
import { expectDetach } from '../runtime/stable-copies.js'
import { detachFunction } from '../runtime/untransferable.js'
import { announceFaultsNoLonger, announceFaultsOf, announceLate } from './fault-delivery.js'
import { toMappingFault } from './faults.js'
import { endStreams } from './read-stream.js'
import type { Region } from './region.js'

interface Ends {
  handle: Handle
  /** -1 for a mapping that owns no descriptor. */
  fd: number
}

const collected = new FinalizationRegistry<Ends>(({ handle, fd }) => {
  announceFaultsNoLonger(handle)
  native.release(handle)
  if (fd >= 0) native.closeDescriptor(fd)
})

/** Has a region go once neither its mapping nor a buffer of its memory is reachable. */
export function releaseWhenCollected(region: Region): void {
  const { handle, facts } = region
  collected.register(region, { handle, fd: facts.segment?.fd ?? -1 }, region)
  announceFaultsOf(region)
}

/** munmap(2), after everything that could still reach the memory has been cut off. Idempotent. */
export function unmap(region: Region): void {
  if (region.ended) return
  const { handle, facts } = region
  // An exception may come from any call, when the stack is used up or node:vm has run out of time. Until
  // the memory is given back the mapping is open, and what follows is done by the next unmap().
  if (region.closed === undefined) {
    endStreams(region, mappingClosed)
    region.memory.close()
    expectDetach()
    const last = native.unmap(handle, detachFunction())
    const [protection, unreported, ...fault] = typeof last === 'number' ? [last, 0] : last
    const found = fault.length === 4 ? toMappingFault(fault) : null
    if (unreported !== 0) region.late = found
    region.closed = { fault: found, protection: region.protectionFrom(protection) }
  }
  announceFaultsNoLonger(handle)
  if (region.late !== null) announceLate(region, region.late)
  region.late = null
  if (facts.segment !== null) native.closeDescriptor(facts.segment.fd)
  collected.unregister(region)
  region.ended = true
}
