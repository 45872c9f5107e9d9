// Waiting, with a mutex, for something that others bring about.

import { constants } from 'node:os'
import { invalidArgType, systemError } from '../errors.js'
import type { SharedMemory } from '../mapping.js'
import {
  type Attempt,
  attemptAsync,
  attemptSync,
  timeoutOf,
  type Waiting,
  type WaitOptions,
  waitSettings,
} from './attempts.js'
import { wake } from './futex.js'
import { Mutex, placeOfMutex } from './mutex.js'
import { type Place, placeOf } from './owner.js'
import { assertTaken, lockAttempt, repeat, unlockAttempt } from './robust-word.js'

/** 'cnd' and the version of the layout. */
const tag = 0x636e6401
/** How often somebody was notified; wraps. */
const notifications = 1

/** After which a wake-up is given up that its notifier, who died, owes. */
const patienceMilliseconds = 1000

/**
 * A condition variable in shared memory, between all threads of all processes that have it. As with
 * pthread_cond_wait(3) a wait may end without a notification: wait in a loop that looks at the condition.
 * Waiting is done with futex(2).
 */
export class Condition {
  /** How many bytes it takes. */
  static readonly byteLength = 16

  readonly #place: Place

  /**
   * Takes the bytes at `offset`: zeroed ones, or those of a condition that others use already.
   *
   * @param memory as for {@link Mutex}
   * @param offset in bytes from the start of the memory, a multiple of 4; default 0
   * @throws as the constructor of {@link Mutex}
   */
  constructor(memory: SharedMemory, offset?: number) {
    this.#place = placeOf(this, memory, offset, Condition.byteLength, tag)
  }

  /**
   * Unlocks the mutex, blocks this thread until it is notified, and locks the mutex again.
   *
   * @param mutex that this thread holds
   * @param timeout of waiting to be notified, in milliseconds, default Infinity
   * @returns false when the time was over; the mutex is locked also then
   * @throws EPERM when this thread does not hold the mutex · EINVAL when its data are not yet said to be good,
   *   {@link Mutex.markConsistent} · ERR_MUTEX_INCONSISTENT, and the mutex is not locked ·
   *   ERR_INVALID_ARG_TYPE
   */
  waitSync(mutex: Mutex, timeout?: number): boolean {
    const lock = heldMutex(mutex)
    const limit = timeoutOf(timeout, 'timeout')
    const waiting = this.#waiting()
    repeat(() => unlockAttempt(lock))
    try {
      return attemptSync(waiting, limit) ?? false
    } finally {
      attemptSync(relocking(lock), Number.POSITIVE_INFINITY)
    }
  }

  /**
   * {@link waitSync} without blocking this thread. Also when the signal ends the wait, the mutex is
   * locked again before the promise is rejected.
   *
   * @throws as {@link waitSync} · the reason of `signal`
   */
  async wait(mutex: Mutex, options?: WaitOptions): Promise<boolean> {
    const lock = heldMutex(mutex)
    const settings = waitSettings(options)
    const waiting = this.#waiting()
    settings.signal?.throwIfAborted()
    repeat(() => unlockAttempt(lock))
    try {
      return (await attemptAsync(waiting, settings)) ?? false
    } finally {
      await attemptAsync(relocking(lock), { timeout: Number.POSITIVE_INFINITY, signal: undefined })
    }
  }

  /** Wakes one of those who wait, the one who came first. Never throws. */
  notifyOne(): void {
    this.#notify(1)
  }

  /** Wakes all who wait. Never throws. */
  notifyAll(): void {
    this.#notify(Number.POSITIVE_INFINITY)
  }

  #notify(count: number): void {
    notify(this.#place.words, count)
  }

  /** Counts from now on, while the mutex is held that keeps others from notifying. */
  #waiting(): Waiting<true> {
    const { site, words } = this.#place
    return {
      site,
      words,
      attempt: notificationAttempt(words, Atomics.load(words, notifications)),
      slice: patienceMilliseconds,
    }
  }
}

function relocking(lock: Place): Waiting<true> {
  return { site: lock.site, words: lock.words, attempt: lockAttempt(lock) }
}

/** Waits until somebody has notified who was not counted `before`. */
export function notificationAttempt(words: Int32Array, before: number): Attempt<true> {
  return (sleep) => {
    // A wake-up counts, whatever the number is; after a slice the number must have changed.
    const notified = sleep.slept && !sleep.suspicious
    if (notified || Atomics.load(words, notifications) !== before) return true
    return sleep.until(notifications, before, 'value')
  }
}

export function notify(words: Int32Array, count: number): void {
  Atomics.add(words, notifications, 1)
  wake(words, notifications, count)
}

function heldMutex(mutex: unknown): Place {
  if (!(mutex instanceof Mutex)) throw invalidArgType('mutex', 'an instance of Mutex', mutex)
  const place = placeOfMutex(mutex)
  assertTaken(place, 'wait')
  if (mutex.ownerDied) {
    const remark = ' (the mutex is inconsistent: markConsistent() first)'
    throw systemError(-constants.errno.EINVAL, 'wait', null, remark)
  }
  return place
}
