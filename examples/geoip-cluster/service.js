// @ts-check
// The primary's side of the service: it starts the workers, asks them for results, and stops them. When a
// worker dies or does not answer, everything that waits fails with an error.

import cluster from 'node:cluster'
import { once, setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'

const secondsToLive = 30

/**
 * @typedef {object} Opened the message of a worker that is ready
 * @property {number} port
 * @property {number} openedIn milliseconds
 * @property {boolean} zeroCopy
 *
 * @typedef {import('./worker.js').Tasks} Tasks
 */

export class Service {
  /** @type {import('node:cluster').Worker[]} */
  #workers
  #failure = new AbortController()
  #stopping = false

  /**
   * @param {import('./database.js').Way} way
   * @param {number} workerCount
   */
  constructor(way, workerCount) {
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('worker.js', import.meta.url)),
      args: [way],
      execArgv: ['--expose-gc'],
    })
    setMaxListeners(0, this.signal)
    this.#workers = Array.from({ length: workerCount }, () => this.#fork())
    const late = new Error(`the workers did not finish in ${secondsToLive} s`)
    setTimeout(() => this.#failure.abort(late), secondsToLive * 1000).unref()
  }

  /** Aborted when a worker has failed or the time is up. */
  get signal() {
    return this.#failure.signal
  }

  get pids() {
    return this.#workers.map((worker) => worker.process.pid ?? 0)
  }

  /** @returns {Promise<Opened[]>} */
  ready() {
    return Promise.all(this.#workers.map((worker) => this.#message(worker)))
  }

  /**
   * Makes all workers do a task at the same time.
   *
   * @template {keyof Tasks} T
   * @param {T} task
   * @returns {Promise<ReturnType<Tasks[T]>[]>}
   */
  askAll(task) {
    const replies = this.#workers.map((worker) => this.#message(worker))
    for (const worker of this.#workers) worker.send(task)
    return Promise.all(replies)
  }

  /** Waits until the workers have finished their requests and ended by themselves. */
  async stop() {
    this.#stopping = true
    const exits = this.#workers.map((worker) => once(worker, 'exit', { signal: this.signal }))
    for (const worker of this.#workers) worker.disconnect()
    await Promise.all(exits)
  }

  /** Kills the workers that still run. */
  kill() {
    this.#stopping = true
    for (const worker of this.#workers) worker.process.kill('SIGKILL')
  }

  #fork() {
    const worker = cluster.fork()
    worker.on('error', (error) => this.#failure.abort(error))
    worker.on('exit', (code, signal) => {
      if (this.#stopping && code === 0) return
      const how = signal ? `was killed by ${signal}` : `exited with code ${code}`
      this.#failure.abort(new Error(`worker ${worker.process.pid} ${how}`))
    })
    return worker
  }

  /** @param {import('node:cluster').Worker} worker */
  async #message(worker) {
    const [message] = await once(worker, 'message', { signal: this.signal })
    return message
  }
}
