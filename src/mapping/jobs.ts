// Work on threads of the package's own, as promises.

import { AsyncResource } from 'node:async_hooks'
import { constants } from 'node:os'
import {
  common,
  hasEventLoopOfNode,
  type Job,
  type NativeFault,
  native,
  type Result,
} from '../native.js'
import type { WatchSettings } from './range-options.js'

interface Running {
  end: (result: Result, fault: NativeFault | null) => void
  progress: ((done: number) => void) | undefined
}

const running = common('jobs', () => new Map<Job, Running>())
let listening: boolean | undefined

/** Whether this runtime can; where it cannot, the calls are made on the event loop. */
export function canRunJobs(): boolean {
  listening ??=
    hasEventLoopOfNode &&
    native.listenForJobs((job, done, result, ...fault) => {
      const found = running.get(job)
      if (result === undefined) {
        found?.progress?.(done)
      } else {
        running.delete(job)
        try {
          if (result === 0) found?.progress?.(done)
        } finally {
          found?.end(result, fault.length === 0 ? null : fault)
        }
      }
    })
  return listening
}

const lookMs = 250
let looking: NodeJS.Timeout | undefined

/** While a job is waited for, looks whether its threads hang. Does not keep the process alive. */
function lookWhileRunning(): void {
  looking ??= setInterval(() => {
    native.lookAtJobs()
    if (running.size > 0) return
    clearInterval(looking)
    looking = undefined
  }, lookMs).unref()
}

/**
 * How long a job that was cancelled may take to end in good order, in milliseconds: a piece of it is at
 * work in the kernel, which no signal interrupts while a disk or a server does not answer.
 */
const patienceMs = 50

/**
 * Starts a job over `total` bytes and waits for its end, or for an abort that does not end it: its
 * thread and the memory are given back when the kernel lets go of them.
 *
 * @returns 0 or a negative errno
 * @throws the reason of the signal
 */
export async function runJob(
  start: () => Job | Result,
  total: number,
  watch: WatchSettings,
): Promise<Result> {
  const [result] = await ended(start, total, watch)
  return result
}

/**
 * {@link runJob} for a copy.
 *
 * @returns null or the fault that it met, or a negative errno
 */
export async function runCopy(
  start: () => Job | Result,
  signal: AbortSignal | undefined,
): Promise<NativeFault | null | Result> {
  const [result, fault] = await ended(start, 0, { signal, onProgress: undefined })
  return result === 0 ? fault : result
}

type Ended = readonly [result: Result, fault: NativeFault | null]

async function ended(
  start: () => Job | Result,
  total: number,
  { signal, onProgress }: WatchSettings,
): Promise<Ended> {
  signal?.throwIfAborted()
  const job = start()
  if (job <= 0) return [job, null]
  const report = onProgress && AsyncResource.bind(onProgress)
  const progress = report && ((done: number) => report({ done, total }))
  let timer: NodeJS.Timeout | undefined
  let cancel: (() => void) | undefined
  const end = await new Promise<Ended>((resolve) => {
    running.set(job, { end: (...how) => resolve(how), progress })
    lookWhileRunning()
    cancel = () => {
      native.cancelJob(job)
      timer = setTimeout(() => {
        running.delete(job)
        native.abandonJob(job)
        resolve([-constants.errno.ECANCELED, null])
      }, patienceMs)
    }
    signal?.addEventListener('abort', cancel, { once: true })
  })
  clearTimeout(timer)
  if (cancel !== undefined) signal?.removeEventListener('abort', cancel)
  if (end[0] === -constants.errno.ECANCELED) signal?.throwIfAborted()
  return end
}
