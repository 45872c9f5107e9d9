// @ts-check
// The primary's side of the workers: it starts them, sends them tasks, and stops them. When a worker dies,
// everything that waits fails with an error.

import { fork } from 'node:child_process'
import { once, setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { withShared } from 'posix-mmap'

const program = fileURLToPath(new URL('worker.js', import.meta.url))

/** @typedef {import('./worker.js').Tasks} Tasks */

export class Workers {
  #failure = new AbortController()
  #stopping = false
  /** @type {import('node:child_process').ChildProcess[]} */
  #workers

  /**
   * @param {number} count
   * @param {Record<string, import('posix-mmap').SharedMemory>} shared
   */
  constructor(count, shared) {
    setMaxListeners(0, this.#failure.signal)
    this.#workers = Array.from({ length: count }, () => this.#fork(shared))
  }

  get pids() {
    return this.#workers.map(({ pid }) => pid ?? 0)
  }

  /**
   * Makes all workers do a task at the same time.
   *
   * @template {keyof Tasks} T
   * @param {T} task
   * @param {(worker: number) => Parameters<Tasks[T]>[0]} argument
   * @returns {Promise<ReturnType<Tasks[T]>[]>}
   */
  async askAll(task, argument = () => undefined) {
    const { signal } = this.#failure
    try {
      const replies = this.#workers.map((worker) => once(worker, 'message', { signal }))
      for (const [index, worker] of this.#workers.entries()) {
        worker.send({ task, argument: argument(index) })
      }
      return (await Promise.all(replies)).map(([reply]) => reply)
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }

  /** Waits until the workers have ended by themselves. */
  async stop() {
    this.#stopping = true
    const exits = this.#workers.map((worker) => once(worker, 'exit'))
    for (const worker of this.#workers) worker.disconnect()
    await Promise.all(exits)
  }

  /** Kills the workers that still run. */
  kill() {
    this.#stopping = true
    for (const worker of this.#workers) worker.kill('SIGKILL')
  }

  /** @param {Record<string, import('posix-mmap').SharedMemory>} shared */
  #fork(shared) {
    const worker = fork(program, [], withShared(shared))
    worker.on('error', (error) => this.#failure.abort(error))
    worker.on('exit', (code, signal) => {
      if (this.#stopping) return
      const how = signal ? `was killed by ${signal}` : `exited with code ${code}`
      this.#failure.abort(new Error(`worker ${worker.pid} ${how}`))
    })
    return worker
  }
}
