// Work on threads of the package's own, as promises.

import { AsyncResource } from 'node:async_hooks'
import { constants } from 'node:os'
import { common, hasEventLoopOfNode, type Job, native, type Result } from '../native.js'
import type { WatchSettings } from './range-options.js'

interface Running {
  end: (result: Result) => void
  progress: ((done: number) => void) | undefined
}

const running = common('jobs', () => new Map<Job, Running>())
let listening: boolean | undefined

/** Whether this runtime can; where it cannot, the calls are made on the event loop. */
export function canRunJobs(): boolean {
  listening ??=
    hasEventLoopOfNode &&
    native.listenForJobs((job, done, result) => {
      const found = running.get(job)
      if (result === undefined) {
        found?.progress?.(done)
      } else {
        running.delete(job)
        try {
          if (result === 0) found?.progress?.(done)
        } finally {
          found?.end(result)
        }
      }
    })
  return listening
}

/**
 * Starts a job over `total` bytes and waits for its end.
 *
 * @returns 0 or a negative errno
 * @throws the reason of the signal
 */
export async function runJob(
  start: () => Job | Result,
  total: number,
  { signal, onProgress }: WatchSettings,
): Promise<Result> {
  signal?.throwIfAborted()
  const job = start()
  if (job <= 0) return job
  const cancel = () => native.cancelJob(job)
  signal?.addEventListener('abort', cancel, { once: true })
  const report = onProgress && AsyncResource.bind(onProgress)
  const progress = report && ((done: number) => report({ done, total }))
  const result = await new Promise<Result>((end) => running.set(job, { end, progress }))
  signal?.removeEventListener('abort', cancel)
  if (result === -constants.errno.ECANCELED) signal?.throwIfAborted()
  return result
}
