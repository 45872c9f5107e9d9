// How a mapping gets to another thread: a token that structured cloning copies. What is known of the
// mapping stays in the process, next to its token, so that nothing that comes from elsewhere is believed.

import { constants } from 'node:os'
import { callback, optional, options as optionsObject } from '../arguments.js'
import { invalidArgType, invalidArgValue, mappingClosed, notIssuedHere } from '../errors.js'
import { type Access, protectionOf } from '../kernel/protection.js'
import { cannotFault } from '../kernel/seals.js'
import { checkedOnHandle, native } from '../native.js'
import { type FaultListener, type Mapped, ownDescriptor, Region, regionOf } from './region.js'

/** How a mapping is to be in the thread that attaches it. */
export interface AttachOptions {
  /** Called from this thread's event loop after faults, whichever thread they happened in. */
  onFault?: FaultListener | undefined
}

/**
 * Names a mapping in this process; {@link Mapping.share} makes it, {@link Mapping.attach} takes it. To
 * be cloned, not to be read: what is in it may change with any version. Nobody can guess one. Does not
 * keep the memory: the mapping must stay open until attach() has returned.
 */
export interface MappingHandle {
  /** Means nothing outside of this process. */
  readonly token: string
}

/** What the addon keeps with a token, as JSON. */
interface KeptFacts {
  readonly access: Access
  readonly fileOffset: number | null
  readonly path: string | null
  readonly name: string | null
}

export function share(mapping: Mapped): MappingHandle {
  const region = regionOf(mapping)
  const { access, fileOffset, path, segment } = region.facts
  const kept: KeptFacts = { access, fileOffset, path, name: segment?.name ?? null }
  const fd = segment === null ? -1 : ownDescriptor(segment)
  const token = native.share(region.handle, JSON.stringify(kept), fd)
  if (typeof token === 'string') return { token }
  checkedOnHandle(token, 'fcntl', region.origin)
  throw mappingClosed()
}

/** The token of a handle as it arrived: its sender may have made it up. */
function tokenOf(handle: unknown): string {
  const expected = 'what Mapping.share() returned'
  if (handle === null || typeof handle !== 'object') {
    throw invalidArgType('handle', expected, handle)
  }
  const { token, ...rest } = handle as Record<string, unknown>
  // Whoever added something expects it to have an effect.
  if (typeof token === 'string' && Reflect.ownKeys(rest).length === 0) return token
  throw invalidArgValue('handle', handle, `must be ${expected}`)
}

/** The region that a handle names, with one more user: this thread. */
export function attachedRegion(handle: unknown, options: unknown): Region {
  const token = tokenOf(handle)
  const listener = optionsObject(options, ['onFault'])['onFault']
  const onFault = optional(listener, 'options.onFault', callback<FaultListener>)
  const redeemed = native.attach(token)
  if (redeemed === -constants.errno.EXDEV) throw notIssuedHere()
  if (typeof redeemed === 'number') {
    checkedOnHandle(redeemed, 'fcntl', null)
    throw mappingClosed()
  }
  const [attached, byteLength, prot, kept, fd] = redeemed
  try {
    const { access, fileOffset, path, name } = JSON.parse(kept) as KeptFacts
    const segment = fd < 0 ? null : { fd, name }
    const neverFaults = segment !== null && cannotFault(fd, access, byteLength)
    const facts = { access, fileOffset, path, fd: -1, segment, neverFaults, onFault }
    return new Region(attached, byteLength, protectionOf(prot), facts)
  } catch (error) {
    if (fd >= 0) native.closeDescriptor(fd)
    native.unmap(attached)
    throw error
  }
}
