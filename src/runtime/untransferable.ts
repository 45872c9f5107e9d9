// Buffers that the program has marked with worker_threads.markAsUntransferable(). From Node 24 on V8 gives
// them a key that a detach must name, and Node-API's detach, which names none, ends the process over it.

import { anyPinned, isPinned } from './pins.js'
import { isWorkerThreadsLoaded } from './worker-threads.js'

type Transfer = (this: ArrayBuffer, byteLength: number) => ArrayBuffer

const { transfer } = ArrayBuffer.prototype as unknown as { transfer?: Transfer }

/** Detaches a buffer, or throws where that must not be; false leaves the detach to the addon. */
export type Detach = (this: ArrayBuffer, byteLength: number) => ArrayBuffer | false

/** `transfer(0)` throws for a buffer that is marked. */
const detach: Detach = function (this: ArrayBuffer, byteLength: number) {
  if (isPinned(this)) throw new Error('work is being done on this buffer')
  return transfer === undefined ? false : Reflect.apply(transfer, this, [byteLength])
}

/**
 * How the addon must detach buffers where one may be marked, or pinned; undefined where none is. Nothing
 * tells which ones are marked: Node marks external buffers itself, so isMarkedAsUntransferable() is true
 * for all of ours.
 */
export function detachFunction(): Detach | undefined {
  if (anyPinned()) return detach
  // A buffer can only be marked in a process that has loaded node:worker_threads.
  return transfer !== undefined && isWorkerThreadsLoaded() ? detach : undefined
}
