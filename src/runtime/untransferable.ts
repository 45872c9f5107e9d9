// Buffers that the program has marked with worker_threads.markAsUntransferable(). From Node 24 on V8 gives
// them a key that a detach must name, and Node-API's detach, which names none, ends the process over it.

type Transfer = (this: ArrayBuffer, byteLength: number) => ArrayBuffer

const { transfer } = ArrayBuffer.prototype as unknown as { transfer?: Transfer }

let modulesSeen = -1
let mayBeMarked = false

/** A buffer can only be marked in a process that has loaded node:worker_threads. */
function workerThreadsLoaded(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }
  if (moduleLoadList === undefined) return true
  if (moduleLoadList.length === modulesSeen) return false
  modulesSeen = moduleLoadList.length
  return moduleLoadList.includes('NativeModule worker_threads')
}

/**
 * How the addon must detach buffers where one may be marked: `transfer(0)` throws for such a buffer.
 * undefined where none is marked. Nothing tells which ones are: Node marks external buffers itself, so
 * isMarkedAsUntransferable() is true for all of ours.
 */
export function detachFunction(): Transfer | undefined {
  if (transfer === undefined) return undefined
  mayBeMarked ||= workerThreadsLoaded()
  return mayBeMarked ? transfer : undefined
}
