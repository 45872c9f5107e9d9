// Waiting on the memory of an object that can be disposed of meanwhile: that ends the waits, and the
// memory is unmapped after the last of them.

import type { Mapping } from '../mapping.js'
import { attemptAsync, type Waiting, type WaitSettings } from '../sync/attempts.js'

export interface Waits {
  readonly mapping: Mapping
  readonly pending: Set<AbortController>
  disposed: boolean
}

export function waitsOn(mapping: Mapping): Waits {
  return { mapping, pending: new Set(), disposed: false }
}

/** Ends all waits with a reason, and unmaps. */
export function endWaits(waits: Waits, reason: Error): void {
  waits.disposed = true
  for (const controller of waits.pending) controller.abort(reason)
  unmapWhenUnused(waits)
}

function unmapWhenUnused({ mapping, pending, disposed }: Waits): void {
  if (disposed && pending.size === 0) mapping.unmap()
}

/** {@link attemptAsync}, until the object is disposed of. */
export async function waitFor<R>(
  waits: Waits,
  waiting: Waiting<R>,
  { timeout, signal }: WaitSettings,
): Promise<R | undefined> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  const forward = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', forward, { once: true })
  waits.pending.add(controller)
  try {
    return await attemptAsync(waiting, { timeout, signal: controller.signal })
  } finally {
    signal?.removeEventListener('abort', forward)
    waits.pending.delete(controller)
    unmapWhenUnused(waits)
  }
}
