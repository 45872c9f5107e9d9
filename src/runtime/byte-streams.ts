// What takes the memory of a buffer and goes on with it under another one, which would be a stranger
// to us: transfer(), and byte streams.

import { bytesOf, copyBytes, isStamped, stable, stamp, typedArray } from './brand.js'
import { patchLoadedModules, whenLoaded } from './loaded-modules.js'
import { type Callable, followed, intercepted, replace } from './wrap.js'

/** The new buffer is one of ours as well. */
const transferring = (original: Callable): Callable =>
  followed(original, (moved, self) => {
    if (isStamped(self as object)) stamp(moved as ArrayBuffer)
  })

const guarded = new WeakSet<object>()

/**
 * Of the realm that a buffer is of: under Jest the package runs in a realm of its own, and the addon makes
 * buffers of Node's.
 */
export function guardTransfers(buffer: ArrayBufferLike): void {
  const prototype = Object.getPrototypeOf(buffer) as object | null
  if (prototype === null || guarded.has(prototype)) return
  guarded.add(prototype)
  for (const name of ['transfer', 'transferToFixedLength', 'transferToImmutable'])
    replace(prototype, name, transferring)
}

/** `controller.enqueue(chunk)`: the stream gets bytes of its own, and the chunk keeps its memory. */
const enqueueing = (original: Callable) =>
  intercepted(original, ([chunk, ...rest]) => [stable(chunk), ...rest])

interface ReadResult {
  value: ArrayBufferView | undefined
  done: boolean
}

/**
 * `reader.read(view)`: the stream fills bytes of its own, which are then copied to the view. What it
 * gives back is over those, so that it can be transferred, and outlives the mapping.
 */
function reading(original: Callable): Callable {
  const read = async (self: unknown, view: ArrayBufferView, rest: unknown[]) => {
    const kind = typedArray.kind(view) ?? 'DataView'
    const Kind = Reflect.get(globalThis, kind) as DataViewConstructor
    const { buffer, byteOffset, length } = bytesOf(view)
    // With what the view holds, since a source may answer without having filled it.
    const own = new Kind(copyBytes(buffer, byteOffset, length).buffer)
    const result: ReadResult = await Reflect.apply(original, self, [own, ...rest])
    if (result.value !== undefined) bytesOf(view).set(bytesOf(result.value))
    return result
  }
  return new Proxy(original, {
    apply(target, self, args) {
      const [view, ...rest] = args
      const ours = ArrayBuffer.isView(view) && isStamped(view.buffer) && view.byteLength > 0
      return ours ? read(self, view, rest) : Reflect.apply(target, self, args)
    },
  })
}

function patchStreams(streams: Record<string, unknown>): boolean {
  const prototypeOf = (name: string) => Reflect.get(streams[name] as object, 'prototype') as object
  replace(prototypeOf('ReadableByteStreamController'), 'enqueue', enqueueing)
  replace(prototypeOf('ReadableStreamBYOBRequest'), 'respondWithNewView', enqueueing)
  replace(prototypeOf('ReadableStreamBYOBReader'), 'read', reading)
  return false
}

/**
 * Node loads the streams when somebody first says `ReadableStream`, which nobody can be told of: from
 * Node 22 on even a look at the property loads them, for some milliseconds. So that is done when the
 * event loop gets to it; byte streams that are made before that are made by Node alone.
 */
export function guardByteStreams(): void {
  whenLoaded('stream/web', patchStreams, 'internal/webstreams/readablestream')
  const load = () => {
    Reflect.get(globalThis, 'ReadableStream')
    patchLoadedModules()
  }
  setImmediate(load).unref()
}
