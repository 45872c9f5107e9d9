// Receiving, as a MessageRing has it: now, later, or one after the other.

import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  aloneSleep,
  attemptSync,
  type Sleep,
  type Waiting,
  type WaitSettings,
} from '../sync/attempts.js'
import type { Site } from '../sync/owner.js'
import { ringClosed, timeIsOver } from './message-errors.js'
import { type Waits, waitFor } from './message-waits.js'
import {
  ended,
  finish,
  leaveReader,
  type Reader,
  receiveAttempt,
  stopAwaiting,
  tryNext,
} from './ring-consumer.js'
import { contentOf } from './ring-layout.js'

/** The receiving side of a MessageRing object. */
export interface Receiver {
  readonly site: Site
  /** Of the ring's mapping; to ask a view for it is a call. */
  readonly buffer: ArrayBuffer
  readonly waits: Waits
  readonly reader: Reader
  readonly waited: Waiting<number>
  /** For tries that do not wait. */
  readonly alone: Sleep
}

export function receiverOf(site: Site, reader: Reader, waits: Waits): Receiver {
  const alone = aloneSleep()
  const { ring } = reader
  const waited: Waiting<number> = {
    site,
    words: ring.words,
    attempt: receiveAttempt(reader),
    abandon: (sleep) => stopAwaiting(ring, sleep),
  }
  return { site, buffer: ring.bytes.buffer as ArrayBuffer, waits, reader, waited, alone }
}

/** The memory of the message whose record begins at a word. */
function inPlace({ buffer, reader }: Receiver, at: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, contentOf(at), reader.length)
}

function copied({ ring, length }: Reader, at: number): Uint8Array<ArrayBuffer> {
  const start = contentOf(at)
  return ring.bytes.slice(start, start + length) as Uint8Array<ArrayBuffer>
}

export function receiveNow(receiver: Receiver): Uint8Array<ArrayBuffer> | null {
  const at = tryNext(receiver.reader, receiver.alone)
  return at >= 0 ? inPlace(receiver, at) : null
}

export function receiveSync(receiver: Receiver, timeout: number): Uint8Array<ArrayBuffer> | null {
  const at = attemptSync(receiver.waited, timeout)
  return at === undefined || at === ended ? null : inPlace(receiver, at)
}

export async function receiveLater(
  receiver: Receiver,
  settings: WaitSettings,
): Promise<Uint8Array<ArrayBuffer>> {
  const at = await waitFor(receiver.waits, receiver.waited, settings)
  if (at === undefined) throw timeIsOver('receive')
  if (at === ended) throw ringClosed('receive')
  return copied(receiver.reader, at)
}

export function release({ reader }: Receiver): void {
  finish(reader)
  leaveReader(reader)
}

/** Milliseconds after which a loop over messages lets the event loop have a turn. */
const budget = 2
/** So many messages come between two looks at the clock. */
const uncounted = 8

const forever: WaitSettings = { timeout: Number.POSITIVE_INFINITY, signal: undefined }

/**
 * The messages, each copied out; what is there is given without waiting, within the budget. Not by async
 * functions, each of which costs several turns of the queue of promises: those are for what has to wait.
 */
export function messages(
  receiver: Receiver,
  assertOpen: () => void,
): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
  type Next = IteratorResult<Uint8Array<ArrayBuffer>, undefined>
  const { reader, alone } = receiver
  let turnBegan = performance.now()
  let since = 0
  let isDone = false
  const end = (): Next => {
    isDone = true
    return { done: true, value: undefined }
  }
  const given = (at: number): Next => ({ done: false, value: copied(reader, at) })
  const wait = async () => {
    const at = await waitFor(receiver.waits, receiver.waited, forever)
    turnBegan = performance.now()
    return at === undefined || at === ended ? end() : given(at)
  }
  const ready = (): Next | Promise<Next> => {
    assertOpen()
    const at = tryNext(reader, alone)
    if (at >= 0) return given(at)
    return at === ended ? end() : wait()
  }
  const readyAfterTurn = async () => {
    await nextTurn()
    turnBegan = performance.now()
    return isDone ? end() : ready()
  }
  const nextOrReady = () => {
    if (isDone) return end()
    if (++since < uncounted) return ready()
    since = 0
    return performance.now() - turnBegan < budget ? ready() : readyAfterTurn()
  }
  return {
    next() {
      try {
        return Promise.resolve(nextOrReady())
      } catch (error) {
        return Promise.reject(error)
      }
    },
    return: async () => {
      // What a loop was given that ends early is done with.
      if (!isDone && !receiver.waits.disposed) release(receiver)
      return end()
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
