// zlib works on its input in steps and asks for it again in each. Node aborts (20) or throws where
// nobody can catch it (22, 24) when the input was detached in between, as unmap() does. So the steps
// of zlib's handles are taught to go on with no input instead.

interface Handle {
  write: Step
  close(): void
}
type Step = (this: unknown, flush: number, input: unknown, ...rest: unknown[]) => unknown

const makers = [
  'createDeflateRaw',
  'createBrotliCompress',
  'createBrotliDecompress',
  'createZstdCompress',
  'createZstdDecompress',
] as const

const nothing = new Uint8Array(0)
let guarded = false

function guardSteps(prototype: Handle): void {
  const step = prototype.write
  prototype.write = function write(flush, input, ...rest) {
    const [offset, length] = rest as [number, number]
    const gone = ArrayBuffer.isView(input) && offset + length > input.byteLength
    if (!gone) return Reflect.apply(step, this, [flush, input, ...rest])
    return Reflect.apply(step, this, [flush, nothing, 0, 0, ...rest.slice(2)])
  }
}

/** Does so once, and only in a process that has loaded zlib. */
export function guardZlib(): void {
  if (guarded || !isLoaded()) return
  guarded = true
  const zlib = process.getBuiltinModule?.('zlib') as unknown as
    | Record<string, undefined | (() => { _handle?: Handle; close(): void })>
    | undefined
  for (const maker of makers) {
    const stream = zlib?.[maker]?.()
    const prototype = stream?._handle && Object.getPrototypeOf(stream._handle)
    if (typeof prototype?.write === 'function') guardSteps(prototype)
    stream?.close()
  }
}

let known = 0

function isLoaded(): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] }
  if (moduleLoadList === undefined || moduleLoadList.length === known) return false
  known = moduleLoadList.length
  return moduleLoadList.includes('NativeModule zlib')
}
