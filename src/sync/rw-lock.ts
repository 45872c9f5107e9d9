// A lock that many readers share, or one writer has alone.

import { callback } from '../arguments.js'
import type { SharedMemory } from '../mapping.js'
import {
  type Attempt,
  attemptAsync,
  attemptNow,
  attemptSync,
  timeoutOf,
  type Waiting,
  type WaitOptions,
  waitSettings,
} from './attempts.js'
import { type Place, placeOf } from './owner.js'
import { repeat } from './robust-word.js'
import {
  abandon,
  exclusiveAttempt,
  sharedAttempt,
  unlockExclusive,
  unlockShared,
} from './rw-lock-words.js'
import { nothingToRepair } from './sync-errors.js'

/** 'rwl' and the version of the layout. */
const tag = 0x72776c01

/**
 * A readers-writer lock in shared memory, between all threads of all processes that have it. Zeroed memory
 * is an unlocked one. It is robust as a {@link Mutex} is: when a writer dies, the next one gets the lock
 * with {@link ownerDied} set. The next one may be a reader, and has it alone then. When a reader dies,
 * nothing has to be repaired.
 *
 * A writer who waits keeps new readers out. Up to 124 can share it at once; more wait. A thread that
 * waits for it while it shares it may wait forever, as with pthread_rwlock_rdlock(3).
 */
export class RwLock {
  /** How many bytes it takes. */
  static readonly byteLength = 512

  readonly #place: Place
  readonly #shared: Waiting<true>
  readonly #exclusive: Waiting<true>

  /**
   * Takes the bytes at `offset`: zeroed ones, or those of a lock that others use already.
   *
   * @param memory as for {@link Mutex}
   * @param offset in bytes from the start of the memory, a multiple of 4; default 0
   * @throws as the constructor of {@link Mutex}
   */
  constructor(memory: SharedMemory, offset?: number) {
    const place = placeOf(this, memory, offset, RwLock.byteLength, tag)
    const { site, words } = place
    const waiting = (attempt: Attempt<true>): Waiting<true> => {
      return { site, words, attempt, abandon: (sleep) => repeat(() => abandon(place, sleep)) }
    }
    this.#place = place
    this.#shared = waiting(sharedAttempt(place))
    this.#exclusive = waiting(exclusiveAttempt(place))
  }

  /**
   * Locks it for reading if that needs no waiting.
   *
   * @throws ERR_MUTEX_INCONSISTENT
   */
  tryLockShared(): boolean {
    return attemptNow(this.#shared) ?? false
  }

  /**
   * Locks it for reading, and blocks this thread until it can.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns false when the time was over
   * @throws ERR_MUTEX_INCONSISTENT · EDEADLK when this thread has it alone · ERR_INVALID_ARG_TYPE
   */
  lockSharedSync(timeout?: number): boolean {
    return attemptSync(this.#shared, timeoutOf(timeout, 'timeout')) ?? false
  }

  /**
   * Locks it for reading without blocking this thread.
   *
   * @returns false when the time was over
   * @throws the reason of `signal` · ERR_MUTEX_INCONSISTENT · ERR_INVALID_ARG_TYPE
   */
  async lockShared(options?: WaitOptions): Promise<boolean> {
    return (await attemptAsync(this.#shared, waitSettings(options))) ?? false
  }

  /**
   * Ends one lock for reading of this thread's.
   *
   * @throws EPERM when this thread has none
   */
  unlockShared(): void {
    repeat(() => unlockShared(this.#place))
  }

  /**
   * Locks it for writing if that needs no waiting.
   *
   * @throws ERR_MUTEX_INCONSISTENT
   */
  tryLockExclusive(): boolean {
    return attemptNow(this.#exclusive) ?? false
  }

  /**
   * Locks it for writing, and blocks this thread until it can.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns false when the time was over
   * @throws ERR_MUTEX_INCONSISTENT · EDEADLK when this thread holds it already · ERR_INVALID_ARG_TYPE
   */
  lockExclusiveSync(timeout?: number): boolean {
    return attemptSync(this.#exclusive, timeoutOf(timeout, 'timeout')) ?? false
  }

  /**
   * Locks it for writing without blocking this thread.
   *
   * @returns false when the time was over
   * @throws the reason of `signal` · ERR_MUTEX_INCONSISTENT · ERR_INVALID_ARG_TYPE
   */
  async lockExclusive(options?: WaitOptions): Promise<boolean> {
    return (await attemptAsync(this.#exclusive, waitSettings(options))) ?? false
  }

  /**
   * Ends the lock for writing of this thread's.
   *
   * @throws EPERM when this thread has none
   */
  unlockExclusive(): void {
    repeat(() => unlockExclusive(this.#place))
  }

  /** Whether this thread has it alone, from a writer who died. */
  get ownerDied(): boolean {
    return this.#place.site.inconsistent.has(this.#place.offset)
  }

  /**
   * Says that the data is good again after {@link ownerDied}. Unlocked without that, the lock is
   * unusable for everybody.
   *
   * @throws EINVAL when there is nothing to repair
   */
  markConsistent(): void {
    const { site, offset } = this.#place
    if (!site.inconsistent.delete(offset)) throw nothingToRepair()
  }

  /**
   * Runs `body` while it is locked for reading, until what `body` returns is settled.
   *
   * @throws as {@link lockShared} · what `body` throws
   */
  async withLockShared<R>(body: () => R): Promise<Awaited<R>> {
    const run = callback<() => R>(body, 'body')
    await this.lockShared()
    try {
      return await run()
    } finally {
      this.unlockShared()
    }
  }

  /**
   * Runs `body` while it is locked for writing, until what `body` returns is settled.
   *
   * @throws as {@link lockExclusive} · what `body` throws
   */
  async withLockExclusive<R>(body: () => R): Promise<Awaited<R>> {
    const run = callback<() => R>(body, 'body')
    await this.lockExclusive()
    try {
      return await run()
    } finally {
      this.unlockExclusive()
    }
  }

  /**
   * {@link withLockShared}, blocking this thread.
   *
   * @throws as {@link lockSharedSync} · what `body` throws
   */
  withLockSharedSync<R>(body: () => R): R {
    const run = callback<() => R>(body, 'body')
    this.lockSharedSync()
    try {
      return run()
    } finally {
      this.unlockShared()
    }
  }

  /**
   * {@link withLockExclusive}, blocking this thread.
   *
   * @throws as {@link lockExclusiveSync} · what `body` throws
   */
  withLockExclusiveSync<R>(body: () => R): R {
    const run = callback<() => R>(body, 'body')
    this.lockExclusiveSync()
    try {
      return run()
    } finally {
      this.unlockExclusive()
    }
  }
}
