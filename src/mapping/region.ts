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
  readonly byteLength: number
  readonly path: string | null
  readonly onFault: FaultListener | undefined
  readonly buffers: Buffers
  protection: Protection

  constructor(description: RegionDescription) {
    this.handle = description.handle
    this.byteLength = description.byteLength
    this.path = description.path
    this.onFault = description.onFault
    this.protection = description.protection
    this.buffers = new Buffers(description.handle, description.byteLength)
  }
}
