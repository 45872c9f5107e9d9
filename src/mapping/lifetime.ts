// From the moment that a region is made to the moment that nothing refers to it any more.

import { constants } from 'node:os'
import { illegalConstructor, mappingClosed, systemError } from '../errors.js'
import { type Handle, native, type Result } from '../native.js'
import type { Access, Protection } from '../protection.js'
import { expectDetach } from '../runtime/stable-copies.js'
import { announceLate, faultOf, forgetListener, rememberListener } from './fault-delivery.js'
import { Region, type RegionDescription } from './region.js'

/** Only the package makes mappings; it proves itself with this. */
export const construction = Symbol('posix-mmap construction')

const collected = new FinalizationRegistry<Handle>((handle) => {
  forgetListener(handle)
  native.release(handle)
})

/** The open region of a mapping; throws `ERR_MAPPING_CLOSED` after unmap(). */
export let regionOf: (mapping: MappedMemory) => Region

/** What the mapping's region is, or null after unmap(). */
export let openRegionOf: (mapping: MappedMemory) => Region | null

/** Memory that is mapped until unmap() or until nobody refers to it. */
export abstract class MappedMemory implements Disposable {
  #region: Region | null
  /** What fault() had to say when the mapping was closed. */
  #lastFault: ReturnType<typeof faultOf> = null
  readonly #access: Access
  readonly #fileOffset: number | null
  readonly #path: string | null
  #protection: Protection

  static {
    regionOf = (mapping) => {
      const region = mapping.#region
      if (region === null) throw mappingClosed()
      return region
    }
    openRegionOf = (mapping) => mapping.#region
  }

  protected constructor(key: typeof construction, description: RegionDescription) {
    if (key !== construction) throw illegalConstructor()
    this.#region = new Region(description)
    this.#access = description.access
    this.#fileOffset = description.fileOffset
    this.#path = description.path
    this.#protection = description.protection
    collected.register(this, description.handle, this)
    rememberListener(this.#region)
  }

  /** In bytes; 0 after {@link unmap}. */
  get byteLength(): number {
    return this.#region?.byteLength ?? 0
  }

  /** How the memory was mapped. {@link protection} says what may be done with it now. */
  get access(): Access {
    return this.#access
  }

  /**
   * Of every page; where pages differ, as it was made or as protect() last set it for all of it in
   * one call.
   */
  get protection(): Protection {
    return this.#region?.currentProtection ?? this.#protection
  }

  /** Where in the file the mapping starts, in bytes; null for anonymous memory. */
  get fileOffset(): number | null {
    return this.#fileOffset
  }

  /** The path that was mapped; null for anonymous memory and for descriptors. */
  get path(): string | null {
    return this.#path
  }

  /** Whether {@link unmap} was called. */
  get closed(): boolean {
    return this.#region === null
  }

  /**
   * The faults since the mapping was made or clearFault() was called, or null. Stays readable after
   * {@link unmap}.
   */
  get fault(): ReturnType<typeof faultOf> {
    return this.#region === null ? this.#lastFault : faultOf(this.#region)
  }

  /**
   * munmap(2) — detaches every ArrayBuffer that this mapping gave out, so that its views have length
   * 0, and gives the memory back. Requests in flight on a view (fs.read, zlib, crypto) end
   * harmlessly. Idempotent. Afterwards every method but this one and `[Symbol.dispose]` throws
   * `ERR_MAPPING_CLOSED`, and so do `buffer` and `sharedBuffer`; the properties that describe the mapping stay readable.
   */
  unmap(): void {
    const region = this.#region
    if (region === null) return
    this.#lastFault = faultOf(region)
    this.#protection = region.currentProtection
    this.#region = null
    collected.unregister(this)
    forgetListener(region.handle)
    region.buffers.detachEmpty()
    region.sharedBuffer.close()
    expectDetach()
    const unheard = native.unmap(region.handle)
    if (unheard && this.#lastFault !== null) announceLate(region, this.#lastFault)
  }

  /** {@link unmap}, for `using`. */
  [Symbol.dispose](): void {
    this.unmap()
  }
}

/** ENOMEM has a cause that strerror(3) does not name: too many mappings. */
export function remarkOn(errno: number): string {
  if (errno !== -constants.errno.ENOMEM) return ''
  const [live, quarantined] = native.regionCounts()
  return (
    ` (${live} mappings of this process are alive, ${quarantined} of them closed and waiting for ` +
    'the garbage collector; those that were dropped without unmap() wait for it and for a turn of ' +
    'the event loop, unmap() frees at once)'
  )
}

/** Hands a result on, or throws what the kernel said. */
export function checked(result: Result, syscall: string, path: string | null): number {
  if (result >= 0) return result
  if (result === -constants.errno.ESTALE) throw mappingClosed()
  throw systemError(result, syscall, path, remarkOn(result))
}
