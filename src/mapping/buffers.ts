// The ArrayBuffers over one region: one for all of it where that is possible, and overlapping
// windows where a mapping is larger than an ArrayBuffer of this runtime, or where that is not needed.

import { constants } from 'node:os'
import { externalBuffersForbidden, mappingClosed, outOfRange, systemError } from '../errors.js'
import { maxBufferLength } from '../kernel/limits.js'
import { closedHandle, type Handle, native } from '../native.js'
import { brand } from '../runtime/stable-copies.js'

// V8 counts the bytes of a buffer as memory of the heap, and collects garbage once they have grown by
// 64 MiB. A program that looks up a thing or two in a large file gets buffers of small windows instead.
const smallWindowBytes = 2 ** 23
const mostSmallWindows = 4
const smallWindowsFromBytes = 2 ** 26

/** Whether its memory was transferred, by postMessage() or a byte stream for example. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false
  // The length of an empty buffer tells nothing, and Node 20 has no `detached` property.
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

  #startOf(offset: number): number {
    // An empty range may be at the end, where no window starts.
    const inside = Math.min(offset, this.#byteLength - 1)
    return inside - (inside % (this.#length / 2))
  }

  /** Whether a range lies inside one window. */
  cover(offset: number, length: number): boolean {
    return offset + length <= this.#startOf(offset) + this.#length
  }

  /** Whether the window that starts at or before `offset` has a buffer. */
  has(offset: number): boolean {
    return this.#made.has(this.#startOf(offset))
  }

  place(offset: number): Place {
    const start = this.#startOf(offset)
    let buffer = this.#made.get(start)
    if (buffer === undefined || isDetached(buffer)) {
      buffer = this.#create(start, Math.min(this.#length, this.#byteLength - start))
      this.#made.set(start, buffer)
    }
    return { buffer, byteOffset: offset - start }
  }
}

/** What a buffer keeps: a view that outlives its Mapping still reports its faults. */
const owners = new WeakMap<ArrayBufferLike, object>()

/** Keeps `owner` for as long as a buffer of its memory is reachable in this thread. */
export function keepWithBuffer(buffer: ArrayBufferLike, owner: object): void {
  owners.set(buffer, owner)
}

export class Buffers {
  readonly #owner: object
  readonly #handle: Handle
  readonly #byteLength: number
  #whole: ArrayBuffer | undefined
  #small: Windows | undefined
  #large: Windows | undefined

  constructor(owner: object, handle: Handle, byteLength: number) {
    this.#owner = owner
    this.#handle = handle
    this.#byteLength = byteLength
  }

  /** The one buffer over everything; the same each time, until somebody else transfers its memory. */
  whole(): ArrayBuffer {
    if (this.#byteLength > maxBufferLength) {
      const range = `<= ${maxBufferLength}, what one ArrayBuffer covers on this runtime (take views of parts with bytes())`
      throw outOfRange('byteLength', range, this.#byteLength)
    }
    if (this.#whole === undefined || isDetached(this.#whole)) {
      this.#whole = this.#byteLength === 0 ? new ArrayBuffer(0) : this.#create(0, this.#byteLength)
    }
    return this.#whole
  }

  /** A buffer that covers a range, which has to lie inside the region. */
  covering(offset: number, length: number): Place {
    if (this.#whole === undefined && this.#byteLength >= smallWindowsFromBytes) {
      const place = this.#inSmallWindow(offset, length)
      if (place !== undefined) return place
    }
    if (this.#byteLength <= maxBufferLength) return { buffer: this.whole(), byteOffset: offset }
    if (length > maxBufferLength) {
      throw outOfRange('length', `<= ${maxBufferLength} for one view on this runtime`, length)
    }
    this.#large ??= this.#windows(maxBufferLength)
    // A range longer than half a window may cross the end of its window: it gets a buffer of its own.
    if (!this.#large.cover(offset, length)) {
      return { buffer: this.#create(offset, length), byteOffset: 0 }
    }
    return this.#large.place(offset)
  }

  #inSmallWindow(offset: number, length: number): Place | undefined {
    this.#small ??= this.#windows(smallWindowBytes)
    if (!this.#small.cover(offset, length)) return undefined
    // A caller who needs a fifth window reads enough that one full buffer is cheaper.
    const enough = this.#small.count === mostSmallWindows
    return enough && !this.#small.has(offset) ? undefined : this.#small.place(offset)
  }

  #windows(length: number): Windows {
    return new Windows(length, this.#byteLength, (start, size) => this.#create(start, size))
  }

  /** Detaches the buffer of an empty mapping, of which the addon knows nothing. */
  detachEmpty(): void {
    if (this.#byteLength > 0 || this.#whole === undefined || isDetached(this.#whole)) return
    structuredClone(this.#whole, { transfer: [this.#whole] })
  }

  #create(offset: number, length: number): ArrayBuffer {
    const buffer = native.arrayBuffer(this.#handle, offset, length)
    if (typeof buffer !== 'number') {
      keepWithBuffer(buffer, this.#owner)
      return brand(buffer)
    }
    if (buffer === closedHandle) throw mappingClosed()
    if (buffer === -constants.errno.ENOTSUP) throw externalBuffersForbidden()
    throw systemError(buffer, 'napi_create_external_arraybuffer')
  }
}
