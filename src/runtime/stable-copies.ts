// Native code that takes an ArrayBuffer for memory which only it changes: it measures and then
// writes, or validates and then uses, and crashes or writes elsewhere when the memory was changed in
// between. In a process that has mapped memory these built-ins are given bytes of their own instead.
// What was examined and found to read once is in docs/safety.md.

import { Buffer } from 'node:buffer'
import { isStamped, stable, stamp } from './brand.js'
import { guardByteStreams, guardTransfers } from './byte-streams.js'
import { decoding, slicing, sorting, toText } from './frequent-calls.js'
import { patchLaterModules, patchLoadedModules, whenLoaded } from './loaded-modules.js'
import { guardFileWork } from './pins.js'
import {
  type Callable,
  followed,
  intercepted,
  interceptSuper,
  replace,
  replaceClass,
  type Stabilize,
} from './wrap.js'
import { guardZlibSteps } from './zlib-steps.js'

/** With this in the environment no built-in is touched; docs/safety.md says what that costs. */
const leaveAlone = 'POSIX_MMAP_LEAVE_NODE_ALONE'

const { getPrototypeOf } = Object

const all: Stabilize = (args) => args.map(stable)

/** The arguments at these positions; of an object there, what it has under these names. */
function at(positions: number | readonly number[], ...names: string[]): Stabilize {
  const chosen = [positions].flat()
  return (args) => args.map((arg, i) => (chosen.includes(i) ? withStable(stable(arg), names) : arg))
}

/** The value, or one that inherits from it and has something else under these names. */
function withStable(
  value: unknown,
  names: readonly string[],
  stabilize: (part: unknown) => unknown = stable,
): unknown {
  if (typeof value !== 'object' || value === null) return value
  const changed: PropertyDescriptorMap = {}
  for (const name of names) {
    const bytes: unknown = Reflect.get(value, name)
    const own = stabilize(bytes)
    if (own !== bytes) changed[name] = { value: own, enumerable: true }
  }
  return Object.keys(changed).length === 0 ? value : Object.create(value, changed)
}

function interceptAll(owner: unknown, names: readonly string[], stabilize: Stabilize): boolean {
  const replaced = names.map((name) => {
    return replace(owner as object | undefined, name, (original) =>
      intercepted(original, stabilize),
    )
  })
  return replaced.includes(true)
}

type Exports = Record<string, unknown>
const prototypeOf = (owner: unknown) => (owner as { prototype?: object } | undefined)?.prototype

/** Sorted in place by code that relies on the order it has seen. */
function patchTypedArrays(): void {
  // In Jest, Buffer is of another realm than the package, and both have typed arrays.
  const ours = getPrototypeOf(Uint8Array.prototype)
  const others = getPrototypeOf(getPrototypeOf(Buffer.prototype))
  for (const prototype of new Set<object>([ours, others])) replace(prototype, 'sort', sorting)
}

/** UTF-8 is measured, then written: `toString()`, `String(buffer)`, `JSON.parse(buffer)`, … */
function patchBuffer(): void {
  const { prototype } = Buffer
  const utf8Slice: unknown = Reflect.get(prototype, 'utf8Slice')
  replace(prototype, 'utf8Slice', slicing)
  // Up to Node 22 `toString` calls it as a method.
  const probe = Object.defineProperty(Buffer.alloc(1), 'utf8Slice', { value: () => 'called' })
  if (probe.toString() === 'called') return
  const toOwnText = (original: Callable) => toText(original, utf8Slice as Callable)
  const same = prototype.toLocaleString === prototype.toString
  replace(prototype, 'toString', toOwnText)
  replace(prototype, 'toLocaleString', same ? () => prototype.toString : toOwnText)
}

/** A response whose chunks are bytes of our own; whatever would be refused stays as it is. */
async function stableResponse(source: unknown): Promise<unknown> {
  const response = await source
  const isUsable = response instanceof Response && response.ok && !response.bodyUsed
  if (!isUsable || response.body === null || response.body.locked) return response
  const copying = new TransformStream({
    transform: (chunk, controller) => controller.enqueue(stable(chunk)),
  })
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(copying), { status, statusText, headers })
}

/**
 * Up to Node 22 the bytes are validated, then copied; later versions copy first. Those of a stream are
 * copied, and then decoded where they stand: V8 ends the process when the two do not agree.
 */
function patchWebAssembly(): void {
  const { WebAssembly } = globalThis as Exports
  interceptAll(WebAssembly, ['compile', 'instantiate', 'validate'], at(0))
  interceptAll(WebAssembly, ['compileStreaming', 'instantiateStreaming'], ([source, ...rest]) => [
    stableResponse(source),
    ...rest,
  ])
  replaceClass(WebAssembly as object | undefined, 'Module', at(0))
}

/** Measured, then written. Readable.setEncoding(), readline and TextDecoderStream use these. */
function patchDecoders(): void {
  const { TextDecoder } = process.getBuiltinModule('node:util')
  const { StringDecoder } = process.getBuiltinModule('node:string_decoder')
  replace(TextDecoder.prototype, 'decode', decoding)
  replace(StringDecoder.prototype, 'write', decoding)
}

/** Measured, then written. */
const patchTranscode = (buffer: Exports) => interceptAll(buffer, ['transcode'], at(0))

