// The ArrayBuffers over one region: one for all of it where that is possible, and overlapping
// windows where a mapping is larger than an ArrayBuffer of this runtime, or where that is not needed.

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
import { brand, expectViews } from '../runtime/stable-copies.js'

/**
 * V8 counts the bytes of a buffer as memory of the heap, and collects garbage when they grow by 64 MiB:
 * a look-up or two in a large file do with little windows.
 */
const littleWindow = 2 ** 23
const manyLittleWindows = 4
const worthLittleWindows = 2 ** 26

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

/**
 * A window starts at each multiple of half its length, so that every range of up to half a window
 * lies inside one, and views of neighbouring ranges share their buffer.
 */
class Windows {
  readonly #length: number
  readonly #byteLength: number
  readonly #create: (start: number, length: number) => ArrayBuffer
  readonly #made = new Map<number, ArrayBuffer>()

  /** `create` makes a buffer of a part of the region, which has `byteLength` bytes, at least one. */
  constructor(
    length: number,
    byteLength: number,
    create: (start: number, length: number) => ArrayBuffer,
  ) {
    this.#length = length
    this.#byteLength = byteLength
    this.#create = create
  }

  get count(): number {
    return this.#made.size
  }

  /** Whoever has the memory of one has all of it: it is given back together. */
  assertAttached(): void {
    for (const buffer of this.#made.values()) if (buffer.byteLength === 0) throw mappingDetached()
  }

  #startOf(offset: number): number {
    // An empty range may be at the end, where no window starts.
    const inside = Math.min(offset, this.#byteLength - 1)
    return inside - (inside % (this.#length / 2))
  }

  /** Whether a range lies inside of one. */
  cover(offset: number, length: number): boolean {
    return offset + length <= this.#startOf(offset) + this.#length
  }

  /** Whether the one for a range was made. */
  has(offset: number): boolean {
    return this.#made.has(this.#startOf(offset))
  }

  place(offset: number): Place {
    const start = this.#startOf(offset)
    let buffer = this.#made.get(start)
    if (buffer === undefined) {
      buffer = this.#create(start, Math.min(this.#length, this.#byteLength - start))
      this.#made.set(start, buffer)
    }
    if (buffer.byteLength === 0) throw mappingDetached()
    return { buffer, byteOffset: offset - start }
  }
}

export class Buffers {
  readonly #handle: Handle
  readonly #byteLength: number
  #whole: ArrayBuffer | undefined
  #little: Windows | undefined
  #large: Windows | undefined

  constructor(handle: Handle, byteLength: number) {
    this.#handle = handle
    this.#byteLength = byteLength
    expectViews()
  }

  /** The one buffer over everything, the same each time. */
  whole(): ArrayBuffer {
    if (this.#byteLength > maxBufferLength) {
      const range = `<= ${maxBufferLength}, what one ArrayBuffer covers on this runtime (take views of parts with bytes())`
      throw outOfRange('byteLength', range, this.#byteLength)
    }
    this.#whole ??= this.#byteLength === 0 ? new ArrayBuffer(0) : this.#create(0, this.#byteLength)
    if (this.#whole.byteLength !== this.#byteLength) throw mappingDetached()
    this.#little?.assertAttached()
    return this.#whole
  }

  /** A buffer that covers a range, which has to lie inside the region. */
  covering(offset: number, length: number): Place {
    if (this.#whole === undefined && this.#byteLength >= worthLittleWindows) {
      const place = this.#inLittleWindow(offset, length)
      if (place !== undefined) return place
    }
    if (this.#byteLength <= maxBufferLength) return { buffer: this.whole(), byteOffset: offset }
    if (length > maxBufferLength) {
      throw outOfRange('length', `<= ${maxBufferLength} for one view on this runtime`, length)
    }
    this.#large ??= this.#windows(maxBufferLength)
    // Longer than half a window and across its end: a buffer of its own.
    if (!this.#large.cover(offset, length)) {
      return { buffer: this.#create(offset, length), byteOffset: 0 }
    }
    return this.#large.place(offset)
  }

  #inLittleWindow(offset: number, length: number): Place | undefined {
    this.#little ??= this.#windows(littleWindow)
    this.#little.assertAttached()
    if (!this.#little.cover(offset, length)) return undefined
    // Who goes on looks at more of it than would be saved.
    const enough = this.#little.count === manyLittleWindows
    return enough && !this.#little.has(offset) ? undefined : this.#little.place(offset)
  }

  #windows(length: number): Windows {
    return new Windows(length, this.#byteLength, (start, size) => this.#create(start, size))
  }

  /** For an empty mapping, whose buffer the addon knows nothing of. */
  detachEmpty(): void {
    if (this.#byteLength > 0 || this.#whole === undefined || isDetached(this.#whole)) return
    structuredClone(this.#whole, { transfer: [this.#whole] })
  }

  #create(offset: number, length: number): ArrayBuffer {
    const buffer = native.arrayBuffer(this.#handle, offset, length)
    if (typeof buffer !== 'number') return brand(buffer)
    if (buffer === -constants.errno.ESTALE) throw mappingClosed()
    if (buffer === -constants.errno.ENOTSUP) throw externalBuffersForbidden()
    throw systemError(buffer, 'napi_create_external_arraybuffer')
  }
}
