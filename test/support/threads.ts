// Starts worker threads, and finds out what they can share.

import { mapAnonymous, pageSize } from 'posix-mmap'
import { scriptHelpers } from './processes.js'

/** Whether the runtime can make a SharedArrayBuffer over memory that it did not allocate. */
export const externalSharedBuffers: boolean = (() => {
  using mapping = mapAnonymous(pageSize)
  try {
    return mapping.sharedBuffer.byteLength === pageSize
  } catch {
    return false
  }
})()

/**
 * The start of a script for `run()`, {@link scriptHelpers} included: `start(body, data)` runs a
 * body in a worker thread that has the package and `parentPort`, `next(worker)` waits for its next
 * message, `ended(worker)` for its end; `print(value)` writes JSON.
 */
export const threadScript = `${scriptHelpers}
  import { once } from 'node:events'
  import { Worker } from 'node:worker_threads'
  import { Mapping, SharedMemory, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
  const needs = "const { Mapping, SharedMemory, mapAnonymous, mapFile, pageSize } = require('posix-mmap');" +
    "const { parentPort, workerData } = require('node:worker_threads');"
  const ends = new Map()
  const start = (body, workerData) => {
    const worker = new Worker(needs + '(' + body + ')()', { eval: true, execArgv: [], workerData })
    // Listens from the start: the thread may end before ended() is called.
    ends.set(worker, new Promise((resolve) => worker.once('exit', resolve)))
    return worker
  }
  const next = async (worker) => (await once(worker, 'message'))[0]
  const ended = (worker) => ends.get(worker)
  const print = (value) => console.log(JSON.stringify(value))
`

/**
 * Part of a script that imports Worker: threads, one after the other, that begin `work`, say so by a message, and end
 * in three ways while it goes on. `before` is done before each.
 */
export const threadsThatEnd = (work: string, before = ''): string => `
  for (let round = 0; round < 12; round++) {
    ${before}
    const worker = new Worker(\`
      ${work}
      if (\${round} % 3 === 0) process.exit(0)
    \`, { eval: true, execArgv: [] })
    // A message from a thread that exits can be lost.
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    await Promise.race([exited, new Promise((resolve) => worker.once('message', resolve))])
    if (round % 3 === 1) await worker.terminate()
    else if (round % 3 === 0) await exited
  }`
