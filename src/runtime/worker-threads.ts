// What node:worker_threads says, without loading it where that can be had: it is a tenth of the import.

type Module = { isMainThread: boolean; markAsUncloneable?: (object: object) => void }

let modulesSeen = -1
let loaded = false

/**
 * Whether the process has loaded the module, as Node does by itself in every thread that is not the main one;
 * other runtimes do not tell. Costs one comparison where nothing was loaded since the last time.
 */
export function isWorkerThreadsLoaded(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }
  if (loaded || moduleLoadList === undefined) return true
  if (moduleLoadList.length === modulesSeen) return false
  modulesSeen = moduleLoadList.length
  loaded = moduleLoadList.includes('NativeModule worker_threads')
  return loaded
}

function load(): Module {
  return process.getBuiltinModule('node:worker_threads')
}

export function isMainThread(): boolean {
  return !isWorkerThreadsLoaded() || load().isMainThread
}

let mark: Required<Module>['markAsUncloneable'] | undefined

function findMark() {
  // A Node without the one does not have the other.
  const found = 'transfer' in ArrayBuffer.prototype ? load().markAsUncloneable : undefined
  return found ?? (() => undefined)
}

/** Has a clone of an object be an error, where Node can be told, which is from 22.10 on. */
export function markAsUncloneable(object: object): void {
  mark ??= findMark()
  mark(object)
}
