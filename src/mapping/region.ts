// What a mapping knows of its memory while it is open. Never refers to the Mapping object, so that
// whatever holds on to it does not keep the object from being collected.

import type { MappingFault } from '../errors.js'
import type { Handle } from '../native.js'
import type { Access, Protection } from '../protection.js'
import { Buffers } from './buffers.js'

export type FaultListener = (fault: MappingFault) => void

export interface RegionDescription {
  handle: Handle
  byteLength: number
  access: Access
  protection: Protection
  fileOffset: number | null
  path: string | null
  onFault?: FaultListener | undefined
}

export class Region {
  readonly handle: Handle
  readonly path: string | null
  readonly onFault: FaultListener | undefined
  protection: Protection
  #byteLength: number
  #buffers: Buffers

  constructor(description: RegionDescription) {
    this.handle = description.handle
    this.path = description.path
    this.onFault = description.onFault
    this.protection = description.protection
    this.#byteLength = description.byteLength
    this.#buffers = new Buffers(this.handle, this.#byteLength)
  }

  get byteLength(): number {
    return this.#byteLength
  }

  get buffers(): Buffers {
    return this.#buffers
  }

  /** After the addon has moved the memory: the buffers so far are detached. */
  resized(byteLength: number): void {
    this.#byteLength = byteLength
    this.#buffers = new Buffers(this.handle, byteLength)
  }
}
