// The SharedArrayBuffer over one region.

import { constants } from 'node:os'
import { mappingClosed, outOfRange, sharedBuffersUnavailable, systemError } from '../errors.js'
import { maxBufferLength } from '../limits.js'
import { type Handle, hasEventLoopOfNode, native } from '../native.js'
import { brand } from '../runtime/stable-copies.js'

const { ENOTSUP, ESTALE } = constants.errno

type GrowableConstructor = new (
  byteLength: number,
  options: { maxByteLength: number },
) => SharedArrayBuffer

export class SharedBuffer {
  readonly #handle: Handle
  readonly #byteLength: number
  readonly #neverFaults: boolean
  #buffer: SharedArrayBuffer | undefined
  /** All of `#buffer`, where its pages are V8's and only show the region. */
  #overlaid: Uint8Array | undefined

  constructor(handle: Handle, byteLength: number, neverFaults: boolean) {
    this.#handle = handle
    this.#byteLength = byteLength
    this.#neverFaults = neverFaults
  }

  /** The same object each time. */
  get(): SharedArrayBuffer {
    this.#buffer ??=
      this.#byteLength === 0 ? new SharedArrayBuffer(0) : brand(this.#create() ?? this.#overlay())
    return this.#buffer
  }

  /** Before the region goes: the addon sees to buffers that are over its own pages. */
  close(): void {
    if (this.#overlaid !== undefined) native.clearOverlay(this.#overlaid)
  }

  #create(): SharedArrayBuffer | null {
    if (this.#byteLength > maxBufferLength) {
      const range = `<= ${maxBufferLength}, what one SharedArrayBuffer covers on this runtime`
      throw outOfRange('byteLength', range, this.#byteLength)
    }
    const buffer = native.sharedArrayBuffer(this.#handle)
    if (typeof buffer !== 'number') return buffer
    if (buffer === -ENOTSUP) return null
    if (buffer === -ESTALE) throw mappingClosed()
    throw systemError(buffer, 'node_api_create_external_sharedarraybuffer')
  }

  /**
   * For runtimes that cannot make one over foreign memory: a growable SharedArrayBuffer has whole
   * pages of its own, and the kernel can show the region in them. V8 gives them back without telling
   * anybody, so that a fault there could not be told from a stranger's: only memory that cannot
   * fault may be shown. As long as it may be, it cannot grow, or V8 would change the protection.
   */
  #overlay(): SharedArrayBuffer {
    if (!this.#neverFaults || !hasEventLoopOfNode) throw sharedBuffersUnavailable()
    const Growable = SharedArrayBuffer as GrowableConstructor
    const buffer = new Growable(this.#byteLength, { maxByteLength: this.#byteLength })
    const bytes = new Uint8Array(buffer, 0, this.#byteLength)
    const result = native.overlay(this.#handle, bytes)
    if (result === -ESTALE) throw mappingClosed()
    if (result === -constants.errno.EINVAL) throw sharedBuffersUnavailable()
    if (result < 0) throw systemError(result, 'mremap')
    this.#overlaid = bytes
    return buffer
  }
}
