// The two ends of a mapping: unmap(), and the collection of an object that nobody unmapped.

import { mappingClosed } from '../errors.js'
import { type Handle, native } from '../native.js'
import { guardZlib } from '../runtime/zlib-guard.js'
import { announceLate, forgetListener, rememberListener } from './fault-delivery.js'
import { faultOf } from './faults.js'
import { endStreams } from './read-stream.js'
import type { Mapped, Region } from './region.js'

interface Ends {
  handle: Handle
  /** -1 for a mapping that owns no descriptor. */
  fd: number
}

const collected = new FinalizationRegistry<Ends>(({ handle, fd }) => {
  forgetListener(handle)
  native.release(handle)
  if (fd >= 0) native.closeDescriptor(fd)
})

/** Has the region of a mapping that is dropped without unmap() go with its object. */
export function releaseWhenCollected(mapping: Mapped, region: Region): void {
  const { handle, facts } = region
  collected.register(mapping, { handle, fd: facts.segment?.fd ?? -1 }, region)
  rememberListener(region)
}

/** munmap(2), after everything that could still reach the memory has been cut off. Idempotent. */
export function unmap(region: Region): void {
  if (region.closed !== undefined) return
  const { handle, facts } = region
  endStreams(region, mappingClosed)
  const fault = faultOf(region)
  region.close(fault)
  collected.unregister(region)
  forgetListener(handle)
  guardZlib()
  const unreported = native.unmap(handle)
  if (unreported && fault !== null) announceLate(region, fault)
  if (facts.segment !== null) native.closeDescriptor(facts.segment.fd)
}
