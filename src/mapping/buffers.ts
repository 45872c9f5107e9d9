// The ArrayBuffers over one region: one for all of it where that is possible, and overlapping
// windows where a mapping is larger than an ArrayBuffer of this runtime.

import { constants } from 'node:os'
import {
  externalBuffersForbidden,
  mappingClosed,
  mappingDetached,
  outOfRange,
  systemError,
} from '../errors.js'
import { maxBufferLength } from '../limits.js'
import { type Handle, native } from '../native.js'

// A window starts at each multiple of half its length, so that every range of up to half a window
// lies inside one, and views of neighbouring ranges share their buffer.
const windowLength = maxBufferLength
const windowStep = windowLength / 2

/** For an empty buffer, whose length does not tell; Node 20 has no `detached` property. */
function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

/** Where a range of the region is found. */
export interface Place {
  buffer: ArrayBuffer
  byteOffset: number
}

export class Buffers {
  readonly #handle: Handle
  readonly #byteLength: number
  #whole: ArrayBuffer | undefined
  #windows: Map<number, ArrayBuffer> | undefined

  constructor(handle: Handle, byteLength: number) {
    this.#handle = handle
    this.#byteLength = byteLength
  }

  /** The one buffer over everything, the same each time. */
  whole(): ArrayBuffer {
    if (this.#byteLength > maxBufferLength) {
      const range = `<= ${maxBufferLength}, what one ArrayBuffer covers on this runtime (take views of parts with bytes())`
      throw outOfRange('byteLength', range, this.#byteLength)
    }
    this.#whole ??= this.#byteLength === 0 ? new ArrayBuffer(0) : this.#create(0, this.#byteLength)
    if (this.#whole.byteLength !== this.#byteLength) throw mappingDetached()
    return this.#whole
  }

  /** A buffer that covers a range, which has to lie inside the region. */
  covering(offset: number, length: number): Place {
    if (this.#byteLength <= maxBufferLength) return { buffer: this.whole(), byteOffset: offset }
    if (length > maxBufferLength) {
      throw outOfRange('length', `<= ${maxBufferLength} for one view on this runtime`, length)
    }
    const index = Math.floor(offset / windowStep)
    const start = index * windowStep
    const end = Math.min(start + windowLength, this.#byteLength)
    // Longer than half a window and across its end: a buffer of its own.
    if (offset + length > end) return { buffer: this.#create(offset, length), byteOffset: 0 }
    this.#windows ??= new Map()
    let window = this.#windows.get(index)
    if (window === undefined) {
      window = this.#create(start, end - start)
      this.#windows.set(index, window)
    }
    if (window.byteLength === 0) throw mappingDetached()
    return { buffer: window, byteOffset: offset - start }
  }

  /** For an empty mapping, whose buffer the addon knows nothing of. */
  detachEmpty(): void {
    if (this.#byteLength > 0 || this.#whole === undefined || isDetached(this.#whole)) return
    structuredClone(this.#whole, { transfer: [this.#whole] })
  }

  #create(offset: number, length: number): ArrayBuffer {
    const buffer = native.arrayBuffer(this.#handle, offset, length)
    if (typeof buffer !== 'number') return buffer
    if (buffer === -constants.errno.ESTALE) throw mappingClosed()
    if (buffer === -constants.errno.ENOTSUP) throw externalBuffersForbidden()
    throw systemError(buffer, 'napi_create_external_arraybuffer')
  }
}
