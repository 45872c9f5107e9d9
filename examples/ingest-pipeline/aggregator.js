// @ts-check
// Starts parsers, and adds up what they send through one ring. A chunk counts when it is complete; the
// chunks that a parser leaves behind that dies are given to another one.

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { withShared } from 'posix-mmap'
import { MessageRing } from 'posix-mmap/shared'
import { Totals } from './measurements.js'

/**
 * Rows of a chunk; or the end of a parser, of which nothing comes any more.
 *
 * @typedef {{ parser: number, chunk: number, rows: [string, number][], isLast?: boolean }} Rows
 * @typedef {{ parser: number, hasEnded: true }} End
 * @typedef {Rows | End} Message
 * @typedef {(parser: number, chunk: number, child: import('node:child_process').ChildProcess) => void} Watcher
 */

const parserProgram = fileURLToPath(new URL('parser.js', import.meta.url))
const ringBytes = 1 << 16
const mostReplaced = 3

export class Aggregator {
  totals = new Totals()
  /** How many parsers were replaced, chunks that others parsed for them, and rows that did not count. */
  replaced = 0
  repeated = 0
  discarded = 0
  #path
  #chunkBytes
  #ring = MessageRing.create(ringBytes)
  /** Of each parser that has not ended: its process, the chunks it still has, the rows of its chunk. */
  #parsers =
    /** @type {Map<number, { child: import('node:child_process').ChildProcess, chunks: Set<number>, rows: [string, number][] }>} */ (
      new Map()
    )
  #number = 0

  /**
   * @param {string} path
   * @param {number} chunkBytes
   */
  constructor(path, chunkBytes) {
    this.#path = path
    this.#chunkBytes = chunkBytes
  }

  /** @param {number[]} chunks */
  #start(chunks) {
    const parser = ++this.#number
    const args = [this.#path, this.#chunkBytes, parser, ...chunks].map(String)
    const child = spawn(
      process.execPath,
      [parserProgram, ...args],
      withShared({ ring: this.#ring.memory }, { stdio: ['ignore', 'ignore', 'inherit'] }),
    )
    this.#parsers.set(parser, { child, chunks: new Set(chunks), rows: [] })
    // Through the ring as well: it comes behind everything that the parser has sent.
    child.once('close', () => this.#ring.send(JSON.stringify({ parser, hasEnded: true })))
  }

  /**
   * Has all chunks parsed.
   *
   * @param {number} chunks how many there are
   * @param {number} parsers how many processes parse them
   * @param {Watcher} [onRows] sees each message with rows
   */
  async run(chunks, parsers, onRows) {
    const all = Array.from({ length: chunks }, (_, chunk) => chunk)
    for (let i = 0; i < parsers; i++) this.#start(all.filter((chunk) => chunk % parsers === i))
    try {
      await this.#receive(onRows)
    } finally {
      for (const { child } of this.#parsers.values()) child.kill('SIGKILL')
      this.#ring[Symbol.dispose]()
    }
  }

  /** @param {Watcher} [onRows] */
  async #receive(onRows) {
    for await (const bytes of this.#ring) {
      /** @type {Message} */
      const message = JSON.parse(Buffer.from(bytes).toString())
      const found = this.#parsers.get(message.parser)
      if (found === undefined) throw new Error(`parser ${message.parser} sends after its end`)
      if ('hasEnded' in message) {
        this.#parsers.delete(message.parser)
        this.discarded += found.rows.length
        if (found.chunks.size > 0) {
          if (this.replaced++ === mostReplaced) throw new Error('parsers die again and again')
          this.repeated += found.chunks.size
          this.#start([...found.chunks])
        }
        if (this.#parsers.size === 0) break
        continue
      }
      found.rows.push(...message.rows)
      if (message.isLast) {
        for (const [station, tenths] of found.rows) this.totals.add(station, tenths)
        found.rows = []
        found.chunks.delete(message.chunk)
      }
      onRows?.(message.parser, message.chunk, found.child)
    }
  }
}
