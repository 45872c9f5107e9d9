// Messages from one writer to many readers.

import { setImmediate as nextTurn } from 'node:timers/promises'
import { oneOf, optional, options as optionsObject } from '../arguments.js'
import { illegalConstructor, invalidArgType, mappingClosed, outOfRange } from '../errors.js'
import { SharedMemory } from '../mapping.js'
import {
  type Attempt,
  aloneSleep,
  attemptSync,
  timeoutOf,
  type Waiting,
  type WaitOptions,
  waitSettings,
} from '../sync/attempts.js'
import {
  type Channel,
  type CreateBroadcastOptions,
  createBroadcast,
  mapBroadcast,
} from './broadcast-memory.js'
import {
  type Cursor,
  claimCursor,
  lagOf,
  leaveCursor,
  nextAttempt,
  takeNext,
} from './broadcast-reader.js'
import { longestMessage, tryPublish } from './broadcast-writer.js'
import { opened } from './header.js'
import { timeIsOver } from './message-errors.js'
import { endWaits, type Waits, waitFor, waitsOn } from './message-waits.js'

const construction = Symbol('posix-mmap construction')

/** For {@link Broadcast.subscribe}. */
export interface SubscribeOptions {
  /** Where to begin: with what is published from now on, the default, or with the oldest message there is. */
  from?: 'now' | 'oldest' | undefined
}

/** Says whether a {@link Broadcast} is open, to its subscriptions. */
interface Parent {
  assertOpen(): void
  readonly waits: Waits
  leave(subscription: Subscription): void
}

let subscribe: (parent: Parent, cursor: Cursor) => Subscription

/** A reader of a {@link Broadcast}, with a place of its own. Waits by futex(2). */
export class Subscription implements Disposable {
  readonly #parent: Parent
  readonly #cursor: Cursor
  readonly #waiting: Waiting<Uint8Array>
  readonly #ending = new AbortController()

  static {
    subscribe = (parent, cursor) => new Subscription(construction, parent, cursor)
  }

  private constructor(key: typeof construction, parent: Parent, cursor: Cursor) {
    if (key !== construction) throw illegalConstructor()
    const { site, words } = cursor.channel
    this.#parent = parent
    this.#cursor = cursor
    this.#waiting = { site, words, attempt: nextAttempt(cursor) }
  }

