// @ts-check
// How late the callbacks of a timer of 1 ms come.

import { quantile } from 'simple-statistics'

const interval = 1

export class LoopDelay {
  /** @type {number[]} */ #delays = []

  /**
   * Samples while `body` runs.
   *
   * @param {() => Promise<unknown>} body
   */
  async during(body) {
    let due = performance.now() + interval
    let timer = setTimeout(tick, interval)
    const delays = this.#delays
    function tick() {
      const now = performance.now()
      delays.push(Math.max(0, now - due))
      due = now + interval
      timer = setTimeout(tick, interval)
    }
    // A turn, so that the timer is running before a body blocks the loop.
    await new Promise((resolve) => setTimeout(resolve, 5))
    await body()
    // And one after it, which is as late as the body was long.
    await new Promise((resolve) => setTimeout(resolve, 5))
    clearTimeout(timer)
  }

  get p50() {
    return quantile(this.#delays, 0.5)
  }

  get p99() {
    return quantile(this.#delays, 0.99)
  }
}
