// What the program is doing, in one line of a terminal that is overwritten again and again.

import { progressBar } from './bar.js'
import { cut, type Look, lookOf } from './terminal.js'
import { columnsOf, escaped, padded } from './text.js'
import { byteSize, counted, grouped, percentage } from './units.js'

const redrawIntervalMs = 100

/**
 * What is done sooner needs no line, which would only flicker. Node itself takes about 0.1 s to start, and
 * all together should be less than 0.2 s.
 */
const patienceMs = 60

export interface Screen {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export class StatusLine {
  readonly #screen: Screen
  readonly #now: () => number
  readonly #look: () => Look
  #drawn = Number.NEGATIVE_INFINITY
  #visible = false
  /** Set where something else draws on the terminal. */
  silenced = false

  constructor(screen: Screen, now: () => number, look: () => Look) {
    this.#screen = screen
    this.#now = now
    this.#look = look
  }

  /** Whether there is a terminal for it. */
  get isShown(): boolean {
    // A dumb terminal cannot clear a line.
    return this.#screen.isTTY === true && !this.silenced && process.env['TERM'] !== 'dumb'
  }

  /** Draws a line, but not too often, not at the very start, and only on a terminal. */
  show(line: (look: Look) => string, patience = patienceMs): void {
    if (!this.isShown) return
    const now = this.#now()
    if (now < patience || now - this.#drawn < redrawIntervalMs) return
    this.#drawn = now
    this.#visible = true
    this.#screen.write(`\r${line(this.#look())}\u001b[K`)
  }

  /** Clears the line from the terminal. */
  clear(): void {
    if (!this.#visible) return
    this.#visible = false
    this.#screen.write('\r\u001b[K')
  }
}

const start = performance.now()

export const status: StatusLine = new StatusLine(
  process.stderr,
  () => performance.now() - start,
  () => lookOf(process.stderr),
)

/** A name, a bar and figures. */
export function progressLine(name: string, share: number, figures: string, look: Look): string {
  // One column stays free: some terminals move the cursor from the last one to the next line, and
  // the bar would then leave a line behind each time it is drawn.
  const columns = look.columns - 1
  const room = Math.max(columns - columnsOf(figures) - 1, 2)
  const label = Math.floor(room / 2)
  const shown = padded(cut(escaped(name), label, look), label)
  return `${shown} ${progressBar(share, Math.max(room - label, 1), look)}${figures}`
}

/** One line of words, cut to the terminal. */
export function wordsLine(words: string, look: Look): string {
  return cut(words, look.columns - 1, look)
}

/** How far a job on bytes has come. */
export class Progress {
  readonly #start = performance.now()
  #done = 0
  /** In bytes. */
  total: number

  constructor(total: number) {
    this.total = total
  }

  get #seconds(): number {
    return (performance.now() - this.#start) / 1000
  }

  /** The mean speed so far, such as `312 MiB/s`. */
  get #rate(): string {
    return `${byteSize(this.#done / Math.max(this.#seconds, 0.001))}/s`
  }

  /** How long it took and, if anything was done, how fast it was. */
  get remarks(): string[] {
    return [`${this.#seconds.toFixed(2)} s`, ...(this.#done > 0 ? [this.#rate] : [])]
  }

  /** Adds bytes that are done. */
  advance(bytes: number, name: string): void {
    this.#done += bytes
    status.show((look) => {
      const percent = percentage(this.#done, this.total).padStart(5)
      const sizes = `${byteSize(this.#done)} of ${byteSize(this.total)}`.padStart(20)
      const share = this.total === 0 ? 1 : Math.min(this.#done / this.total, 1)
      return progressLine(name, share, `${percent} ${sizes} ${this.#rate.padStart(10)}`, look)
    }, 0)
  }
}

/** How far a search in files has come. */
export class FileProgress {
  readonly #count: number

  constructor(count: number) {
    this.#count = count
  }

  /** What is called with bytes of a file that are done; undefined where nobody would see it. */
  of(file: { path: string; size: number }, index: number): ((bytes: number) => void) | undefined {
    if (!status.isShown) return undefined
    let done = 0
    const advance = (bytes: number) => {
      done += bytes
      status.show((look) => {
        const part = file.size === 0 ? 1 : Math.min(done / file.size, 1)
        const figures =
          this.#count === 1
            ? ` ${percentage(done, file.size)} of ${byteSize(file.size)}`
            : ` ${grouped(index)} of ${counted(this.#count, 'file')}`
        return progressLine(file.path, (index + part) / this.#count, figures, look)
      })
    }
    // Most files are done in less than a window, and there may be thousands of them.
    advance(0)
    return advance
  }
}
