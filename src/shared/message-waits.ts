// Waiting on the memory of an object that can be disposed of meanwhile: that ends the waits, and the
// memory is unmapped after the last of them.

import type { Mapping } from '../mapping.js'
import { attemptAsync, Stop, type Waiting, type WaitSettings } from '../sync/attempts.js'

export interface Waits {
  readonly mapping: Mapping
  readonly pending: Set<Stop>
  disposed: boolean
}

export function waitsOn(mapping: Mapping): Waits {
  return { mapping, pending: new Set(), disposed: false }
}

/** Ends all waits with a reason, and unmaps. */
export function endWaits(waits: Waits, reason: Error): void {
  waits.disposed = true
  for (const stop of waits.pending) stop.end(reason)
  unmapWhenUnused(waits)
}

function unmapWhenUnused({ mapping, pending, disposed }: Waits): void {
  if (disposed && pending.size === 0) mapping.unmap()
}

/** {@link attemptAsync}, until the object is disposed of. */
export async function waitFor<R>(
  waits: Waits,
  waiting: Waiting<R>,
  settings: WaitSettings,
): Promise<R | undefined> {
  const stop = new Stop()
  waits.pending.add(stop)
  try {
    return await attemptAsync(waiting, settings, stop)
  } finally {
    waits.pending.delete(stop)
    unmapWhenUnused(waits)
  }
}
