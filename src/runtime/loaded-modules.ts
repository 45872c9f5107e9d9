// Modules of Node's are patched when the program has loaded them, since loading one costs up to 15 ms.

import { subscribe } from 'node:diagnostics_channel'

type Exports = Record<string, unknown>
/** Says whether it changed what the module exports, and not only what is inside of it. */
type Patch = (exports: Exports) => boolean

interface Waiting {
  /** As `process.moduleLoadList` has it. */
  entry: string
  module: string
  patch: Patch
}

let waiting: Waiting[] = []
let seen = -1

function loadList(): readonly string[] {
  return (process as { moduleLoadList?: readonly string[] }).moduleLoadList ?? []
}

/**
 * Patches a public module once it is loaded, or, where `inside` is given, once that internal part of
 * it is.
 */
export function whenLoaded(module: string, patch: Patch, inside = module): void {
  waiting.push({ entry: `NativeModule ${inside}`, module, patch })
  seen = -1
}

/** Patches what was loaded since the last time. Costs one comparison where nothing was. */
export function patchLoadedModules(): void {
  const list = loadList()
  if (list.length === seen) return
  seen = list.length
  const loaded = waiting.filter(({ entry }) => list.includes(entry))
  if (loaded.length === 0) return
  waiting = waiting.filter((each) => !loaded.includes(each))
  const changed = loaded.map(({ module, patch }) => {
    return patch(process.getBuiltinModule(`node:${module}`) as unknown as Exports)
  })
  // `import { transcode } from 'node:buffer'` is a binding that only this brings up to date. It does so
  // for all modules of Node's, so what others have put on those shows there from now on as well.
  if (changed.includes(true)) process.getBuiltinModule('node:module').syncBuiltinESMExports()
}

/** From Node 22 on a program that loads a module later is noticed as well. */
export function patchLaterModules(): void {
  for (const event of ['tracing:module.require:end', 'tracing:module.import:asyncEnd']) {
    subscribe(event, patchLoadedModules)
  }
}