/** Strings inside are measured, then written. */
function patchV8(v8: Exports): boolean {
  const base: unknown = v8['Deserializer']
  replaceClass(v8, 'Deserializer', at(0))
  const { DefaultDeserializer } = v8
  // `v8.deserialize` makes one of these.
  if (typeof DefaultDeserializer === 'function' && getPrototypeOf(DefaultDeserializer) === base) {
    Reflect.setPrototypeOf(DefaultDeserializer, v8['Deserializer'] as object)
  }
  return true
}

/** A checksum over the code is made, then the code is used. */
function patchVm(vm: Exports): boolean {
  interceptSuper(vm['Script'], all)
  interceptSuper(vm['SourceTextModule'], at(0, 'cachedData'))
  return interceptAll(vm, ['compileFunction'], at(2, 'cachedData'))
}

/** OpenSSL reads an INTEGER of a DER key twice: its length without padding, then its bytes. */
function patchCrypto(crypto: Exports): boolean {
  const withKeyFirst = [
    ...['createPrivateKey', 'createPublicKey', 'privateDecrypt', 'privateEncrypt'],
    ...['publicDecrypt', 'publicEncrypt', 'encapsulate', 'decapsulate'],
  ]
  interceptAll(prototypeOf(crypto['Sign']), ['sign'], at(0, 'key'))
  interceptAll(prototypeOf(crypto['Verify']), ['verify'], at([0, 1], 'key'))
  interceptAll(crypto, withKeyFirst, at(0, 'key'))
  interceptAll(crypto, ['diffieHellman'], ([keys, ...rest]) => [
    withStable(keys, ['privateKey', 'publicKey'], (key) => withStable(stable(key), ['key'])),
    ...rest,
  ])
  return interceptAll(crypto, ['sign', 'verify'], at([2, 3], 'key'))
}

function patchWebCrypto(crypto: Exports): boolean {
  const { subtle } = crypto['webcrypto'] as { subtle: object }
  interceptAll(getPrototypeOf(subtle), ['importKey'], at(1))
  return false
}

/** A session holds certificates, whose INTEGERs are read as those of keys. */
function patchTls(tls: Exports): boolean {
  const socket = prototypeOf(tls['TLSSocket'])
  interceptAll(socket, ['setSession'], at(0))
  // `tls.connect({ session })` and the answer to 'resumeSession' go to the handle that this makes.
  replace(socket, '_wrapHandle', (original) => {
    let guarded = false
    return followed(original, (handle) => {
      if (!guarded) interceptAll(getPrototypeOf(handle), ['setSession', 'loadSession'], at(0))
      guarded = true
    })
  })
  return false
}

/** SQLite reads the number of columns of a changeset twice, and takes memory for the first. */
function patchSqlite(sqlite: Exports): boolean {
  const methods = ['applyChangeset', 'deserialize']
  const prototypes = [prototypeOf(sqlite['DatabaseSync']), prototypeOf(sqlite['Database'])]
  for (const prototype of new Set(prototypes)) interceptAll(prototype, methods, at(0))
  return false
}

/**
 * From Node 24 on a mark is a key that a detach must name, and Node itself names none when it detaches
 * external buffers at the end of a thread: the process aborts. Ours have been marked since they were made.
 */
function patchMarks(threads: Exports): boolean {
  const isMarked = threads['isMarkedAsUntransferable']
  if (typeof isMarked !== 'function') return false
  return replace(threads, 'markAsUntransferable', (mark) => (value) => {
    if (typeof value === 'object' && value !== null && isStamped(value) && isMarked(value)) return
    mark(value)
  })
}

let installed = false

function install(): void {
  if (installed) return
  installed = true
  patchTypedArrays()
  patchBuffer()
  patchWebAssembly()
  patchDecoders()
  whenLoaded('buffer', patchTranscode)
  whenLoaded('v8', patchV8)
  whenLoaded('vm', patchVm)
  whenLoaded('crypto', patchCrypto)
  whenLoaded('crypto', patchWebCrypto, 'internal/crypto/webcrypto')
  whenLoaded('tls', patchTls)
  whenLoaded('sqlite', patchSqlite)
  whenLoaded('worker_threads', patchMarks)
  guardByteStreams()
  guardFileWork()
  patchLaterModules()
}

const untouched = (process.env[leaveAlone] ?? '') !== ''

/**
 * Once memory is mapped, and before the expression that makes a view of it: in
 * `controller.enqueue(mapping.bytes())` the function is looked up before its argument is made.
 */
export function expectViews(): void {
  if (untouched) return
  install()
  patchLoadedModules()
}

/**
 * Marks a buffer over memory that others can change or take away, before anybody is given it. That is
 * every mapping: another thread may attach to private memory too, and a guard page empties it.
 */
export function brand<B extends ArrayBufferLike>(buffer: B): B {
  stamp(buffer)
  if (untouched) return buffer
  guardTransfers(buffer)
  patchLoadedModules()
  return buffer
}

let zlibGuarded = false

/** Before the first detach: zlib may be at work on the buffer. */
export function expectDetach(): void {
  if (untouched) return
  if (!zlibGuarded) whenLoaded('zlib', guardZlibSteps)
  zlibGuarded = true
  patchLoadedModules()
}
