// What JavaScript has of the memory of a region at one place and length. After resize() there is another.

import type { Handle } from '../native.js'
import { Buffers } from './buffers.js'
import { Direct } from './direct.js'
import { SharedBuffer } from './shared-buffer.js'

/** Small reads before one is direct: most mappings are read once or twice, and it takes a mapping more. */
const patience = 64

export class Memory {
  readonly byteLength: number
  readonly #owner: object
  readonly #handle: Handle
  readonly #neverFaults: boolean
  #buffers: Buffers | undefined
  #sharedBuffer: SharedBuffer | undefined
  #direct: Direct | undefined
  #patience = patience

  /** `owner` lives for as long as a buffer is reachable. */
  constructor(owner: object, handle: Handle, byteLength: number, neverFaults: boolean) {
    this.#owner = owner
    this.#handle = handle
    this.byteLength = byteLength
    this.#neverFaults = neverFaults
  }

  get buffers(): Buffers {
    this.#buffers ??= new Buffers(this.#owner, this.#handle, this.byteLength)
    return this.#buffers
  }

  get sharedBuffer(): SharedBuffer {
    this.#sharedBuffer ??= new SharedBuffer(
      this.#owner,
      this.#handle,
      this.byteLength,
      this.#neverFaults,
    )
    return this.#sharedBuffer
  }

  /** For small reads in JavaScript; undefined where they go through the addon. */
  get direct(): Direct | undefined {
    if (this.#direct !== undefined) return this.#direct
    if (this.#patience > 0 && --this.#patience === 0) {
      const covering = (offset: number, length: number) => this.buffers.covering(offset, length)
      const source = { handle: this.#handle, byteLength: this.byteLength, covering }
      this.#direct = Direct.of(source) ?? undefined
    }
    return this.#direct
  }

  /** Lets go of every buffer, and detaches those that the addon does not know. Idempotent. */
  close(): void {
    this.#sharedBuffer?.close()
    this.#buffers?.detachEmpty()
    this.#direct?.end()
    // The addresses are taken for as long as the object of a buffer is reachable.
    this.#sharedBuffer = undefined
    this.#buffers = undefined
    this.#direct = undefined
  }
}
