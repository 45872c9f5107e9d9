// What node:worker_threads says, without loading it where that can be had: it is a tenth of the import.

type Module = { isMainThread: boolean; markAsUncloneable?: (object: object) => void }

/** Node loads the module in every thread that is not the main one; other runtimes do not tell. */
function isLoaded(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }
  return moduleLoadList?.includes('NativeModule worker_threads') ?? true
}

function load(): Module {
  return process.getBuiltinModule('node:worker_threads')
}

export function isMainThread(): boolean {
  return !isLoaded() || load().isMainThread
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
