// Messages from one or many threads of any processes to one.

import { illegalConstructor, mappingClosed } from '../errors.js'
import { SharedMemory } from '../mapping.js'
import { timeoutOf, type WaitOptions, waitSettings } from '../sync/attempts.js'
import { opened } from './header.js'
import { invalidState } from './message-errors.js'
import { endWaits, type Waits, waitsOn } from './message-waits.js'
import { readerOf } from './ring-consumer.js'
import { type CreateMessageRingOptions, createRing, mapRing } from './ring-memory.js'
import { isClosed } from './ring-producer.js'
import * as receiving from './ring-receive.js'
import * as sending from './ring-send.js'

const construction = Symbol('posix-mmap construction')

/**
 * A queue of messages in shared memory: any lengths, from one or many producers to one consumer at a
 * time. While both sides are busy, neither makes a system call; waiting is done with futex(2). A message
 * is whole or not there: a producer that is killed while it writes leaves nothing that others see, and
 * blocks nobody.
 *
 * The messages of one producer come in the order in which they were sent. One that was received leaves the ring
 * with the next receive, or {@link release}; a consumer that is killed before that leaves it to the
 * next consumer, who receives it again.
 *
 * All methods throw `ERR_MAPPING_CLOSED` after the ring was disposed of or its memory unmapped, and
 * `ERR_SHARED_LAYOUT` when somebody has damaged what stands in the memory.
 */
export class MessageRing implements Disposable {
  readonly #memory: SharedMemory
  readonly #isOwn: boolean
  readonly #capacity: number
  readonly #waits: Waits
  readonly #sender: sending.Sender
  readonly #receiver: receiving.Receiver

  private constructor(key: typeof construction, memory: SharedMemory, isOwn: boolean) {
    if (key !== construction) throw illegalConstructor()
    const { mapping, site, ring, capacity, producers, consumer } = mapRing(this, memory)
    this.#memory = memory
    this.#isOwn = isOwn
    this.#capacity = capacity
    this.#waits = waitsOn(mapping)
    this.#sender = sending.senderOf(site, { ring, lock: producers }, this.#waits)
    this.#receiver = receiving.receiverOf(site, readerOf(ring, consumer), this.#waits)
  }

  /**
   * Makes a ring in memory of its own, as {@link SharedMemory.create}.
   *
   * @param byteLength of the area of messages, in bytes, 1 to 2 ** 30; rounded up to whole pages. The
   *   memory has a page more
   * @throws as {@link SharedMemory.create}
   */
  static create(byteLength: number | bigint, options?: CreateMessageRingOptions): MessageRing {
    const memory = createRing(byteLength, options)
    return opened(memory, () => new MessageRing(construction, memory, true))
  }

  /**
   * Opens a ring by the name of its memory, or a path; as {@link SharedMemory.open}.
   *
   * @throws ERR_SHARED_LAYOUT · as {@link SharedMemory.open}
   */
  static open(name: string): MessageRing {
    const memory = SharedMemory.open(name, { access: 'read-write' })
    return opened(memory, () => new MessageRing(construction, memory, true))
  }

  /**
   * The ring in memory that somebody has made it in. The memory stays the caller's.
   *
   * @throws ERR_SHARED_LAYOUT for memory that holds anything else · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for memory that may only be read · ERR_MAPPING_CLOSED
   */
  static attach(memory: SharedMemory): MessageRing {
    return new MessageRing(construction, memory, false)
  }

  /**
   * In a child process: the ring whose {@link memory} the parent passed on with withShared().
   *
   * @throws ERR_SHARED_LAYOUT · as {@link SharedMemory.inherited}
   */
  static inherited(key: string): MessageRing {
    const memory = SharedMemory.inherited(key)
    return opened(memory, () => new MessageRing(construction, memory, true))
  }

  /** To be passed on with withShared(). */
  get memory(): SharedMemory {
    return this.#memory
  }

  /** Of the area of messages, in bytes. Each message takes 8 bytes more, and a multiple of 8. */
  get capacity(): number {
    return this.#capacity
  }

  /** In bytes: the capacity less 16. */
  get maxMessageLength(): number {
    return this.#sender.mostBytes
  }

