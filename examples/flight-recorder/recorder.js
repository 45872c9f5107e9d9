// @ts-check
// A log that outlives whoever writes it: a Broadcast in a file, in which the oldest lines make room for new
// ones. A line is in the file as soon as log() has returned, without a system call.

import fs from 'node:fs'
import { Broadcast } from 'posix-mmap/shared'

/**
 * Makes the file of a recorder.
 *
 * @param {string} path of a file that does not exist
 * @param {number} byteLength of the lines that it keeps
 */
export function createRecorder(path, byteLength) {
  const empty = Broadcast.create(byteLength)
  // There are no addresses in it: wherever its bytes are, there is a recorder.
  fs.writeFileSync(path, empty.memory.bytes(), { flag: 'wx', mode: 0o600 })
  empty[Symbol.dispose]()
}

/** The writing side. */
export class Recorder {
  #lines

  /** @param {string} path */
  constructor(path) {
    this.#lines = Broadcast.open(path)
  }

  /** @param {string} text without a line feed */
  log(text) {
    this.#lines.publish(`${new Date().toISOString()} ${text}`)
  }
}

/**
 * The last lines of a recorder, whether or not its writer lives.
 *
 * @param {string} path
 * @param {number} most
 */
export function lastLines(path, most) {
  const recorder = Broadcast.open(path)
  const reader = recorder.subscribe({ from: 'oldest' })
  /** @type {string[]} */
  const lines = []
  for (let line = reader.tryReceive(); line !== null; line = reader.tryReceive()) {
    lines.push(Buffer.from(line).toString())
    if (lines.length > most) lines.shift()
  }
  recorder[Symbol.dispose]()
  return lines
}
