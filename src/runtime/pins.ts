// Work that Node does on a view in several steps, asking for its bytes again in each: when they were
// detached in between, as unmap() does, it ends the process or throws where nobody can catch it. While
// such work runs, unmap() and resize() leave the buffer attached: it shows zeros from then on.

import { bufferOf, isStamped } from './brand.js'
import { patchLoadedModules, whenLoaded } from './loaded-modules.js'
import { type Callable, followed, replace } from './wrap.js'

type Exports = Record<string, unknown>

const works = new WeakMap<object, number>()
let any = false

/** Whether work of several steps is being done on a buffer. */
export function isPinned(buffer: object): boolean {
  return (works.get(buffer) ?? 0) > 0
}

/** Whether a buffer was ever pinned in this thread. */
export const anyPinned = (): boolean => any

function pin(buffers: readonly object[]): () => void {
  any = true
  const add = (count: number) => {
    for (const buffer of buffers) works.set(buffer, (works.get(buffer) ?? 0) + count)
  }
  add(1)
  return () => {
    add(-1)
    buffers = []
  }
}

function ourBuffer(value: unknown): object | undefined {
  if (!ArrayBuffer.isView(value)) return undefined
  const buffer = bufferOf(value)
  return isStamped(buffer) ? buffer : undefined
}

/** Pins what `viewsOf` finds among the arguments until the callback is called or the promise settled. */
function pinning(original: Callable, viewsOf: (args: readonly unknown[]) => unknown[]): Callable {
  const workOn = (buffers: object[], self: unknown, args: unknown[]) => {
    const unpin = pin(buffers)
    const last = args.at(-1)
    const called = typeof last === 'function'
    const done = (...results: unknown[]) => {
      unpin()
      return (last as Callable)(...results)
    }
    try {
      const result: unknown = Reflect.apply(
        original,
        self,
        called ? [...args.slice(0, -1), done] : args,
      )
      if (result instanceof Promise) result.then(unpin, unpin)
      else if (!called) unpin()
      return result
    } catch (error) {
      unpin()
      throw error
    }
  }
  return new Proxy(original, {
    apply(target, self, args) {
      const buffers = viewsOf(args)
        .map(ourBuffer)
        .filter((buffer) => buffer !== undefined)
      return buffers.length > 0 ? workOn(buffers, self, args) : Reflect.apply(target, self, args)
    },
  })
}

const second = (args: readonly unknown[]) => [args[1]]
const bufferOption = ([, options]: readonly unknown[]) => [
  (options as Exports | null | undefined)?.['buffer'],
]

function patchFs(fs: Exports): boolean {
  const changed = ['writeFile', 'appendFile'].map((name) =>
    replace(fs, name, (original) => pinning(original, second)),
  )
  // Node loads the streams for the first of them, which then still has nothing to write.
  const making = (original: Callable) => followed(original, patchLoadedModules)
  changed.push(replace(fs, 'createWriteStream', making))
  for (const owner of [fs, fs['promises'] as Exports])
    changed.push(replace(owner, 'readFile', (original) => pinning(original, bufferOption)))
  return changed.includes(true)
}

function patchFileStreams(fs: Exports): boolean {
  const { prototype } = fs['WriteStream'] as { prototype: object }
  replace(prototype, '_write', (original) => pinning(original, ([chunk]) => [chunk]))
  replace(prototype, '_writev', (original) =>
    pinning(original, ([chunks]) =>
      (chunks as Array<{ chunk: unknown }>).map(({ chunk }) => chunk),
    ),
  )
  return false
}

export function guardFileWork(): void {
  whenLoaded('fs', patchFs)
  whenLoaded('fs', patchFileStreams, 'internal/fs/streams')
}
