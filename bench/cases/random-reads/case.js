// @ts-check
// 64 bytes at a time, anywhere in a large file.

import fs from 'node:fs'
import { open } from 'node:fs/promises'
import { asFast } from '../../lib/goals.js'
import { mapFile } from '../../lib/package.js'

const lineLength = 64
const wordsOfLine = lineLength / Float64Array.BYTES_PER_ELEMENT

/** xorshift32, which gives the same numbers as in random_reads.c. */
class Random {
  #state = 1

  /** @param {number} limit a power of two */
  below(limit) {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return this.#state & (limit - 1)
  }
}

/** The sums are stored here, so that no engine can leave the reads out. */
export let sink = 0

/**
 * @param {Float64Array} words
 * @param {number} first
 */
function sumOfLine(words, first) {
  // The loop is unrolled, as a C compiler does by itself: otherwise its checks would take longer than
  // its additions.
  const at = (/** @type {number} */ word) => /** @type {number} */ (words[first + word])
  return at(0) + at(1) + at(2) + at(3) + at(4) + at(5) + at(6) + at(7)
}

/**
 * @param {import('../../lib/types.js').Parameters} parameters
 * @param {(line: number) => number} once
 */
function each({ size, times }, once) {
  const random = new Random()
  const lines = size / lineLength
  return () => {
    const start = performance.now()
    let total = 0
    for (let i = 0; i < times; i++) total += once(random.below(lines))
    sink = total
    return { read: ((performance.now() - start) / times) * 1e6 }
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Random reads of 64 bytes',
  prepare({ scratch, quick }) {
    const size = quick ? 64 << 20 : 2 ** 32
    const times = quick ? 100_000 : 2_000_000
    return { file: scratch.hole('sparse', size), size, times }
  },
  describe: ({ size, times }) =>
    `A file of ${size / 2 ** 20} MiB in the cache, ${times} reads a round at the same random ` +
    'places, each 64 bytes as eight numbers that are added. The system calls of JavaScript are ' +
    'made a tenth as often.',
  measures: { read: { title: 'One read', unit: 'ns', digits: 0 } },
  contenders: {
    C: {
      kind: 'limit',
      program: 'random_reads',
      arguments: ({ file, times }) => [file, times],
    },
    'posix-mmap': {
      kind: 'package',
      setUp: (parameters) => {
        const words = mapFile(parameters['file'], { populate: true }).view(Float64Array)
        return each(parameters, (line) => sumOfLine(words, line * wordsOfLine))
      },
    },
    'posix-mmap, read()': {
      kind: 'package',
      setUp: (parameters) => {
        const mapping = mapFile(parameters['file'], { populate: true })
        const times = parameters['times'] / 10
        return each({ ...parameters, times }, (line) => {
          const { buffer, byteOffset } = mapping.read(line * lineLength, lineLength)
          return sumOfLine(new Float64Array(buffer, byteOffset, wordsOfLine), 0)
        })
      },
    },
    'fs.readSync': {
      kind: 'peer',
      setUp: (parameters) => {
        const fd = fs.openSync(parameters['file'], 'r')
        const words = new Float64Array(wordsOfLine)
        const times = parameters['times'] / 10
        return each({ ...parameters, times }, (line) => {
          fs.readSync(fd, words, 0, lineLength, line * lineLength)
          return sumOfLine(words, 0)
        })
      },
    },
    'fs.promises': {
      kind: 'peer',
      setUp: async (parameters) => {
        const file = await open(parameters['file'])
        const words = new Float64Array(wordsOfLine)
        const random = new Random()
        const lines = parameters['size'] / lineLength
        const times = Math.floor(parameters['times'] / 100)
        return async () => {
          const start = performance.now()
          for (let i = 0; i < times; i++) {
            await file.read(words, 0, lineLength, random.below(lines) * lineLength)
            sink += sumOfLine(words, 0)
          }
          return { read: ((performance.now() - start) / times) * 1e6 }
        }
      },
    },
  },
  goals: [asFast('read', 30, 'fs.readSync'), asFast('read', 0.7, 'C')],
}
