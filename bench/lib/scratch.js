// @ts-check
// Files to measure on, gone when the run has ended.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Not more at a time: what is written in pieces of 1 MiB stays in the page cache as such, and memory
// that is mapped from these was five times as slow to read on a virtual machine as from smaller ones.
const block = 1 << 17

export class Scratch {
  directory

  /** @param {string} [place] */
  constructor(place = tmpdir()) {
    this.directory = fs.mkdtempSync(join(place, 'posix-mmap-bench-'))
    process.once('exit', () => this.remove())
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
      process.once(signal, () => process.exit(1))
    }
  }

  remove() {
    fs.rmSync(this.directory, { recursive: true, force: true })
  }

  /** @param {string} name */
  path(name) {
    return join(this.directory, name)
  }

  /**
   * A file without blocks. Its pages are zeros, and pages of the cache like any other once they are
   * read.
   *
   * @param {string} name
   * @param {number} size
   */
  hole(name, size) {
    const file = this.path(name)
    fs.closeSync(fs.openSync(file, 'a'))
    fs.truncateSync(file, size)
    return file
  }

  /**
   * Lines of text, in the cache and on the disk, with `needle` at the very end and nowhere else.
   *
   * @param {number} size a multiple of a mebibyte
   */
  text(size) {
    const file = this.path(`text-${size}`)
    if (!fs.existsSync(file)) writeText(file, size)
    warm(file)
    return file
  }

  /** @param {...string} names */
  drop(...names) {
    for (const name of names) fs.rmSync(this.path(name), { force: true })
  }
}

export const needle = 'the needle, at last'

/**
 * @param {string} file
 * @param {number} size
 */
function writeText(file, size) {
  const lines = []
  for (let i = 0, length = 0; length < block; i++) {
    const words = 1 + ((i * 7) % 12)
    const line = `${String(i).padStart(6, '0')} ${'lorem ipsum '.repeat(words).trimEnd()}`
    lines.push(line)
    length += line.length + 1
  }
  const text = Buffer.from(`${lines.join('\n')}\n`).subarray(0, block)
  text[block - 1] = 10
  const last = Buffer.from(text)
  last.write(`${needle}\n`, block - needle.length - 1)
  const fd = fs.openSync(file, 'w')
  for (let at = 0; at < size; at += block) fs.writeSync(fd, at + block < size ? text : last)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/**
 * Reads a file, so that its pages are in the cache.
 *
 * @param {string} file
 */
function warm(file) {
  const buffer = Buffer.allocUnsafe(block)
  const fd = fs.openSync(file, 'r')
  while (fs.readSync(fd, buffer) > 0);
  fs.closeSync(fd)
}
