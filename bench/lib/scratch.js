// @ts-check
// Makes the files to measure with, which are removed when the run ends.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// No larger: the page cache keeps what is written in pieces of 1 MiB in pieces of that size, and on a
// virtual machine memory mapped from those was five times as slow to read as from smaller ones.
const blockBytes = 1 << 17

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
   * A file without blocks. Its pages are zeros, and once they are read they are in the page cache
   * like those of any other file.
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
   * A file with lines of text, which is in the cache and on the disk, with `needle` at its very end
   * and nowhere else.
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
  for (let i = 0, length = 0; length < blockBytes; i++) {
    const words = 1 + ((i * 7) % 12)
    const line = `${String(i).padStart(6, '0')} ${'lorem ipsum '.repeat(words).trimEnd()}`
    lines.push(line)
    length += line.length + 1
  }
  const text = Buffer.from(`${lines.join('\n')}\n`).subarray(0, blockBytes)
  text[blockBytes - 1] = 10
  const last = Buffer.from(text)
  last.write(`${needle}\n`, blockBytes - needle.length - 1)
  const fd = fs.openSync(file, 'w')
  for (let at = 0; at < size; at += blockBytes)
    fs.writeSync(fd, at + blockBytes < size ? text : last)
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}

/**
 * Reads a file, which puts its pages into the cache.
 *
 * @param {string} file
 */
function warm(file) {
  const buffer = Buffer.allocUnsafe(blockBytes)
  const fd = fs.openSync(file, 'r')
  while (fs.readSync(fd, buffer) > 0);
  fs.closeSync(fd)
}
