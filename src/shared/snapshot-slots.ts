// The bytes of the slots, as views of the memory that the user gave or that was opened for him.

import { mappingClosed } from '../errors.js'
import type { SharedMemory } from '../mapping.js'
import { sharedLayout } from './shared-errors.js'
import { type Geometry, tag, wordsOffset } from './snapshot-layout.js'

const nothing = new Uint8Array(0)

export class SnapshotSlots {
  /** Of one byte as long as the memory is there. */
  probe: Uint8Array
  readonly #memory: SharedMemory
  readonly #geometry: Geometry
  /** What was last used of each slot. */
  readonly #views: Uint8Array[]
  #closed = false

  constructor(memory: SharedMemory, geometry: Geometry) {
    this.#memory = memory
    this.#geometry = geometry
    this.#views = Array.from({ length: geometry.slots }, () => nothing)
    this.probe = memory.bytes(0, 1)
  }

  assertOpen(): void {
    if (this.#closed || this.#memory.closed) throw mappingClosed()
    // Others may have transferred the buffer: then there is another one over the same memory.
    if (this.probe.length === 0) this.probe = this.#bytesOf(0, 1)
  }

  close(): void {
    this.#closed = true
    this.probe = nothing
    this.#views.fill(nothing)
  }

  /** So many bytes of a slot. */
  of(slot: number, length: number): Uint8Array {
    const view = this.#views[slot] as Uint8Array
    return view.length === length ? view : this.#newView(slot, length)
  }

  /** Gives the memory of a slot back. */
  free(slot: number): void {
    const { data, stride, capacity } = this.#geometry
    this.#memory.punchHole(data + slot * stride, capacity)
  }

  #newView(slot: number, length: number): Uint8Array {
    if (length > this.#geometry.capacity) {
      throw sharedLayout(`The Snapshot is damaged: slot ${slot} says that it has ${length} bytes`)
    }
    const view = this.#bytesOf(slot, length)
    this.#views[slot] = view
    return view
  }

  #bytesOf(slot: number, length: number): Uint8Array {
    const { data, stride, byteLength } = this.#geometry
    if (this.#closed || this.#memory.closed) throw mappingClosed()
    if (this.#memory.byteLength < byteLength) {
      throw sharedLayout(`The memory of the Snapshot was cut to ${this.#memory.byteLength} bytes`)
    }
    return this.#memory.bytes(data + slot * stride, length)
  }
}

/** What stands where the lock is: 0 before the first use. */
export function assertTag(memory: SharedMemory): void {
  const [found = 0] = memory.view(Int32Array, wordsOffset, 1)
  if (found === 0 || found === tag) return
  throw sharedLayout('The Snapshot is damaged: where its lock should be is something else')
}
