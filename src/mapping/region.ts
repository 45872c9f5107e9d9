// What a mapping knows of its memory while it is open. Never refers to the Mapping object, so that
// whatever holds on to it does not keep the object from being collected.

import type { MappingFault } from '../errors.js'
import { type Handle, native } from '../native.js'
import { type Access, type Protection, protectionOf } from '../protection.js'
import { Buffers } from './buffers.js'
import { SharedBuffer } from './shared-buffer.js'

/** Is given the faults so far, as {@link Mapping.fault} has them. */
export type FaultListener = (fault: MappingFault) => void

export interface RegionDescription {
  handle: Handle
  byteLength: number
  access: Access
  protection: Protection
  fileOffset: number | null
  path: string | null
  /** The descriptor that it was mapped through; the caller's, who may have closed it since. */
  fd?: number
  /** Its pages are there and cannot be taken away: sealed memory. */
  neverFaults?: boolean
  onFault?: FaultListener | undefined
}

export class Region {
  readonly handle: Handle
  readonly path: string | null
  readonly fd: number
  readonly onFault: FaultListener | undefined
  readonly neverFaults: boolean
  /** As protect() last set it for all pages; {@link currentProtection} asks the addon. */
  protection: Protection
  #byteLength: number
  #buffers: Buffers
  #sharedBuffer: SharedBuffer

  constructor(description: RegionDescription) {
    this.handle = description.handle
    this.path = description.path
    this.fd = description.fd ?? -1
    this.onFault = description.onFault
    this.protection = description.protection
    this.#byteLength = description.byteLength
    this.neverFaults = description.neverFaults ?? false
    this.#buffers = new Buffers(this.handle, this.#byteLength)
    this.#sharedBuffer = new SharedBuffer(this.handle, this.#byteLength, this.neverFaults)
  }

  get byteLength(): number {
    return this.#byteLength
  }

  get buffers(): Buffers {
    return this.#buffers
  }

  get sharedBuffer(): SharedBuffer {
    return this.#sharedBuffer
  }

  /** What another thread may have set as well. */
  get currentProtection(): Protection {
    const prot = native.protection(this.handle)
    return prot < 0 ? this.protection : protectionOf(prot)
  }

  /** After the addon has moved the memory: the buffers so far are detached. */
  resized(byteLength: number): void {
    this.#sharedBuffer.close()
    this.#byteLength = byteLength
    this.#buffers = new Buffers(this.handle, byteLength)
    this.#sharedBuffer = new SharedBuffer(this.handle, byteLength, this.neverFaults)
  }
}
