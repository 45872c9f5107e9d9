// @ts-check
// Reads every line of a large text, and searches for a needle at its end.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createInterface } from 'node:readline'
import { asFast, atMostTimes, ratio } from '../../lib/goals.js'
import { mapFile } from '../../lib/package.js'
import { needle } from '../../lib/scratch.js'
import { milliseconds, millisecondsAsync, millisecondsWarm } from '../../lib/timing.js'
import { Unavailable } from '../../lib/unavailable.js'

const newline = 10

/** @param {string} file */
const mapped = (file) => mapFile(file, { populate: true })

/** @param {Iterable<unknown>} lines */
function count(lines) {
  let counted = 0
  for (const _ of lines) counted++
  return counted
}

/**
 * @param {string} what
 * @param {number} expected
 * @param {number} actual
 */
function expect(what, expected, actual) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, not ${expected}`)
}

/**
 * A program that prints how many lines it counts.
 *
 * @param {string} measure
 * @param {number} expected
 * @param {string} command
 * @param {string[]} args
 */
function program(measure, expected, command, args) {
  if (spawnSync(command, ['--version'], { stdio: 'ignore' }).error !== undefined) {
    throw new Unavailable(`there is no ${command}`)
  }
  const env = { ...process.env, LC_ALL: 'C' }
  return () => {
    let printed = ''
    const time = milliseconds(() => {
      printed = spawnSync(command, args, { encoding: 'utf8', env }).stdout
    })
    expect(command, expected, Number.parseInt(printed, 10))
    return { [measure]: time }
  }
}

const blockLength = 1 << 20

/**
 * @param {string} file
 * @param {(block: Buffer, at: number) => boolean} visit returns false to stop
 * @param {number} [overlap] how many bytes at the end of a block are repeated at the start of the next
 */
function eachBlock(file, visit, overlap = 0) {
  const fd = fs.openSync(file, 'r')
  const buffer = Buffer.allocUnsafe(blockLength + overlap)
  let at = 0
  let got = 0
  do {
    got = fs.readSync(fd, buffer, 0, buffer.length, at)
    if (!visit(buffer.subarray(0, got), at)) break
    at += blockLength
  } while (got === buffer.length)
  fs.closeSync(fd)
}

/** @param {string} file */
function countLines(file) {
  let counted = 0
  eachBlock(file, (block) => {
    for (let end = block.indexOf(newline); end !== -1; end = block.indexOf(newline, end + 1)) {
      counted++
    }
    return true
  })
  return counted
}

/**
 * What strings cost: the text of blocks, and a string for each of its lines.
 *
 * @param {string} file
 */
function makeStrings(file) {
  const block = fs.readFileSync(file).subarray(0, blockLength)
  const size = fs.statSync(file).size
  const step = 1 << 15
  let made = 0
  const time = milliseconds(() => {
    for (let at = 0; at < size; at += step) {
      const start = at % blockLength
      made += block.toString('utf8', start, start + step).split('\n').length
    }
  })
  if (made === 0) throw new Error('no strings')
  return { lines: time }
}

/**
 * @param {import('node:stream').Readable} stream of text
 */
async function countSplit(stream) {
  let counted = 0
  let rest = ''
  for await (const chunk of stream) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    counted += parts.length
  }
  return counted
}

/** @param {string} file */
function search(file) {
  let found = -1
  const visit = (/** @type {Buffer} */ block, /** @type {number} */ at) => {
    const index = block.indexOf(needle)
    if (index !== -1) found = at + index
    return index === -1
  }
  eachBlock(file, visit, needle.length - 1)
  return found
}

/**
 * @param {{ indexOf(needle: string): number }} memory
 * @param {number} place where the needle is
 */
function searches(memory, place) {
  return () => {
    let found = -1
    const time = millisecondsWarm(() => {
      found = memory.indexOf(needle)
    })
    expect('indexOf()', place, found)
    return { search: time }
  }
}

/**
 * At most 1.5 times what C takes for the lines, and what V8 takes for the strings.
 *
 * @param {string} ours
 * @returns {import('../../lib/types.js').Goal}
 */
function linesAndStrings(ours) {
  return {
    measure: 'lines',
    text: `${ours} at most 1.5 × C and the strings alone`,
    value(median) {
      const [c, strings] = [median('C'), median('toString() and split() alone')]
      return c === null || strings === null ? null : ratio(median(ours), 1.5 * c + strings)
    },
    met: (value) => value <= 1,
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Lines and searches',
  rounds: { full: 5, quick: 1 },
  prepare({ scratch, quick }) {
    const size = quick ? 32 << 20 : 1 << 30
    const file = scratch.text(size)
    const lines = countLines(file)
    return { file, size, lines, place: size - needle.length - 1 }
  },
  describe: ({ size, lines }) =>
    `A text of ${size >> 20} MiB and ${lines} lines in the cache: every line once, and a search for ` +
    'what stands at the very end, after a pass over all of it. wc and grep with LC_ALL=C, their start included.',
  measures: {
    lines: { title: 'Every line', unit: 'ms', digits: 0 },
    search: { title: 'Search', unit: 'ms', digits: 0 },
  },
  contenders: {
    C: { kind: 'limit', program: 'text', arguments: ({ file }) => [file, needle] },
    'posix-mmap': {
      kind: 'package',
      setUp: ({ file, lines }) => {
        const mapping = mapped(file)
        return () => {
          let counted = 0
          const time = milliseconds(() => {
            counted = count(mapping.lines())
          })
          expect('lines()', lines, counted)
          return { lines: time }
        }
      },
    },
    'posix-mmap, lines as bytes': {
      kind: 'package',
      setUp: ({ file, lines }) => {
        const mapping = mapped(file)
        return () => {
          let counted = 0
          const time = milliseconds(() => {
            counted = count(mapping.lines({ encoding: null }))
          })
          expect('lines()', lines, counted)
          return { lines: time }
        }
      },
    },
    'posix-mmap, createReadStream() and split()': {
      kind: 'package',
      setUp: ({ file, lines }) => {
        const mapping = mapped(file)
        return async () => {
          let counted = 0
          const time = await millisecondsAsync(async () => {
            counted = await countSplit(mapping.createReadStream({ encoding: 'utf8' }))
          })
          expect('createReadStream()', lines, counted)
          return { lines: time }
        }
      },
    },
    'posix-mmap, indexOf()': {
      kind: 'package',
      setUp: ({ file, place }) => searches(mapped(file), place),
    },
    'posix-mmap, asBuffer().indexOf()': {
      kind: 'package',
      setUp: ({ file, place }) => searches(mapped(file).asBuffer(), place),
    },
    'toString() and split() alone': {
      kind: 'limit',
      setUp:
        ({ file }) =>
        () =>
          makeStrings(file),
    },
    'Buffer on fs.readSync': {
      kind: 'peer',
      setUp:
        ({ file, lines, place }) =>
        () => {
          let counted = 0
          const linesTime = milliseconds(() => {
            counted = countLines(file)
          })
          let found = -1
          const searchTime = milliseconds(() => {
            found = search(file)
          })
          expect('lines of Buffer', lines, counted)
          expect('indexOf() of Buffer', place, found)
          return { lines: linesTime, search: searchTime }
        },
    },
    readline: {
      kind: 'peer',
      rounds: 2,
      setUp:
        ({ file, lines }) =>
        async () => {
          let counted = 0
          const time = await millisecondsAsync(async () => {
            const input = fs.createReadStream(file)
            for await (const _ of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY }))
              counted++
          })
          expect('readline', lines, counted)
          return { lines: time }
        },
    },
    'wc -l': {
      kind: 'peer',
      setUp: ({ file, lines }) => program('lines', lines, 'wc', ['-l', file]),
    },
    'grep -c': {
      kind: 'peer',
      setUp: ({ file }) => program('search', 1, 'grep', ['-c', '-F', needle, file]),
    },
  },
  goals: [
    asFast('lines', 2, 'readline'),
    ...['posix-mmap', 'posix-mmap, createReadStream() and split()'].map(linesAndStrings),
    atMostTimes('lines', 1, 'posix-mmap', 'posix-mmap, lines as bytes'),
    asFast('search', 1, 'C', 'posix-mmap, indexOf()'),
    asFast('search', 1, 'posix-mmap, asBuffer().indexOf()', 'posix-mmap, indexOf()'),
  ],
}
