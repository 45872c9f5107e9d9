// @ts-check
// Starts the processes that hold a table, and measures the memory that they take together.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('worker.js', import.meta.url))

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

/**
 * The PSS of a process in bytes: its resident pages, each divided by the number of processes that
 * map it.
 *
 * @param {number | undefined} pid
 */
function pss(pid) {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss: +(\d+) kB$/m.exec(rollup)?.[1]) * 1024
}

/** @param {number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0)

export class Workers {
  /** @type {ChildProcess[]} */ #children

  /**
   * @param {number} count
   * @param {string} way in which the workers get the table
   * @param {import('node:child_process').ForkOptions} options
   */
  constructor(count, way, options) {
    const own = {
      ...options,
      execArgv: ['--expose-gc'],
      serialization: /** @type {const} */ ('advanced'),
    }
    this.#children = Array.from({ length: count }, () => fork(script, [way], own))
  }

  /** @param {unknown} message is sent to each worker; each answers when it has done what it says */
  async all(message) {
    await Promise.all(
      this.#children.map(async (child) => {
        const answered = once(child, 'message')
        child.send(/** @type {import('node:child_process').Serializable} */ (message))
        await answered
      }),
    )
  }

  /** The PSS of the workers and of this process together, in bytes. */
  memory() {
    globalThis.gc?.()
    const pids = [process.pid, ...this.#children.map(({ pid }) => pid)]
    return sum(pids.map(pss))
  }

  async end() {
    await Promise.all(
      this.#children.map(async (child) => {
        const exited = once(child, 'exit')
        child.disconnect()
        await exited
      }),
    )
  }
}
