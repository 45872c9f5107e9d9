// Waiting for a word without blocking the event loop, as promises.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { common, hasEventLoopOfNode, native, type Result, type Wait } from '../native.js'

const { EAGAIN, ENOTSUP, ESTALE } = constants.errno

interface Waiting {
  end: (result: Result) => void
  /** Keeps the memory, where that is not the package's. */
  readonly words: Int32Array
}

const waiting = common('waits', () => new Map<Wait, Waiting>())
let listening: boolean | undefined

function canWait(): boolean {
  listening ??=
    hasEventLoopOfNode &&
    native.listenForWaits((wait, result) => {
      const found = waiting.get(wait)
      waiting.delete(wait)
      found?.end(result)
    })
  return listening
}

/** A wait that goes on. */
export interface PendingWait {
  /** 0, -ETIMEDOUT, or -ECANCELED after {@link cancel}. */
  readonly result: Promise<Result>
  cancel(): void
}

export interface WaitSettings {
  /** In milliseconds; Infinity for no end. */
  timeout: number
  /** Return when a wake-up would find the wait: what does not change the word needs that. */
  confirm: boolean
  /** The process, while it waits. */
  keepAlive: boolean
}

/** Starts to wait until the word is woken, or gives null when it is not what was expected. */
export function startWait(
  words: Int32Array,
  index: number,
  expected: number,
  { timeout, confirm, keepAlive }: WaitSettings,
): PendingWait | null {
  if (!canWait()) throw systemError(-ENOTSUP, 'futex_waitv', null, ' (this runtime has no libuv)')
  const wait = native.startWait(words, index, expected, timeout, confirm, keepAlive)
  if (wait === -EAGAIN) return null
  if (wait === -ESTALE) throw detachedWords()
  if (wait < 0) throw systemError(wait, 'pthread_create')
  let end: (result: Result) => void = () => {}
  const result = new Promise<Result>((resolve) => {
    end = resolve
  })
  waiting.set(wait, { end, words })
  const cancel = () => {
    if (!native.cancelWait(wait)) return
    waiting.delete(wait)
    end(-constants.errno.ECANCELED)
  }
  return { result, cancel }
}

export function detachedWords(): TypeError {
  return Object.assign(
    new TypeError('The memory of the words was unmapped, or transferred by someone else'),
    { code: 'ERR_MAPPING_DETACHED' },
  )
}
