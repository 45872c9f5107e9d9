// futex(2), in the form that Atomics.wait(), waitAsync() and notify() have.

import { constants } from 'node:os'
import { types } from 'node:util'
import { isMainThread } from 'node:worker_threads'
import { invalidArgType, outOfRange, systemError } from '../errors.js'
import { native } from '../native.js'
import { detachedWords, startWait } from './wait.js'

const { EAGAIN, EINTR, ERESTART, ESTALE, ETIMEDOUT } = {
  // Node has no name for it, and Linux has it on all that the package runs on.
  ERESTART: 85,
  ...constants.errno,
}

/** What Atomics.waitAsync() returns, for the words of {@link futexWaitAsync}. */
export type FutexWaitAsyncResult =
  | { async: false; value: 'not-equal' | 'timed-out' }
  | { async: true; value: Promise<'ok' | 'timed-out'> }

const prototypeOfArrays = Object.getPrototypeOf(Int32Array.prototype) as object
const bufferOf = getter(prototypeOfArrays, 'buffer')
const lengthOf = getter(prototypeOfArrays, 'length')

/** What no property of the object can stand in for. */
function getter(prototype: object, name: string): (value: unknown) => unknown {
  const found = Object.getOwnPropertyDescriptor(prototype, name)?.get
  if (found === undefined) throw new Error(`there is no getter of ${name}`)
  return (value) => Reflect.apply(found, value, [])
}

