// Reading memory in JavaScript where that is known to be right, since a call of the addon takes longer
// than a look at a few bytes.
//
// Every fault moves a number in the addon's memory, the fault epoch. If it stands where it stood when the
// addon last said that all is well, no page has been replaced, and the bytes are the memory's own. The end
// of a file inside a page is nothing that the kernel reports: zeros follow it there. So a range lies in
// the file if its last byte is not zero, before it is read and afterwards; all else is for the addon.
//
// A load that faults replaces the page, which the addon's copies do not do. Therefore the last page of a
// file is mapped once more. A byte is read there first: if the file was cut, that is the page which faults,
// and none of the mapping.

import { type Handle, native } from '../native.js'
import type { Place } from './buffers.js'

/** V8 is slow at the elements of an array from here on, on Node 24 and 26. */
const mostIndex = 2 ** 31

let epoch: Uint32Array | null | undefined

/** The fault epoch; null where the runtime forbids external buffers. */
function epochOfProcess(): Uint32Array | null {
  if (epoch === undefined) {
    const memory = native.faultEpoch()
    epoch = typeof memory === 'number' ? null : new Uint32Array(memory)
  }
  return epoch
}

const collected = new FinalizationRegistry<Handle>((handle) => native.release(handle))

/** What can be read directly. */
export interface Readable {
  readonly handle: Handle
  readonly byteLength: number
  /** A buffer that covers a range. */
  covering(offset: number, length: number): Place
}

/** Part of the memory. */
export interface Window {
  readonly bytes: Uint8Array
  /** The offset in the mapping at which it starts. */
  readonly start: number
}

export class Direct {
  /** Whether a file can come to end before the mapping does. */
  readonly canShrink: boolean
  /** How many searches go through the addon before another one is made here. */
  pause = 0
  readonly #source: Readable
  /** The last byte as it was when it was last looked at; a field, or V8 would leave the look out. */
  #lastByte = 1
  readonly #epoch: Uint32Array
  readonly #lastPage: Uint8Array
  readonly #last: number
  /** The mapping of the last page, or 0. */
  readonly #lastPageHandle: Handle
  /** The epochs at which the addon said that all is well, and that it is not. */
  #soundAt = -1
  #unsoundAt = -1
  #view = new Uint8Array(0)
  #viewStart = 0
  #window: Window | undefined

  private constructor(source: Readable, moves: Uint32Array, handle: Handle, lastPage: Uint8Array) {
    this.#source = source
    this.#epoch = moves
    this.#lastPage = lastPage
    this.#last = lastPage.length - 1
    this.#lastPageHandle = handle
    this.canShrink = handle !== 0
    if (handle !== 0) collected.register(this, handle, this)
  }

  /** Null for memory of which no second look can be had: private pages of a file, or a device. */
  static of(source: Readable): Direct | null {
    const moves = epochOfProcess()
    if (moves === null || source.byteLength === 0) return null
    const page = native.lastPage(source.handle)
    if (page === 0) return new Direct(source, moves, 0, Uint8Array.of(1))
    if (typeof page === 'number') return null
    const [handle, length] = page
    const memory = native.arrayBuffer(handle, 0, length)
    if (typeof memory !== 'number') return new Direct(source, moves, handle, new Uint8Array(memory))
    native.release(handle)
    return null
  }

  /** Whether nothing has happened since {@link view} gave a view. */
  get sound(): boolean {
    return this.#epoch[0] === this.#soundAt
  }

  /** Whether there was no fault, and the file does not end before the mapping. False is no answer. */
  get whole(): boolean {
    return this.#isWell() && this.#lastByte !== 0
  }

  /** A view that covers a range, which begins at {@link indexOf} in it; undefined if the addon has to look. */
  view(offset: number, length: number): Uint8Array | undefined {
    if (!this.#isWell()) return undefined
    const from = offset - this.#viewStart
    if (from >= 0 && from + length <= this.#view.length) return this.#view
    return this.#viewAnew(offset, length)
  }

  /**
   * A part of the memory that holds `offset`: the same for the offsets that follow until it ends, or a
   * `fresh` one, of up to `length` bytes from there.
   */
  window(offset: number, length: number, fresh = false): Window | undefined {
    const last = fresh ? undefined : this.#window
    if (last !== undefined && offset >= last.start && offset < last.start + last.bytes.length) {
      return this.#isWell() ? last : undefined
    }
    const size = Math.min(length, this.#source.byteLength - offset)
    const view = size > 0 ? this.view(offset, size) : undefined
    if (view === undefined) return undefined
    const bytes = new Uint8Array(view.buffer, this.indexOf(offset), size)
    this.#window = { bytes, start: offset }
    return this.#window
  }

  /** Of an offset of the mapping, in the view that {@link view} gave last. */
  indexOf(offset: number): number {
    return offset - this.#viewStart
  }

  /** At unmap(), and before the mapping gets another length. */
  end(): void {
    if (this.#lastPageHandle === 0) return
    collected.unregister(this)
    native.unmap(this.#lastPageHandle)
  }

  /** Whether the memory may be touched now: all is well, and the last page is there. */
  #isWell(): boolean {
    this.#lastByte = this.#lastPage[this.#last] ?? 0
    return this.sound || this.#becomesSound()
  }

  #becomesSound(): boolean {
    // Read first: what happens during the call moves it.
    const now = this.#epoch[0] as number
    if (now === this.#unsoundAt) return false
    // The mapping of a last page that was lost once never shows the file again.
    const handles = [this.#source.handle, this.#lastPageHandle].filter((handle) => handle !== 0)
    const sound = handles.every((handle) => native.isSound(handle))
    if (sound) this.#soundAt = now
    else this.#unsoundAt = now
    return sound && this.sound
  }

  #viewAnew(offset: number, length: number): Uint8Array | undefined {
    if (offset + length > mostIndex) return undefined
    // The buffer that bytes() gives views of, unless somebody has transferred it since.
    const { buffer, byteOffset } = this.#source.covering(offset, length)
    this.#view = new Uint8Array(buffer)
    this.#viewStart = offset - byteOffset
    return this.#view
  }
}
