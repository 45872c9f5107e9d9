// What is behind a mapping. A Region is reachable from its Mapping and from every buffer of its memory,
// and from nowhere else: it goes with the last of them, and the listener for its faults with it. So a
// listener that refers to its Mapping, as closures in a request handler do, does not keep it.

import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { invalidArgType, type MappingFault, mappingClosed, systemError } from '../errors.js'
import { type Access, type Protection, protectionOf } from '../kernel/protection.js'
import { type Handle, native, type Result } from '../native.js'
import { expectViews } from '../runtime/stable-copies.js'
import { Memory } from './memory.js'

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

export class Region {
  readonly handle: Handle
  readonly facts: Facts
  /** Streams that have not ended; created by the first of them. */
  streams: Set<Readable> | undefined
  /** What the mapping still tells after unmap(); undefined while it is open. */
  closed: { readonly fault: MappingFault | null; readonly protection: Protection } | undefined
  /** The faults that its listener has not been told of when it was unmapped. */
  late: MappingFault | null = null
  /** Whether unmap() has done everything. */
  ended = false
  /** How many of its faults the program knows of. */
  faultsTold = 0
  /** Bodies of checked() that have not ended: they will tell. */
  checking = 0
  /** Where the last readAsync() ends, in bytes. */
  readEnd = 0
  /** How many bytes it has read in behind that. */
  readAhead = 0
  /** Replaced by resize(), as the only thing that happens between the addon's work and everything else. */
  memory: Memory
  #protection: Protection

  constructor(handle: Handle, byteLength: number, protection: Protection, facts: Facts) {
    this.handle = handle
    this.facts = facts
    this.memory = this.memoryOf(byteLength)
    this.#protection = protection
    expectViews()
  }

  /** What {@link memory} is at another length. */
  memoryOf(byteLength: number): Memory {
    return new Memory(this, this.handle, byteLength, this.facts.neverFaults)
  }

  /** In bytes; 0 once it is closed. */
  get byteLength(): number {
    return this.closed === undefined ? this.memory.byteLength : 0
  }

  /** What an error calls it: the path, or the name of shared memory. */
  get origin(): string | null {
    return this.facts.path ?? this.facts.segment?.name ?? null
  }

  /** Of every page, asked of the addon, since another thread may have set it as well. */
  get protection(): Protection {
    if (this.closed !== undefined) return this.closed.protection
    return this.protectionFrom(native.protection(this.handle))
  }

  /** What the addon's answer means; where pages differ, what was last set for all. */
  protectionFrom(prot: Result): Protection {
    return prot < 0 ? this.#protection : protectionOf(prot)
  }

  /** After a call that set the protection of a range: where pages differ, the last that was set for all. */
  protectionSet(protection: Protection, length: number): void {
    if (length === this.memory.byteLength) this.#protection = protection
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
