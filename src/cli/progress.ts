// A progress bar in one line of a terminal.

import { progressBar } from './bar.js'
import { type Look, lookOf } from './terminal.js'
import { harmless, padded, shortened } from './text.js'
import { byteSize, percentage } from './units.js'

const redrawIntervalMs = 100

export class Progress {
  readonly #stream = process.stderr
  readonly #start = performance.now()
  #drawn = Number.NEGATIVE_INFINITY
  #done = 0
  /** In bytes. */
  total: number

  constructor(total: number) {
    this.total = total
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000
  }

  /** The mean speed so far, such as `312 MiB/s`. */
  get rate(): string {
    return `${byteSize(this.#done / Math.max(this.seconds, 0.001))}/s`
  }

  /** Adds bytes that are done. Redraws the bar, but not too often, and only on a terminal. */
  advance(bytes: number, name: string): void {
    this.#done += bytes
    const now = performance.now()
    if (!this.#stream.isTTY || now - this.#drawn < redrawIntervalMs) return
    this.#drawn = now
    this.#stream.write(`\r${this.#line(name, lookOf(this.#stream))}\u001b[K`)
  }

  /** Clears the bar from the terminal. */
  end(): void {
    if (this.#drawn > 0) this.#stream.write('\r\u001b[K')
  }

  #line(name: string, look: Look): string {
    // One column stays free: some terminals move the cursor from the last one to the next line, and
    // the bar would then leave a line behind each time it is drawn.
    const columns = look.columns - 1
    const share = this.total === 0 ? 1 : Math.min(this.#done / this.total, 1)
    const percent = percentage(this.#done, this.total).padStart(5)
    const bytes = `${byteSize(this.#done)} of ${byteSize(this.total)}`.padStart(20)
    const numbers = `${percent} ${bytes} ${this.rate.padStart(10)}`
    const room = columns - numbers.length - 1
    const label = shortened(harmless(name), Math.floor(room / 2), look.unicode ? '…' : '...')
    const shown = padded(label, Math.floor(room / 2))
    return `${shown} ${progressBar(share, Math.max(room - Math.floor(room / 2), 1), look)}${numbers}`
  }
}
