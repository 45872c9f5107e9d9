// @ts-check
// Adds up all numbers of a file that is in the page cache.

import fs from 'node:fs'
import { asFast } from '../../lib/goals.js'
import { mapFile } from '../../lib/package.js'
import { koffiMmap, mmapIo } from '../../lib/peers.js'
import { milliseconds } from '../../lib/timing.js'

/**
 * @param {Float64Array} numbers
 * @param {number} total
 */
function add(numbers, total) {
  for (let i = 0; i < numbers.length; i++) total += /** @type {number} */ (numbers[i])
  return total
}

/** @param {() => number} sum */
function round(sum) {
  return () => {
    let total = 0
    const time = milliseconds(() => {
      total = sum()
    })
    return { sum: time, check: digits(total) }
  }
}

/**
 * The sum in the format of printf("%.17g"), to compare it with that of the C program: every
 * contender must add in the same order.
 *
 * @param {number} value
 */
function digits(value) {
  const [mantissa = '', exponent = ''] = value.toExponential(16).split('e')
  const trimmed = mantissa.replace(/\.?0+$/, '')
  return `${trimmed}e${exponent.replace(/^([+-])(\d)$/, '$10$2')}`
}

/** @param {Uint8Array} bytes */
const numbersOf = (bytes) =>
  new Float64Array(
    bytes.buffer,
    bytes.byteOffset,
    bytes.byteLength / Float64Array.BYTES_PER_ELEMENT,
  )

/**
 * @param {string} file
 * @returns {Float64Array}
 */
function readWhole(file) {
  const numbers = new Float64Array(fs.statSync(file).size / Float64Array.BYTES_PER_ELEMENT)
  const bytes = new Uint8Array(numbers.buffer)
  const fd = fs.openSync(file, 'r')
  for (let at = 0; at < bytes.length; ) at += fs.readSync(fd, bytes, at, 1 << 20, at)
  fs.closeSync(fd)
  return numbers
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Sequential sum',
  prepare({ scratch, quick }) {
    const size = quick ? 32 << 20 : 1 << 30
    return { file: scratch.text(size), size }
  },
  describe: ({ size }) =>
    `A file of ${size >> 20} MiB in the cache, added up as Float64. The mappings were read ` +
    'once before, so that the pages are in the page table.',
  measures: { sum: { title: 'Sum of all numbers', unit: 'ms', digits: 1 } },
  contenders: {
    C: {
      kind: 'limit',
      program: 'sum',
      arguments: ({ file }) => [file],
    },
    'posix-mmap': {
      kind: 'package',
      setUp: ({ file }) => {
        const numbers = mapFile(file, { populate: true }).view(Float64Array)
        return round(() => add(numbers, 0))
      },
    },
    'plain Float64Array': {
      kind: 'limit',
      setUp: ({ file }) => {
        const numbers = readWhole(file)
        return round(() => add(numbers, 0))
      },
    },
    'fs.readSync, 1 MiB': {
      kind: 'peer',
      setUp: ({ file }) => {
        const block = new Uint8Array(1 << 20)
        const numbers = numbersOf(block)
        const fd = fs.openSync(file, 'r')
        return round(() => {
          let total = 0
          for (let at = 0, got = 0; ; at += got) {
            got = fs.readSync(fd, block, 0, block.length, at)
            if (got === 0) return total
            total = add(numbers.subarray(0, got / Float64Array.BYTES_PER_ELEMENT), total)
          }
        })
      },
    },
    koffi: {
      kind: 'peer',
      setUp: async ({ file, size }) => {
        const { map, view } = await koffiMmap()
        const numbers = numbersOf(view(map(fs.openSync(file, 'r'), size), size))
        return round(() => add(numbers, 0))
      },
    },
    'mmap-io': {
      kind: 'peer',
      setUp: async ({ file, size }) => {
        const map = await mmapIo()
        const numbers = numbersOf(map(fs.openSync(file, 'r'), size))
        return round(() => add(numbers, 0))
      },
    },
  },
  goals: [asFast('sum', 0.95, 'plain Float64Array'), asFast('sum', 1, 'fs.readSync, 1 MiB')],
}