  /** Whether somebody has called {@link close}. Messages from before may still be there. */
  get closed(): boolean {
    this.#assertOpen()
    return isClosed(this.#sender.ring)
  }

  /**
   * Copies a message in; a string as UTF-8.
   *
   * @returns false when there is no room now, or when a producer that was stopped, SIGSTOP, keeps
   *   others from sending
   * @throws EPIPE after {@link close} · EBUSY when there may be one producer, and another lives ·
   *   ERR_OUT_OF_RANGE beyond {@link maxMessageLength} · ERR_INVALID_ARG_TYPE
   */
  trySend(message: Uint8Array | string): boolean {
    this.#assertOpen()
    return sending.sendNow(this.#sender, message)
  }

  /**
   * Copies a message in, and waits without blocking this thread until there is room. The message must
   * not change until then.
   *
   * @throws ETIMEDOUT · the reason of `signal` · as {@link trySend}
   */
  async send(message: Uint8Array | string, options?: WaitOptions): Promise<void> {
    const settings = waitSettings(options)
    this.#assertOpen()
    return sending.sendLater(this.#sender, message, settings)
  }

  /**
   * Copies a message in, and blocks this thread until there is room.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns false when the time was over
   * @throws as {@link trySend}
   */
  sendSync(message: Uint8Array | string, timeout?: number): boolean {
    const limit = timeoutOf(timeout, 'timeout')
    this.#assertOpen()
    return sending.sendSync(this.#sender, message, limit)
  }

  /**
   * The memory of a message to be written in place, with unspecified content. Consumers wait for it
   * until {@link commit} or {@link abort}; do not write to it afterwards.
   *
   * @param length in bytes
   * @returns null when there is no room
   * @throws ERR_INVALID_STATE when one is reserved already · as {@link trySend}
   */
  reserve(length: number): Uint8Array | null {
    this.#assertOpen()
    return sending.reserve(this.#sender, length)
  }

  /**
   * Sends what was reserved.
   *
   * @throws ERR_INVALID_STATE when nothing is reserved
   */
  commit(): void {
    this.#assertOpen()
    if (!sending.endReserved(this.#sender, true)) throw invalidState('no message is reserved')
  }

  /**
   * Gives up what was reserved: nobody receives it.
   *
   * @throws ERR_INVALID_STATE when nothing is reserved
   */
  abort(): void {
    this.#assertOpen()
    if (!sending.endReserved(this.#sender, false)) throw invalidState('no message is reserved')
  }

  /**
   * The next message: the memory itself, valid until the next receive of this object, or
   * {@link release}.
   *
   * @returns null when there is none now, or when another consumer receives
   */
  tryReceive(): Uint8Array | null {
    this.#assertOpen()
    return receiving.receiveNow(this.#receiver)
  }

  /**
   * Is done with the message that was received last, and lets other consumers receive. Without effect
   * when there is none.
   */
  release(): void {
    this.#assertOpen()
    receiving.release(this.#receiver)
  }

  /**
   * The next message, copied; waits for it without blocking this thread. While another consumer has a
   * message that it is not done with, waits for that as well.
   *
   * @throws EPIPE when the ring is closed and all was received · ETIMEDOUT · the reason of `signal` ·
   *   ERR_INVALID_ARG_TYPE
   */
  async receive(options?: WaitOptions): Promise<Uint8Array> {
    const settings = waitSettings(options)
    this.#assertOpen()
    return receiving.receiveLater(this.#receiver, settings)
  }

  /**
   * The next message, in place as {@link tryReceive} gives it; blocks this thread until there is one.
   *
   * @param timeout in milliseconds, default Infinity
   * @returns null when the time was over, or when the ring is closed and all was received
   * @throws EDEADLK when another object of this thread receives · ERR_INVALID_ARG_TYPE
   */
  receiveSync(timeout?: number): Uint8Array | null {
    const limit = timeoutOf(timeout, 'timeout')
    this.#assertOpen()
    return receiving.receiveSync(this.#receiver, limit)
  }

  /**
   * The messages as they come, each copied out, until the ring is closed and all was received. Gives what
   * is there without waiting, but lets the event loop have a turn once 2 ms have passed, with a look at
   * the clock every 8 messages. A loop that ends early is done with the message that it was given last.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    this.#assertOpen()
    return receiving.messages(this.#receiver, () => this.#assertOpen())
  }

  /**
   * Says that nobody sends any more. What was sent before can still be received. Idempotent.
   *
   * @throws EBUSY when there may be one producer, and another thread is it
   */
  close(): void {
    this.#assertOpen()
    sending.close(this.#sender)
  }

  /**
   * Leaves the ring: a message that was received is done with, one that was reserved is given up, and
   * waits of this object end with `ERR_MAPPING_CLOSED`. Unmaps the memory, unless it was given to
   * {@link attach}. The ring itself stays for others.
   */
  [Symbol.dispose](): void {
    if (this.#waits.disposed) return
    // In damaged memory both may throw; the memory is given back all the same.
    try {
      receiving.release(this.#receiver)
    } finally {
      try {
        sending.leave(this.#sender)
      } finally {
        endWaits(this.#waits, mappingClosed())
        if (this.#isOwn) this.#memory.unmap()
      }
    }
  }

  #assertOpen(): void {
    if (this.#waits.disposed || this.#memory.closed) throw mappingClosed()
  }
}
