// Sending, as a MessageRing has it: now, later, or in place.

import { types } from 'node:util'
import { byteCount } from '../arguments.js'
import { invalidArgType, outOfRange } from '../errors.js'
import {
  type Attempt,
  again,
  aloneSleep,
  attemptSync,
  type Sleep,
  type WaitSettings,
} from '../sync/attempts.js'
import type { Site } from '../sync/owner.js'
import { invalidState, ringClosed, timeIsOver } from './message-errors.js'
import { type Waits, waitFor } from './message-waits.js'
import {
  contentOf,
  type Message,
  type Ring,
  stateOf,
  unitBytes,
  writeMessage,
} from './ring-layout.js'
import {
  closeAttempt,
  closed,
  endRecord,
  full,
  leaveSingle,
  type Outcome,
  trySend,
  type Writer,
} from './ring-producer.js'

/** The sending side of a MessageRing object. */
export interface Sender extends Writer {
  readonly site: Site
  readonly waits: Waits
  readonly mostBytes: number
  /** For tries that do not wait. */
  readonly alone: Sleep
  /** A record that was reserved: its position, and its length in bytes. */
  reserved: { readonly position: number; readonly length: number } | null
}

export function senderOf(site: Site, { ring, lock }: Writer, waits: Waits): Sender {
  const alone = aloneSleep()
  return { site, ring, lock, waits, mostBytes: mostBytesOf(ring), alone, reserved: null }
}

/** A record needs a unit before it, and one behind it is always free. */
function mostBytesOf({ units }: Ring): number {
  return unitBytes * (units - 2)
}

/** Milliseconds that a try waits for other producers, one of which may have been stopped. */
const patience = 100
/** Bytes; a longer message is copied while others may reserve. */
const copiedUnderLock = 2048

/** In bytes. */
function lengthOf({ mostBytes }: Sender, message: unknown): number {
  let length: number
  if (typeof message === 'string') length = Buffer.byteLength(message)
  else if (types.isUint8Array(message)) length = message.byteLength
  else throw invalidArgType('message', 'of type string or an instance of Uint8Array', message)
  if (length > mostBytes) throw outOfRange('message.byteLength', `<= ${mostBytes}`, length)
  return length
}

function attemptOf(sender: Sender, length: number, message: Message | null, waits: boolean) {
  const attempt: Attempt<Outcome> = (sleep) => trySend(sender, length, message, sleep, waits)
  const { site, ring, waits: pending } = sender
  return { site, words: ring.words, attempt, pending }
}

/** Without waiting for room. */
function now(sender: Sender, length: number, message: Message | null): Outcome {
  for (;;) {
    const outcome = trySend(sender, length, message, sender.alone, false)
    if (outcome === again) continue
    if (outcome !== undefined) return outcome
    return attemptSync(attemptOf(sender, length, message, false), patience) ?? full
  }
}

/** What can be copied under the lock, or in no time anybody could wait for. */
function isCopiedAtOnce({ ring }: Sender, length: number): boolean {
  return ring.single || length <= copiedUnderLock
}

/** The rest of sending a message for which there is a record now. */
function complete(sender: Sender, position: number, length: number, message: Message): void {
  let isWritten = false
  try {
    writeMessage(sender.ring, stateOf(sender.ring, position), message)
    isWritten = true
  } finally {
    endRecord(sender.ring, position, length, isWritten)
  }
}

function isSent(outcome: Outcome, syscall: string): boolean {
  if (outcome === closed) throw ringClosed(syscall)
  return outcome !== full
}

export function sendNow(sender: Sender, message: Message): boolean {
  const length = lengthOf(sender, message)
  const atOnce = isCopiedAtOnce(sender, length)
  const outcome = now(sender, length, atOnce ? message : null)
  if (!isSent(outcome, 'trySend')) return false
  if (!atOnce) complete(sender, outcome, length, message)
  return true
}

export function sendSync(sender: Sender, message: Message, timeout: number): boolean {
  const length = lengthOf(sender, message)
  const atOnce = isCopiedAtOnce(sender, length)
  const outcome = attemptSync(attemptOf(sender, length, atOnce ? message : null, true), timeout)
  if (outcome === undefined || !isSent(outcome, 'sendSync')) return false
  if (!atOnce) complete(sender, outcome, length, message)
  return true
}

export async function sendLater(
  sender: Sender,
  message: Message,
  settings: WaitSettings,
): Promise<void> {
  const length = lengthOf(sender, message)
  const atOnce = isCopiedAtOnce(sender, length)
  const waited = attemptOf(sender, length, atOnce ? message : null, true)
  const outcome = await waitFor(sender.waits, waited, settings)
  if (outcome === undefined) throw timeIsOver('send')
  isSent(outcome, 'send')
  if (!atOnce) complete(sender, outcome, length, message)
}

export function reserve(sender: Sender, value: unknown): Uint8Array<ArrayBuffer> | null {
  const length = byteCount(value, 'length')
  if (length > sender.mostBytes) throw outOfRange('length', `<= ${sender.mostBytes}`, value)
  if (sender.reserved !== null) throw invalidState('a message is reserved already')
  const { ring, site } = sender
  const position = now(sender, length, null)
  if (!isSent(position, 'reserve')) return null
  sender.reserved = { position, length }
  site.held++
  const { buffer } = ring.bytes
  return new Uint8Array(buffer as ArrayBuffer, contentOf(stateOf(ring, position)), length)
}

/** @returns false when nothing is reserved */
export function endReserved(sender: Sender, isComplete: boolean): boolean {
  if (sender.reserved === null) return false
  const { position, length } = sender.reserved
  sender.reserved = null
  sender.site.held--
  endRecord(sender.ring, position, length, isComplete)
  return true
}

export function close(sender: Sender): void {
  const { site, ring } = sender
  const attempt = closeAttempt(sender)
  attemptSync({ site, words: ring.words, attempt }, Number.POSITIVE_INFINITY)
}

/** Gives up what was reserved, and lets another one be the single producer. */
export function leave(sender: Sender): void {
  endReserved(sender, false)
  leaveSingle(sender)
}
