// What is behind a mapping. A Region is reachable from its Mapping and from every buffer of its memory,
// and from nowhere else: it goes with the last of them, and the listener for its faults with it. So a
// listener that refers to its Mapping, as closures in a request handler do, does not keep it.

import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { invalidArgType, type MappingFault, mappingClosed, systemError } from '../errors.js'
import { type Access, type Protection, protectionOf } from '../kernel/protection.js'
import { type Handle, native } from '../native.js'
import { expectViews } from '../runtime/stable-copies.js'
import { Buffers } from './buffers.js'
import { Direct } from './direct.js'
import { SharedBuffer } from './shared-buffer.js'

/** Is given the faults so far, as {@link Mapping.fault} has them. */
export type FaultListener = (fault: MappingFault) => void

/** A descriptor of memory that other processes can map, and its name if it has one. */
export interface Segment {
  /** Owned by the mapping, which closes it. */
  readonly fd: number
  /** As shm_open(3) takes it, with its slash. */
  readonly name: string | null
}

/**
 * The descriptor of shared memory, for a call on it. Its number may have been closed by somebody in the
 * process, and be another file's by now, which must not be sealed, passed on or mapped instead.
 *
 * @throws EBADF
 */
export function ownDescriptor({ fd, name }: Segment): number {
  if (native.isOwnDescriptor(fd)) return fd
  const remark = ` (the descriptor ${fd} of this memory was closed by somebody else)`
  throw systemError(-constants.errno.EBADF, 'fcntl', name, remark)
}

/** What is said of a mapping once, when it is made. */
export interface Facts {
  readonly access: Access
  /** In bytes; null for anonymous memory. */
  readonly fileOffset: number | null
  readonly path: string | null
  /** What it was mapped through; the caller's, who may have closed it since. -1 for none. */
  readonly fd: number
  /** Only shared memory has one. */
  readonly segment: Segment | null
  /** Its pages are there and cannot be taken away: sealed memory. */
  readonly neverFaults: boolean
  readonly onFault: FaultListener | undefined
}

/** Small reads before one is direct: most mappings are read once or twice, and it takes a mapping more. */
const patience = 64

export class Region {
  readonly handle: Handle
  readonly facts: Facts
  /** Streams that have not ended; created by the first of them. */
  streams: Set<Readable> | undefined
  /** What the mapping still tells after unmap(); undefined while it is open. */
  closed: { readonly fault: MappingFault | null } | undefined
  /** How many of its faults the program knows of. */
  faultsTold = 0
  /** Bodies of checked() that have not ended: they will tell. */
  checking = 0
  #protection: Protection
  #byteLength: number
  #buffers: Buffers | undefined
  #direct: Direct | undefined
  #patience = patience
  #sharedBuffer: SharedBuffer | undefined

  constructor(handle: Handle, byteLength: number, protection: Protection, facts: Facts) {
    this.handle = handle
    this.facts = facts
    this.#byteLength = byteLength
    this.#protection = protection
    expectViews()
  }

  /** In bytes; 0 once it is closed. */
  get byteLength(): number {
    return this.closed === undefined ? this.#byteLength : 0
  }

  /** What an error calls it: the path, or the name of shared memory. */
  get origin(): string | null {
    return this.facts.path ?? this.facts.segment?.name ?? null
  }

  get buffers(): Buffers {
    this.#buffers ??= new Buffers(this, this.handle, this.#byteLength)
    return this.#buffers
  }

  get sharedBuffer(): SharedBuffer {
    const { neverFaults } = this.facts
    this.#sharedBuffer ??= new SharedBuffer(this, this.handle, this.#byteLength, neverFaults)
    return this.#sharedBuffer
  }

  /** For small reads in JavaScript; undefined where they go through the addon. */
  get direct(): Direct | undefined {
    if (this.#direct !== undefined) return this.#direct
    if (this.#patience > 0 && --this.#patience === 0) {
      const { handle, byteLength } = this
      const covering = (offset: number, length: number) => this.buffers.covering(offset, length)
      this.#direct = Direct.of({ handle, byteLength, covering }) ?? undefined
    }
    return this.#direct
  }

  /** Of every page, asked of the addon, since another thread may have set it as well. */
  get protection(): Protection {
    const prot = this.closed === undefined ? native.protection(this.handle) : -1
    return prot < 0 ? this.#protection : protectionOf(prot)
  }

  /** After a call that set the protection of a range: where pages differ, the last that was set for all. */
  protectionSet(protection: Protection, length: number): void {
    if (length === this.#byteLength) this.#protection = protection
  }

  /** After the addon has moved the memory: the buffers so far are detached. */
  resized(byteLength: number): void {
    this.#closeBuffers()
    this.#byteLength = byteLength
    this.#patience = patience
  }

  /** Before the addon gives the memory back. */
  close(fault: MappingFault | null): void {
    this.#protection = this.protection
    this.#buffers?.detachEmpty()
    this.#closeBuffers()
    this.closed = { fault }
  }

  #closeBuffers(): void {
    this.#direct?.end()
    this.#sharedBuffer?.close()
    this.#direct = undefined
    this.#patience = 0
    this.#buffers = undefined
    this.#sharedBuffer = undefined
  }
}

/** A {@link Mapping}, to the files below its class. */
export type Mapped = object

let accessor: (value: Mapped) => Region | undefined

/** Gives this file access to the private region of a mapping; called by the class itself. */
export function grantAccess(regionOfMapping: (value: Mapped) => Region | undefined): void {
  accessor = regionOfMapping
}

/** The region of a mapping, open or closed; undefined for any other value. */
export function anyRegionOf(value: unknown): Region | undefined {
  return typeof value === 'object' && value !== null ? accessor(value) : undefined
}

/** The open region of a mapping; throws `ERR_MAPPING_CLOSED` after unmap(). */
export function regionOf(mapping: Mapped): Region {
  const region = accessor(mapping)
  // An object that only inherits from Mapping.prototype, for example.
  if (region === undefined) throw invalidArgType('mapping', 'an instance of Mapping', mapping)
  if (region.closed !== undefined) throw mappingClosed()
  return region
}
