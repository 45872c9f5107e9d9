// @ts-check
// Measures how late the callbacks of a timer of 1 ms are.

import { quantile } from 'simple-statistics'

const intervalMs = 1

export class LoopDelay {
  /** @type {number[]} */ #delays = []

  /**
   * Samples while `body` runs.
   *
   * @param {() => Promise<unknown>} body
   */
  async during(body) {
    let due = performance.now() + intervalMs
    let timer = setTimeout(tick, intervalMs)
    const delays = this.#delays
    function tick() {
      const now = performance.now()
      delays.push(Math.max(0, now - due))
      due = now + intervalMs
      timer = setTimeout(tick, intervalMs)
    }
    // Waits for a turn of the event loop, so that the timer runs before `body` can block the loop.
    await new Promise((resolve) => setTimeout(resolve, 5))
    await body()
    // Waits for the callback after `body`, which is as late as `body` has blocked the loop.
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