function isDetached(buffer: ArrayBuffer): boolean {
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

/** Buffers that are known to be over mapped memory, which costs a call to find out. */
const mapped = new WeakSet<object>()

function isMapped(words: Int32Array, buffer: object): boolean {
  if (mapped.has(buffer)) return true
  const found = native.futexMemory(words)
  if (found) mapped.add(buffer)
  return found
}

/** ValidateIntegerTypedArray for those that can be waited for; true for memory that is shared. */
function checkWords(words: unknown): boolean {
  if (!types.isInt32Array(words)) {
    const reason = 'an Int32Array (futex(2) knows 32 bits only)'
    throw invalidArgType('words', reason, words)
  }
  const buffer = bufferOf(words) as ArrayBufferLike
  if (types.isSharedArrayBuffer(buffer)) return true
  if (lengthOf(words) === 0 && isDetached(buffer)) throw detachedWords()
  return isMapped(words, buffer)
}

function checkShared(words: unknown): Int32Array {
  if (!checkWords(words)) {
    const reason = 'over memory of a Mapping, or a SharedArrayBuffer'
    throw invalidArgType('words', reason, words)
  }
  return words as Int32Array
}

/** ToIntegerOrInfinity, which takes no BigInt. */
function toInteger(value: unknown): number {
  const number = Math.trunc(+(value as number))
  return Number.isNaN(number) ? 0 : number + 0
}

/** ValidateAtomicAccess. */
function toIndex(words: unknown, value: unknown): number {
  const length = lengthOf(words) as number
  const index = toInteger(value)
  if (index < 0 || index >= length) throw outOfRange('index', `>= 0 and < ${length}`, value)
  return index
}

function toTimeout(value: unknown): number {
  const timeout = +(value as number)
  return Number.isNaN(timeout) ? Number.POSITIVE_INFINITY : Math.max(timeout, 0)
}

/** How long a wait that cannot be interrupted may keep a thread from being terminated. */
const sliceMilliseconds = 50

/** The slices of this thread; a main thread is ended by ending the process. */
let slice: number | undefined

function longestWait(): number {
  if (isMainThread) return Number.POSITIVE_INFINITY
  // Only what is true stays true: a test forbids futex_waitv(2) and allows it again.
  if (slice === undefined || slice === sliceMilliseconds) {
    slice = native.allowInterruptions() ? Number.POSITIVE_INFINITY : sliceMilliseconds
  }
  return slice
}

/**
 * futex(2), FUTEX_WAIT — blocks this thread until {@link futexNotify}, in this or another process,
 * wakes it. As Atomics.wait(), for the memory of a Mapping as well: arguments are converted in
 * the same order and with the same errors. Those who wait are woken in the order in which they came.
 *
 * A worker thread that waits can be terminated, and does not keep process.exit() from ending. (Where
 * futex_waitv(2), Linux 5.16, is missing or forbidden, a worker thread waits for 50 ms at a time,
 * loses its place in the order each time, and ends with `'ok'` when the word has changed by then.)
 * The timeout of node:vm does not end a wait.
 *
 * @param words over memory of a Mapping, or a SharedArrayBuffer; a BigInt64Array is refused,
 *   since futex(2) has words of 32 bits
 * @param index of the word, in elements
 * @param expected waits only while the word is this, converted to 32 bits
 * @param timeout in milliseconds, default Infinity
 * @returns `'not-equal'` if the word was not `expected`, without having waited
 * @throws TypeError for anything that is not an Int32Array over such memory · RangeError,
 *   `ERR_OUT_OF_RANGE`, for an index outside
 */
export function futexWait(
  words: Int32Array,
  index: number,
  expected: number,
  timeout?: number,
): 'ok' | 'not-equal' | 'timed-out' {
  const memory = checkShared(words)
  const at = toIndex(memory, index)
  const value = expected | 0
  const limit = toTimeout(timeout)
  return waitHere(memory, at, value, limit)
}

/** {@link futexWait} for arguments that were checked. */
export function waitHere(
  words: Int32Array,
  index: number,
  expected: number,
  timeout: number,
): 'ok' | 'not-equal' | 'timed-out' {
  const end = timeout === Number.POSITIVE_INFINITY ? timeout : performance.now() + timeout
  let rest = timeout
  let waited = false
  for (;;) {
    const most = longestWait()
    const result = native.futexWait(words, index, expected, Math.min(rest, most))
    if (result === 0) return 'ok'
    if (result === -EAGAIN) return waited ? 'ok' : 'not-equal'
    if (result === -ETIMEDOUT && rest <= most) return 'timed-out'
    if (result === -ESTALE) throw detachedWords()
    if (result !== -ETIMEDOUT && result !== -EINTR && result !== -ERESTART) {
      throw systemError(result, 'futex')
    }
    waited ||= result !== -ERESTART
    rest = Math.max(end - performance.now(), 0)
  }
}

/**
 * futex_waitv(2), Linux 5.16, or futex(2) — waits like {@link futexWait} without blocking this thread,
 * as Atomics.waitAsync(). A {@link futexNotify} that comes after this call finds it. Takes none of
 * libuv's threads; the process stays alive while it waits.
 *
 * Any number of waits take 16 threads at most. The first 16 of a process have one each. Those beyond,
 * and all where futex_waitv(2) is missing or forbidden, are as good for whoever changes the word
 * before notifying; they may end with `'ok'` when it was only changed, and miss a notification that
 * came without a change.
 *
 * @param words as for {@link futexWait}
 * @param index of the word, in elements
 * @param expected waits only while the word is this, converted to 32 bits
 * @param timeout in milliseconds, default Infinity
 * @throws as {@link futexWait} · EAGAIN of pthread_create(3) when the process can have no thread more ·
 *   ENOTSUP where the runtime has no libuv
 */
export function futexWaitAsync(
  words: Int32Array,
  index: number,
  expected: number,
  timeout?: number,
): FutexWaitAsyncResult {
  const memory = checkShared(words)
  const at = toIndex(memory, index)
  const value = expected | 0
  const limit = toTimeout(timeout)
  // Before it may be necessary to start a thread.
  const now = native.futexWait(memory, at, value, 0)
  if (now === -ESTALE) throw detachedWords()
  if (now === -EAGAIN) return { async: false, value: 'not-equal' }
  if (limit === 0) return { async: false, value: 'timed-out' }
  const wait = startWait(memory, at, value, { timeout: limit, confirm: true, keepAlive: true })
  if (wait === null) return { async: false, value: 'not-equal' }
  return { async: true, value: wait.result.then((result) => (result === 0 ? 'ok' : 'timed-out')) }
}

/**
 * futex(2), FUTEX_WAKE — wakes those who wait for a word, in this process and others, the first first.
 * As Atomics.notify(), but it reaches {@link futexWait} and {@link futexWaitAsync} only, and not those
 * who wait by Atomics.wait(). Wakes nobody in memory that is not shared.
 *
 * @param words an Int32Array, whose word others wait for
 * @param index of the word, in elements
 * @param count how many at most, default all
 * @returns how many were woken
 * @throws as {@link futexWait}, but not for memory that is not shared
 */
export function futexNotify(words: Int32Array, index: number, count?: number): number {
  const shared = checkWords(words)
  const at = toIndex(words, index)
  const most = count === undefined ? Number.POSITIVE_INFINITY : Math.max(toInteger(count), 0)
  if (!shared || most === 0) return 0
  return wake(words, at, most)
}

/** {@link futexNotify} for arguments that were checked. */
export function wake(words: Int32Array, index: number, count: number): number {
  const woken = native.futexWake(words, index, Math.min(count, 0x7fffffff))
  if (woken === -ESTALE) throw detachedWords()
  if (woken < 0) throw systemError(woken, 'futex')
  return woken
}
