// A lock that one thread of one process holds, and that survives it.

import { callback } from '../arguments.js'
import type { SharedMemory } from '../mapping.js'
import { atomic } from './atomic-words.js'
import {
  attemptAsync,
  attemptNow,
  attemptSync,
  timeoutOf,
  type Waiting,
  type WaitOptions,
  waitSettings,
} from './attempts.js'
import { type Place, placeOf, type Site } from './owner.js'
import { lockAttempt, repeat, state, unlockAttempt } from './robust-word.js'
import { nothingToRepair } from './sync-errors.js'

/** 'mtx' and the version of the layout. */
const tag = 0x6d747801
/** For those that unlock and lock it as part of something else. */
export let placeOfMutex: (mutex: Mutex) => Place

/**
 * A mutual exclusion lock in shared memory, between all threads of all processes that have it. It is
 * robust: when its holder dies, by any signal or by the end of its thread, the next one gets it with
 * {@link ownerDied} set. Zeroed memory is an unlocked mutex.
 *
 * The holder is a thread: any Mutex object of that thread, over the same bytes, may unlock it. Without
 * contention, locking and unlocking are one atomic instruction each and no call of the addon.
 * Waiting is done with futex(2), and fcntl(2) with F_OFD_GETLK tells whether the holder lives.
 * Without {@link unlock} it stays locked until the thread ends, also when nobody refers to the object.
 */
export class Mutex {
  /** How many bytes it takes. */
  static readonly byteLength = 16

  readonly #site: Site
  readonly #me: number
  readonly #place: Place
  readonly #waiting: Waiting<true>

  /**
   * Takes the bytes at `offset`: zeroed ones, or those of a mutex that others use already.
   *
   * @param memory with access `'read-write'`; it may be unmapped afterwards
   * @param offset in bytes from the start of the memory, a multiple of 4; default 0
   * @throws ERR_INVALID_ARG_TYPE · ERR_INVALID_ARG_VALUE for memory that may only be read, or that holds
   *   something else · ERR_OUT_OF_RANGE · ERR_MAPPING_CLOSED · EACCES, ENOENT, EMFILE, ENOMEM where the
   *   memory cannot be opened again by /proc/self/fd, or mapped again
   */
  constructor(memory: SharedMemory, offset?: number) {
    this.#place = placeOf(this, memory, offset, Mutex.byteLength, tag)
    const { site, words } = this.#place
    this.#site = site
    this.#me = site.owner
    this.#waiting = { site, words, attempt: lockAttempt(this.#place) }
  }

  /**
   * Locks it if nobody holds it.
   *
   * @throws ERR_MUTEX_INCONSISTENT
   */
  tryLock(): boolean {
    if (atomic.compareExchange(this.#place, state, 0, this.#me) === 0) {
      this.#site.held++
      return true
    }
    return attemptNow(this.#waiting) ?? false
  }

  /**
   * Locks it, and blocks this thread until it can.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns false when the time was over
   * @throws ERR_MUTEX_INCONSISTENT · EDEADLK when this thread holds it already · ERR_INVALID_ARG_TYPE
   */
  lockSync(timeout?: number): boolean {
    if (atomic.compareExchange(this.#place, state, 0, this.#me) === 0) {
      this.#site.held++
      return true
    }
    return this.#lockSlowly(timeout)
  }

  /**
   * Locks it without blocking this thread. Those who wait for it on one thread exclude each other as
   * well.
   *
   * @returns false when the time was over
   * @throws the reason of `signal` · ERR_MUTEX_INCONSISTENT · ERR_INVALID_ARG_TYPE
   */
  async lock(options?: WaitOptions): Promise<boolean> {
    return (await attemptAsync(this.#waiting, waitSettings(options))) ?? false
  }

  /**
   * Unlocks it, and wakes one of those who wait.
   *
   * @throws EPERM when this thread does not hold it
   */
  unlock(): void {
    const me = this.#me
    // Not while somebody may wait; a lock from the dead has the bit that says so in any case.
    if (atomic.compareExchange(this.#place, state, me, 0) === me) {
      this.#site.held--
      return
    }
    // Elsewhere, since a closure here would cost a context each time.
    this.#unlockSlowly()
  }

  /** Whether this thread holds it, and has it from an owner who died and left it locked. */
  get ownerDied(): boolean {
    return this.#site.inconsistent.has(this.#place.offset)
  }

  /**
   * Says that the data is good again after {@link ownerDied}; pthread_mutex_consistent(3). Unlocked
   * without that, the mutex is unusable for everybody.
   *
   * @throws EINVAL when there is nothing to repair
   */
  markConsistent(): void {
    if (!this.#site.inconsistent.delete(this.#place.offset)) throw nothingToRepair()
  }

  /**
   * Runs `body` while it is locked, and unlocks it when what `body` returns is settled.
   *
   * @throws as {@link lock} · what `body` throws
   */
  async withLock<R>(body: () => R): Promise<Awaited<R>> {
    const run = callback<() => R>(body, 'body')
    await this.lock()
    try {
      return await run()
    } finally {
      this.unlock()
    }
  }

  /**
   * The same, blocking this thread.
   *
   * @throws as {@link lockSync} · what `body` throws
   */
  withLockSync<R>(body: () => R): R {
    const run = callback<() => R>(body, 'body')
    this.lockSync()
    try {
      return run()
    } finally {
      this.unlock()
    }
  }

  #lockSlowly(timeout: unknown): boolean {
    return attemptSync(this.#waiting, timeoutOf(timeout, 'timeout')) ?? false
  }

  #unlockSlowly(): void {
    repeat(() => unlockAttempt(this.#place))
  }

  static {
    placeOfMutex = (mutex) => mutex.#place
  }
}