  /**
   * A copy of the next message, or null if there is none now.
   *
   * @throws ERR_MAPPING_CLOSED · ERR_SHARED_LAYOUT when somebody has damaged the memory
   */
  tryReceive(): Uint8Array | null {
    this.#assertOpen()
    return takeNext(this.#cursor)
  }

  /**
   * A copy of the next message; waits for it without blocking this thread.
   *
   * @throws ETIMEDOUT · the reason of `signal` · as {@link tryReceive}
   */
  async receive(options?: WaitOptions): Promise<Uint8Array> {
    const settings = waitSettings(options)
    this.#assertOpen()
    const { signal } = settings
    const both =
      signal === undefined ? this.#ending.signal : AbortSignal.any([signal, this.#ending.signal])
    const message = await waitFor(this.#parent.waits, this.#waiting, { ...settings, signal: both })
    if (message === undefined) throw timeIsOver('receive')
    return message
  }

  /**
   * The same, blocking this thread.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns null when the time was over
   * @throws ERR_INVALID_ARG_TYPE · as {@link tryReceive}
   */
  receiveSync(timeout?: number): Uint8Array | null {
    const limit = timeoutOf(timeout, 'timeout')
    this.#assertOpen()
    return attemptSync(this.#waiting, limit) ?? null
  }

  /** How many messages are there that it has not received. */
  get lag(): number {
    this.#assertOpen()
    return lagOf(this.#cursor)
  }

  /** How many messages were taken away before it has received them; never with policy `'block'`. */
  get missed(): number {
    return this.#cursor.missed
  }

  /**
   * The messages as they come, until the subscription or its Broadcast is disposed of. Lets the event loop have
   * a turn after every 64 messages that were there already.
   *
   * @throws next() throws ERR_SHARED_LAYOUT when somebody has damaged the memory
   */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    for (let given = 1; !this.#isClosed(); given++) {
      const message = takeNext(this.#cursor) ?? (await this.#nextOrEnd())
      if (message === null) return
      yield message
      if (given % 64 === 0) await nextTurn()
    }
  }

  /** Gives its place back; waits of it end with `ERR_MAPPING_CLOSED`. Idempotent; never throws. */
  [Symbol.dispose](): void {
    if (this.#ending.signal.aborted) return
    if (!this.#parent.waits.disposed) leaveCursor(this.#cursor)
    this.#parent.leave(this)
    this.#ending.abort(mappingClosed())
  }

  async #nextOrEnd(): Promise<Uint8Array | null> {
    try {
      return await this.receive()
    } catch (error) {
      if (this.#isClosed()) return null
      throw error
    }
  }

  #isClosed(): boolean {
    return this.#ending.signal.aborted || this.#parent.waits.disposed
  }

  #assertOpen(): void {
    if (this.#ending.signal.aborted) throw mappingClosed()
    this.#parent.assertOpen()
  }
}

/**
 * Messages in shared memory from one writer at a time to many readers, each of which receives all of them:
 * with policy `'drop-oldest'` the writer never waits, and a reader that is too slow misses the oldest; with
 * `'block'` there is no room until all readers that live have received the oldest.
 *
 * Whoever is killed, at any instruction, holds nobody up: a message is whole or not there, and a reader
 * that died is not waited for. Waiting is done with futex(2), by readers and by a writer for its turn.
 */
export class Broadcast implements Disposable {
  readonly #memory: SharedMemory
  readonly #isOwn: boolean
  readonly #channel: Channel
  readonly #waits: Waits
  readonly #subscriptions = new Set<Subscription>()
  /** For a try that does not wait. */
  readonly #alone = aloneSleep()

  private constructor(key: typeof construction, memory: SharedMemory, isOwn: boolean) {
    if (key !== construction) throw illegalConstructor()
    this.#channel = mapBroadcast(this, memory)
    this.#memory = memory
    this.#isOwn = isOwn
    this.#waits = waitsOn(this.#channel.mapping)
  }

  /**
   * Makes one in memory of its own, as {@link SharedMemory.create}.
   *
   * @param byteLength of the area of messages, in bytes, 1 to 2 ** 30; rounded up to whole pages. At most one
   *   message for every 32 bytes is kept
   * @throws as {@link SharedMemory.create}
   */
  static create(byteLength: number | bigint, options?: CreateBroadcastOptions): Broadcast {
    const memory = createBroadcast(byteLength, options)
    return opened(memory, () => new Broadcast(construction, memory, true))
  }

  /**
   * Opens one by the name of its memory, or a path; as {@link SharedMemory.open}.
   *
   * @throws ERR_SHARED_LAYOUT · as {@link SharedMemory.open}
   */
  static open(name: string): Broadcast {
    const memory = SharedMemory.open(name, { access: 'read-write' })
    return opened(memory, () => new Broadcast(construction, memory, true))
  }

  /**
   * The one in memory that somebody has made it in. The memory stays the caller's.
   *
   * @throws ERR_SHARED_LAYOUT for memory that holds anything else · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for memory that may only be read · ERR_MAPPING_CLOSED
   */
  static attach(memory: SharedMemory): Broadcast {
    return new Broadcast(construction, memory, false)
  }

  /**
   * In a child process: the one whose {@link memory} the parent passed on with withShared().
   *
   * @throws ERR_SHARED_LAYOUT · as {@link SharedMemory.inherited}
   */
  static inherited(key: string): Broadcast {
    const memory = SharedMemory.inherited(key)
    return opened(memory, () => new Broadcast(construction, memory, true))
  }

  /** To be passed on with withShared(). */
  get memory(): SharedMemory {
    return this.#memory
  }

  /** Of the area of messages, in bytes. Each message takes 4 bytes more, and a multiple of 8. */
  get capacity(): number {
    return this.#channel.geometry.capacity
  }

  /** In bytes: the capacity less 8. */
  get maxMessageLength(): number {
    return longestMessage(this.#channel)
  }

  /**
   * Copies a message in, a string as UTF-8, and wakes the readers that wait.
   *
   * @returns false when there is no room, with policy `'block'`; or when another thread is publishing and was
   *   stopped, SIGSTOP, in the middle of it
   * @throws ERR_OUT_OF_RANGE beyond {@link maxMessageLength} · ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED ·
   *   ERR_SHARED_LAYOUT when somebody has damaged the memory
   */
  publish(message: Uint8Array | string): boolean {
    this.#assertOpen()
    const length = lengthOf(message)
    const most = longestMessage(this.#channel)
    if (length > most) throw outOfRange('message.length', `<= ${most}`, length)
    const channel = this.#channel
    const published = tryPublish(channel, message, length, this.#alone)
    if (typeof published === 'boolean') return published
    const { site, words } = channel
    const attempt: Attempt<boolean> = (sleep) => tryPublish(channel, message, length, sleep)
    return attemptSync({ site, words, attempt }, turnMs) ?? false
  }

  /**
   * A reader of what is published, to be disposed of when it is not needed any more: with policy
   * `'block'` the writer waits for it.
   *
   * @throws ERR_SHARED_FULL when there are as many readers as there may be, all alive · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE · ERR_MAPPING_CLOSED
   */
  subscribe(options?: SubscribeOptions): Subscription {
    const values = optionsObject(options, ['from'])
    const from = optional(values['from'], 'options.from', (value, name) =>
      oneOf(value, name, ['now', 'oldest']),
    )
    this.#assertOpen()
    const parent = {
      assertOpen: () => this.#assertOpen(),
      waits: this.#waits,
      leave: (subscription: Subscription) => {
        this.#subscriptions.delete(subscription)
      },
    }
    const subscription = subscribe(parent, claimCursor(this.#channel, from === 'oldest'))
    this.#subscriptions.add(subscription)
    return subscription
  }

  /**
   * Ends the subscriptions of this object, and unmaps the memory, unless it was given to {@link attach}. What was
   * published stays for others. Idempotent; never throws.
   */
  [Symbol.dispose](): void {
    if (this.#waits.disposed) return
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    endWaits(this.#waits, mappingClosed())
    if (this.#isOwn) this.#memory.unmap()
  }

  #assertOpen(): void {
    if (this.#waits.disposed || this.#memory.closed) throw mappingClosed()
  }
}

/** How long publish() waits for another thread that publishes at the moment, in milliseconds. */
const turnMs = 100

function lengthOf(message: unknown): number {
  if (typeof message === 'string') return Buffer.byteLength(message)
  if (message instanceof Uint8Array) return message.length
  throw invalidArgType('message', 'of type string or an instance of Uint8Array', message)
}
