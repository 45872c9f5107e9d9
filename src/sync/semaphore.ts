// A number of permits that processes take and give.

import { int32, optional } from '../arguments.js'
import { invalidArgValue, outOfRange } from '../errors.js'
import type { SharedMemory } from '../mapping.js'
import {
  attemptAsync,
  attemptNow,
  attemptSync,
  timeoutOf,
  type Waiting,
  type WaitOptions,
  waitSettings,
} from './attempts.js'
import { placeOf } from './owner.js'
import { repeat } from './robust-word.js'
import { addSome, countBits, initialBit, state, takeOne } from './semaphore-word.js'

/** 'sem' and the version of the layout. */
const tag = 0x73656d01

/**
 * A counting semaphore in shared memory, between all threads of all processes that have it. Zeroed memory
 * is a semaphore without permits. Permits have no owner: one that was taken by a process that died is
 * not given back. Waiting is done with futex(2).
 */
export class Semaphore {
  /** How many bytes it takes. */
  static readonly byteLength = 16

  readonly #words: Int32Array
  readonly #waiting: Waiting<true>

  /**
   * Takes the bytes at `offset`: zeroed ones, or those of a semaphore that others use already.
   *
   * @param memory as for {@link Mutex}
   * @param offset in bytes from the start of the memory, a multiple of 4; default 0
   * @param initial how many permits there are at first, 0 to 2 ** 29 - 1; without effect if the
   *   semaphore was given an initial value or was used before
   * @throws as the constructor of {@link Mutex}
   */
  constructor(memory: SharedMemory, offset?: number, initial?: number) {
    const value = optional(initial, 'initial', permits)
    const { site, words } = placeOf(this, memory, offset, Semaphore.byteLength, tag)
    this.#words = words
    this.#waiting = { site, words, attempt: (sleep) => takeOne(words, sleep) }
    if (value !== undefined) Atomics.compareExchange(this.#words, state, 0, initialBit | value)
  }

  /** How many permits there are now. */
  get value(): number {
    return Atomics.load(this.#words, state) & countBits
  }

  /** Takes a permit if there is one. Never throws. */
  tryWait(): boolean {
    return attemptNow(this.#waiting) ?? false
  }

  /**
   * Takes a permit, and blocks this thread until there is one.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns false when the time was over
   * @throws ERR_INVALID_ARG_TYPE
   */
  waitSync(timeout?: number): boolean {
    return attemptSync(this.#waiting, timeoutOf(timeout, 'timeout')) ?? false
  }

  /**
   * Takes a permit without blocking this thread.
   *
   * @returns false when the time was over
   * @throws the reason of `signal` · ERR_INVALID_ARG_TYPE
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    return (await attemptAsync(this.#waiting, waitSettings(options))) ?? false
  }

  /**
   * Gives permits, and wakes as many of those who wait.
   *
   * @param count how many, at least 1; default 1
   * @throws ERR_OUT_OF_RANGE when there would be more than 2 ** 29 - 1, and nothing has changed ·
   *   ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
   */
  post(count = 1): void {
    const more = permits(count, 'count')
    if (more === 0) throw invalidArgValue('count', count, 'must be at least 1')
    if (repeat(() => addSome(this.#words, more))) return
    throw outOfRange('count', `<= ${countBits - this.value} on top of ${this.value}`, count)
  }
}

function permits(value: unknown, name: string): number {
  const number = int32(value, name)
  if (number > countBits) throw outOfRange(name, `>= 0 and <= ${countBits}`, value)
  return number
}
