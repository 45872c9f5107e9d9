// Who owns locks: a thread, in one segment of shared memory, for as long as its process lives.

import { constants as fsConstants } from 'node:fs'
import { constants } from 'node:os'
import {
  invalidArgType,
  invalidArgValue,
  mappingClosed,
  outOfRange,
  systemError,
} from '../errors.js'
import { identityOf } from '../kernel/file-identity.js'
import { regionOf } from '../mapping/region.js'
import { SharedMemory } from '../mapping.js'
import { common, native } from '../native.js'
import {
  findInstructions,
  hideFromInstructions,
  notShown,
  type Shown,
  showToInstructions,
} from '../runtime/inline-atomics.js'
import { openOwn } from '../sharing/descriptors.js'
import type { AtomicWords } from './atomic-words.js'
import { ownerBits } from './owner-bits.js'

/**
 * A segment as this thread sees it. Locks have a mapping of their own of it: unmap() of the memory that
 * they were made with may not take away the word of a lock that is held, or pass it on while its owner
 * is at work.
 */
export class Site {
  /** What the owner is called in words; 1 to ownerBits - 1, drawn by lot, see {@link drawOwner}. */
  readonly owner: number
  readonly memory: SharedMemory
  readonly #shown: Shown
  readonly #identity: string
  readonly #fd: number
  readonly #asked = new Int32Array(1)
  /** Locks that this thread holds. */
  held = 0
  /** Those of them whose owner had died, by the offset of their word, until they are consistent. */
  readonly inconsistent = new Set<number>()
  /** What it holds of locks that can be shared, by the offset of their word. */
  readonly shares = new Map<number, number[]>()
  /** Objects that use it. */
  #users = 0
  #closed = false

  constructor(memory: SharedMemory, identity: string) {
    this.#identity = identity
    this.memory = SharedMemory.open(memory.fd, { access: 'read-write' })
    // A description of its own, that nobody maps: a mapping would keep it open.
    this.#fd = openOwn(`/proc/self/fd/${memory.fd}`, fsConstants.O_RDWR)
    this.owner = drawOwner(this.#fd)
    this.#shown = show(this.memory)
  }

  /**
   * Whether an owner is gone: its thread has ended, or its process. One that was stopped is not, nor
   * one that is unknown to the kernel by its number, being in another namespace.
   */
  isDead(owner: number): boolean {
    if (owner === this.owner) return false
    this.#asked[0] = owner
    this.findDead(this.#asked)
    return this.#asked[0] !== 0
  }

  /** The same for many at once: those who live are 0 afterwards. */
  findDead(owners: Int32Array): void {
    const result = native.findDeadOwners(this.#fd, owners)
    if (result < 0) throw systemError(result, 'fcntl')
  }

  /**
   * What instructions that are compiled in line have of it, for words of a mapping with so many bytes. That may
   * have more than {@link memory}, if the size changed before it was sealed.
   */
  shownFor(byteLength: number): Shown {
    return byteLength <= this.memory.byteLength ? this.#shown : notShown
  }

  /** Counts in an object that uses it until the object is collected. */
  addUser(user: object): void {
    this.#users++
    users.register(user, this, user)
  }

  /** A lock that is held stays its thread's, whether or not anybody can reach it any more. */
  removeUser(): void {
    this.#users--
    this.closeIfUnused()
  }

  /** For who gives back what it held after it was no user any more. */
  closeIfUnused(): void {
    if (this.#closed || this.#users > 0 || this.held > 0) return
    this.#closed = true
    sites.delete(this.#identity)
    hideFromInstructions(this.#shown)
    this.memory.unmap()
    native.closeDescriptor(this.#fd)
  }
}

const sites = common('sites', () => new Map<string, Site>())
/** Of all copies, as the sites are: one may leave what another has entered. */
const users = common('users', () => new FinalizationRegistry<Site>((site) => site.removeUser()))

/** Ends the use of a site by an object that is not collected yet. Idempotent. */
export function leaveSite(user: object, site: Site): void {
  if (users.unregister(user)) site.removeUser()
}

/**
 * Takes a number that no other owner in this segment has. Drawn by lot from 2 ** 30, because a number
 * that an owner had before who died may still stand in a word: it would seem to be alive again.
 */
function drawOwner(fd: number): number {
  const drawn = new Uint32Array(1)
  for (;;) {
    const owner = (crypto.getRandomValues(drawn)[0] ?? 0) & ownerBits
    if (owner === 0 || owner === ownerBits) continue
    const result = native.holdOwner(fd, owner)
    if (result === 0) return owner
    if (result !== -constants.errno.EAGAIN) throw systemError(result, 'fcntl')
  }
}

/** To instructions that are compiled in line, if it can be. */
function show(memory: SharedMemory): Shown {
  const { handle, byteLength, facts } = regionOf(memory)
  return facts.neverFaults ? showToInstructions(handle, byteLength) : notShown
}

function siteOf(memory: SharedMemory): Site {
  findInstructions()
  const identity = identityOf(memory.fd)
  let site = sites.get(identity)
  if (site === undefined) {
    site = new Site(memory, identity)
    sites.set(identity, site)
  }
  return site
}

/** Where the words of a primitive are. */
export interface Place extends AtomicWords {
  readonly site: Site
  /** What uses the site, which is closed once it is collected: whoever waits for a word keeps it. */
  readonly user: object
}

/** The words of `object`, which starts at `offset` and takes `byteLength` bytes. */
export function placeOf(
  object: object,
  memory: unknown,
  offset: unknown,
  byteLength: number,
  tag: number,
): Place {
  if (!(memory instanceof SharedMemory)) {
    throw invalidArgType('memory', 'an instance of SharedMemory', memory)
  }
  const start = offset === undefined ? 0 : offset
  if (typeof start !== 'number') throw invalidArgType('offset', 'of type number', offset)
  if (memory.closed) throw mappingClosed()
  if (memory.access !== 'read-write') {
    throw invalidArgValue('memory', memory, "must have access 'read-write'")
  }
  const last = memory.byteLength - byteLength
  if (!Number.isInteger(start) || start < 0 || start > last || start % 4 !== 0) {
    const range = `a multiple of 4, >= 0 and <= ${last} (${byteLength} bytes in ${memory.byteLength})`
    throw outOfRange('offset', range, start)
  }
  const site = siteOf(memory)
  const words = site.memory.view(Int32Array, start, byteLength / 4)
  const before = Atomics.compareExchange(words, 0, 0, tag)
  if (before !== 0 && before !== tag) {
    site.addUser(object)
    const found = `0x${(before >>> 0).toString(16)}`
    const reason = `must be zeroed, or hold the same kind and version of lock; it has ${found}`
    throw invalidArgValue('memory', memory, reason)
  }
  site.addUser(object)
  return { site, words, shown: site.shownFor(start + byteLength), offset: start, user: object }
}
