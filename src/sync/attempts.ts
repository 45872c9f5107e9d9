// How every primitive waits: it tries, and if it has to, sleeps until a word is woken and tries again.
// Nobody trusts that a wake-up comes, since whoever owes it may have been killed: sleeping ends now
// and then, to look at the word and at its owner.

import { abortSignal, optional, options as optionsObject } from '../arguments.js'
import { invalidArgType } from '../errors.js'
import { waitHere, wake } from './futex.js'
import type { Site } from './owner.js'
import { ownerBits } from './owner-bits.js'
import { startWait } from './wait.js'

/**
 * Whoever owes a wake-up may have died. `'value'`: then the word is another one. `'owner'`: or its owner, in
 * the lowest bits, is dead. `'anything'`: nobody owes one, to be tried again in any case.
 */
export type Doubt = 'value' | 'owner' | 'anything'

/** What a try is told, and where it says what to wait for. */
export class Sleep {
  /** A word of the primitive, and what it is as long as there is something to wait for. */
  index = 0
  expected = 0
  /** What may have happened without a wake-up. */
  doubt: Doubt = 'owner'
  /** Whether this is not the first try. */
  slept = false
  /** It slept for long without being woken: the owner may be dead. */
  suspicious = false
  /** Others were faster again and again. */
  starving = false
  /** What a primitive of more than one word has reached. */
  phase = 0
  /** For waiting on this thread: a lock that it holds itself is never unlocked. */
  readonly blocking: boolean
  readonly #start = performance.now()

  constructor(blocking: boolean) {
    this.blocking = blocking
  }

  /** Says what to wait for. */
  until(index: number, expected: number, doubt: Doubt = 'owner'): undefined {
    this.index = index
    this.expected = expected
    this.doubt = doubt
    return undefined
  }

  ended(suspicious: boolean): void {
    this.slept = true
    this.suspicious = suspicious
    this.starving = performance.now() - this.#start > starvingMilliseconds
  }
}

/** Somebody else was faster: to be tried again at once. */
export const again: unique symbol = Symbol('again')

/**
 * One try, without a loop: a result, or undefined after {@link Sleep.until}. All that it keeps from one
 * try to the next is in `sleep`, so that a model check can run it in every order with others.
 */
export type Attempt<R> = (sleep: Sleep) => R | typeof again | undefined

const starvingMilliseconds = 10
/** Sleeping without a wake-up, at first and at most. */
const firstSlice = 2
const lastSlice = 8

/** How long to wait. */
export interface WaitOptions {
  /** In milliseconds, default Infinity. */
  timeout?: number | undefined
  /** Ends the wait: the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined
}

export function timeoutOf(value: unknown, name: string): number {
  if (value === undefined) return Number.POSITIVE_INFINITY
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.max(value, 0)
}

export interface WaitSettings {
  timeout: number
  signal: AbortSignal | undefined
}

export function waitSettings(options: unknown): WaitSettings {
  const values = optionsObject(options, ['timeout', 'signal'])
  return {
    timeout: timeoutOf(values['timeout'], 'options.timeout'),
    signal: optional(values['signal'], 'options.signal', abortSignal),
  }
}

/** How something is waited for. */
export interface Waiting<R> {
  readonly site: Site
  readonly words: Int32Array
  readonly attempt: Attempt<R>
  /** Undoes what tries have done that did not succeed; may find that they did. */
  readonly abandon?: (sleep: Sleep) => R | undefined
  /** How long a sleep is at most, in milliseconds, before the word is looked at again. */
  readonly slice?: number
}

/** What a try is told that does not wait: it is one of somebody who has waited. */
export function aloneSleep(): Sleep {
  const sleep = new Sleep(false)
  sleep.ended(true)
  return sleep
}

/** Tries once, as somebody who has waited: undefined if that would be waiting. */
export function attemptNow<R>({ attempt, abandon }: Waiting<R>): R | undefined {
  const sleep = aloneSleep()
  for (;;) {
    const result = attempt(sleep)
    if (result === again) continue
    return result ?? abandon?.(sleep)
  }
}

/** Tries until there is a result, on this thread; undefined when the time is over. */
export function attemptSync<R>(waiting: Waiting<R>, timeout: number): R | undefined {
  const { words, attempt, abandon, slice = lastSlice } = waiting
  const sleep = new Sleep(true)
  const end = performance.now() + timeout
  let most = slice > lastSlice ? slice : firstSlice
  try {
    for (;;) {
      const result = attempt(sleep)
      if (result === again) continue
      if (result !== undefined) return result
      const rest = end - performance.now()
      if (rest <= 0) break
      const ended = waitHere(words, sleep.index, sleep.expected, Math.min(rest, most))
      sleep.ended(ended === 'timed-out')
      most = Math.min(most * 2, slice)
    }
  } catch (error) {
    abandon?.(sleep)
    throw error
  }
  return abandon?.(sleep)
}

/** Ends a wait from elsewhere. An AbortController for each would take longer than all else that a wait needs. */
export class Stop {
  ended = false
  reason: unknown
  /** Of the sleep that is under way. */
  cancel: (() => void) | undefined

