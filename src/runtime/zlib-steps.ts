// zlib works on its input in steps and asks for it again in each. Node aborts (20) or throws where
// nobody can catch it (22, 24, 26) when the input was detached in between, as unmap() does. So the
// steps of zlib's handles go on with no input instead.

import { type Callable, intercepted, replace } from './wrap.js'

interface Stream {
  _handle?: object
  close(): void
}

/** One of each kind of handle. */
const makers = [
  'createDeflateRaw',
  'createBrotliCompress',
  'createBrotliDecompress',
  'createZstdCompress',
  'createZstdDecompress',
] as const

const nothing = new Uint8Array(0)

const stepping = (original: Callable): Callable =>
  intercepted(original, (args) => {
    const [flush, input, offset, length, ...rest] = args
    const end = (offset as number) + (length as number)
    const gone = ArrayBuffer.isView(input) && end > input.byteLength
    return gone ? [flush, nothing, 0, 0, ...rest] : args
  })

export function guardZlibSteps(zlib: Record<string, unknown>): boolean {
  for (const maker of makers) {
    const make = zlib[maker] as undefined | (() => Stream)
    const stream = make?.()
    const handle = stream?._handle
    if (handle !== undefined) replace(Object.getPrototypeOf(handle), 'write', stepping)
    stream?.close()
  }
  return false
}
