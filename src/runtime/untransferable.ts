// Buffers that the program has marked with worker_threads.markAsUntransferable(). V8 then gives them a
// key that a detach must name, and Node-API's detach, which names none, ends the process.

type IsMarked = (value: object) => boolean

/** Node 21 and later; earlier ones have no such key. */
let isMarked: IsMarked | null | undefined
let modulesSeen = 0

/** A buffer can only be marked in a process that has loaded node:worker_threads. */
function workerThreadsLoaded(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }
  if (moduleLoadList === undefined) return true
  if (moduleLoadList.length === modulesSeen) return false
  modulesSeen = moduleLoadList.length
  return moduleLoadList.includes('NativeModule worker_threads')
}

function findIsMarked(): IsMarked | null {
  const module = process.getBuiltinModule('node:worker_threads') as unknown as {
    isMarkedAsUntransferable?: IsMarked
  }
  return module.isMarkedAsUntransferable ?? null
}

/** Those of the buffers that must not be detached. */
export function untransferable(buffers: Iterable<ArrayBuffer>): ArrayBuffer[] {
  if (isMarked === undefined) {
    if (!workerThreadsLoaded()) return []
    isMarked = findIsMarked()
  }
  return isMarked === null ? [] : Array.from(buffers).filter(isMarked)
}