  end(reason: unknown): void {
    if (this.ended) return
    this.ended = true
    this.reason = reason
    this.cancel?.()
  }
}

/** The same without blocking this thread, until `signal` or `stop` ends it, whose reason is thrown. */
export async function attemptAsync<R>(
  waiting: Waiting<R>,
  { timeout, signal }: WaitSettings,
  stop = new Stop(),
): Promise<R | undefined> {
  signal?.throwIfAborted()
  if (signal === undefined) return attemptUntil(waiting, timeout, stop)
  const abort = () => stop.end(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await attemptUntil(waiting, timeout, stop)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function attemptUntil<R>(
  waiting: Waiting<R>,
  timeout: number,
  stop: Stop,
): Promise<R | undefined> {
  const { site, words, attempt, abandon, slice = lastSlice } = waiting
  const sleep = new Sleep(false)
  const end = performance.now() + timeout
  try {
    for (;;) {
      const result = attempt(sleep)
      if (result === again) continue
      if (result !== undefined) return result
      const since = performance.now()
      const rest = end - since
      if (rest <= 0) break
      const { index, expected, doubt } = sleep
      const settings = { timeout: rest, confirm: false, keepAlive: true }
      const wait = startWait(words, index, expected, settings)
      if (wait === null) {
        sleep.ended(false)
        continue
      }
      const { cancel } = wait
      const sleeper = { site, words, index, expected, doubt, slice, since, cancel }
      sleepers.add(sleeper)
      if (timer === undefined) schedule()
      stop.cancel = cancel
      const ended = await wait.result
      stop.cancel = undefined
      sleepers.delete(sleeper)
      if (stop.ended) {
        // Whoever woke this one meant that somebody go on.
        if (ended === 0) wake(words, index, 1)
        throw stop.reason
      }
      sleep.ended(ended !== 0)
    }
  } catch (error) {
    abandon?.(sleep)
    throw error
  }
  return abandon?.(sleep)
}

interface Sleeper {
  readonly site: Site
  readonly words: Int32Array
  readonly index: number
  readonly expected: number
  readonly doubt: Doubt
  /** After which a word that is another one by now must have woken it. */
  readonly slice: number
  readonly since: number
  cancel(): void
}

const sleepers = new Set<Sleeper>()
let timer: NodeJS.Timeout | undefined

/** A look at so many sleepers takes a hundredth of the thread's time. */
const millisecondsEach = 0.05

/** The timer is not taken back after the last sleep: the next one begins within microseconds, most of the time. */
function schedule(): void {
  timer = setTimeout(look, Math.max(lastSlice, sleepers.size * millisecondsEach))
  // The waits themselves keep the process alive.
  timer.unref()
}

/** What {@link attemptSync} does after each slice, for all that wait on this thread. */
function look(): void {
  const now = performance.now()
  const owners = new Map<Site, Set<number>>()
  const suspects: Sleeper[] = []
  for (const sleeper of sleepers) {
    const { site, words, index, expected, doubt, slice, since } = sleeper
    if (now - since < slice) continue
    if (doubt === 'anything' || Atomics.load(words, index) !== expected) {
      sleeper.cancel()
    } else if (doubt === 'owner' && (expected & ownerBits) !== site.owner) {
      suspects.push(sleeper)
      const found = owners.get(site) ?? new Set()
      owners.set(site, found.add(expected & ownerBits))
    }
  }
  const dead = new Map<Site, Set<number>>()
  for (const [site, asked] of owners) {
    const list = Int32Array.from(asked)
    site.findDead(list)
    dead.set(site, new Set(list))
  }
  for (const sleeper of suspects) {
    if (dead.get(sleeper.site)?.has(sleeper.expected & ownerBits)) sleeper.cancel()
  }
  if (sleepers.size > 0) schedule()
  else timer = undefined
}
