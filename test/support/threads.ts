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
