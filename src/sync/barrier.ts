// A point that all must have reached before any of them goes on.

import { int32, optional } from '../arguments.js'
import { invalidArgValue, outOfRange } from '../errors.js'
import type { SharedMemory } from '../mapping.js'
import {
  attemptAsync,
  attemptSync,
  timeoutOf,
  type Waiting,
  type WaitOptions,
  waitSettings,
} from './attempts.js'
import { arrive, partiesIndex, withdraw } from './barrier-word.js'
import { placeOf } from './owner.js'
import { repeat } from './robust-word.js'

/** 'bar' and the version of the layout. */
const tag = 0x62617201
const mostParties = 0x7fff

/** After which a wake-up is given up that the last to arrive, who died, owes. */
const patienceMilliseconds = 50

/**
 * A barrier in shared memory, between threads of any processes. It opens for all when as many have
 * arrived as there are parties, and is closed again for the next round. Whoever dies before arriving is
 * waited for: use a timeout. Waiting is done with futex(2).
 */
export class Barrier {
  /** How many bytes it takes. */
  static readonly byteLength = 16

  readonly #waiting: Waiting<true>

  /**
   * Takes the bytes at `offset`: zeroed ones, or those of a barrier that others use already.
   *
   * @param memory as for {@link Mutex}
   * @param offset in bytes from the start of the memory, a multiple of 4; default 0
   * @param parties how many have to arrive, 1 to 32767; the first who says so decides, and others must say
   *   the same or nothing
   * @throws as the constructor of {@link Mutex} · ERR_INVALID_ARG_VALUE for another number, or none yet
   */
  constructor(memory: SharedMemory, offset?: number, parties?: number) {
    const wanted = optional(parties, 'parties', partiesOf)
    const { site, words } = placeOf(this, memory, offset, Barrier.byteLength, tag)
    this.#waiting = {
      site,
      words,
      attempt: (sleep) => arrive(words, sleep),
      abandon: (sleep) => repeat(() => withdraw(words, sleep)),
      slice: patienceMilliseconds,
    }
    const before = Atomics.compareExchange(words, partiesIndex, 0, wanted ?? 0)
    if (before === 0 && wanted === undefined) {
      throw invalidArgValue('parties', parties, 'must be given, since nobody has before')
    }
    if (before !== 0 && wanted !== undefined && before !== wanted) {
      throw invalidArgValue('parties', parties, `must be ${before}, as it is for others`)
    }
  }

  /** How many have to arrive. */
  get parties(): number {
    return Atomics.load(this.#waiting.words, partiesIndex)
  }

  /**
   * Arrives, and blocks this thread until all have.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns false when the time was over; then it has not arrived
   * @throws ERR_INVALID_ARG_TYPE
   */
  arriveAndWaitSync(timeout?: number): boolean {
    return attemptSync(this.#waiting, timeoutOf(timeout, 'timeout')) ?? false
  }

  /**
   * The same without blocking this thread.
   *
   * @returns false when the time was over; then it has not arrived
   * @throws the reason of `signal`, and it has not arrived unless the barrier opened just then ·
   *   ERR_INVALID_ARG_TYPE
   */
  async arriveAndWait(options?: WaitOptions): Promise<boolean> {
    return (await attemptAsync(this.#waiting, waitSettings(options))) ?? false
  }
}

function partiesOf(value: unknown, name: string): number {
  const number = int32(value, name)
  if (number < 1 || number > mostParties)
    throw outOfRange(name, `>= 1 and <= ${mostParties}`, value)
  return number
}
