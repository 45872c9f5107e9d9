// The SharedArrayBuffer over one region.

import { constants } from 'node:os'
import { mappingClosed, outOfRange, sharedBuffersUnavailable, systemError } from '../errors.js'
import { maxBufferLength } from '../kernel/limits.js'
import { checked, closedHandle, type Handle, hasEventLoopOfNode, native } from '../native.js'
import { brand } from '../runtime/stable-copies.js'
import { keepWithBuffer } from './buffers.js'

const { EINVAL, ENOTSUP } = constants.errno

type GrowableConstructor = new (
  byteLength: number,
  options: { maxByteLength: number },
) => SharedArrayBuffer

export class SharedBuffer {
  readonly #owner: object
  readonly #handle: Handle
  readonly #byteLength: number
  readonly #neverFaults: boolean
  #buffer: SharedArrayBuffer | undefined
  /** All of `#buffer`, where its pages are V8's own and show the region. */
  #overlaid: Uint8Array | undefined

  constructor(owner: object, handle: Handle, byteLength: number, neverFaults: boolean) {
    this.#owner = owner
    this.#handle = handle
    this.#byteLength = byteLength
    this.#neverFaults = neverFaults
  }

  /** The same object each time. */
  get(): SharedArrayBuffer {
    if (this.#buffer === undefined) {
      this.#buffer =
        this.#byteLength === 0 ? new SharedArrayBuffer(0) : brand(this.#create() ?? this.#overlay())
      keepWithBuffer(this.#buffer, this.#owner)
    }
    return this.#buffer
  }

  /** Before the memory goes: empties pages of V8's that show it. Buffers over the addon's own pages it empties itself. */
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
    if (buffer === closedHandle) throw mappingClosed()
    throw systemError(buffer, 'node_api_create_external_sharedarraybuffer')
  }

  /**
   * For runtimes that cannot make a SharedArrayBuffer over foreign memory: a growable one has whole
   * pages of its own, in which the kernel can show the region. V8 frees those pages without reporting
   * it, so that the addon could not know a fault there from a stranger's: only memory that cannot
   * fault may be shown. The buffer is made at its full length, since growing it would have V8 change
   * the protection of the pages.
   */
  #overlay(): SharedArrayBuffer {
    if (!this.#neverFaults || !hasEventLoopOfNode) throw sharedBuffersUnavailable()
    const Growable = SharedArrayBuffer as GrowableConstructor
    const buffer = new Growable(this.#byteLength, { maxByteLength: this.#byteLength })
    const bytes = new Uint8Array(buffer, 0, this.#byteLength)
    const result = native.overlay(this.#handle, bytes)
    if (result === closedHandle) throw mappingClosed()
    if (result === -EINVAL) throw sharedBuffersUnavailable()
    checked(result, 'mremap')
    this.#overlaid = bytes
    return buffer
  }
}
