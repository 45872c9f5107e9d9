// @ts-check
// Checked reads of a few bytes, beside views that check nothing.

import fs from 'node:fs'
import { atMost, atMostTimes } from '../../lib/goals.js'
import { mapFile } from '../../lib/package.js'
import { milliseconds } from '../../lib/timing.js'

const few = 64

/**
 * Nanoseconds of a call of `body`, which makes `times` of them.
 *
 * @param {number} times
 * @param {(times: number) => number} body
 */
function nanosecondsEach(times, body) {
  const taken = milliseconds(() => {
    if (body(times) < 0) throw new Error('a sum of lengths is below 0')
  })
  return (taken / times) * 1e6
}

/**
 * @param {Record<string, (times: number) => number>} bodies
 * @param {number} times
 */
function measured(bodies, times) {
  return () =>
    Object.fromEntries(
      Object.entries(bodies).map(([name, body]) => [name, nanosecondsEach(times, body)]),
    )
}

/** Calls `search` for one line end after the other. @param {(from: number) => number} search */
function nextLine(search) {
  return (/** @type {number} */ times) => {
    let at = 0
    for (let i = 0; i < times; i++) at = Math.max(0, search(at) + 1)
    return at
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Small reads',
  rounds: { full: 11, quick: 1 },
  prepare({ scratch, quick }) {
    const file = scratch.hole('lines', 0)
    fs.writeFileSync(file, Buffer.alloc(1 << 20, 'a line of some twenty-five\n'))
    return { file, times: quick ? 20_000 : 1_000_000 }
  },
  describe: ({ times }) =>
    `${times.toLocaleString('en')} calls a round on a mapped file of 1 MiB: check(), ${few} bytes into an array, ${few} bytes ` +
    'in a new Buffer, and the search for the next line end, 27 bytes on. A view checks nothing: a byte is read of it, it copies with set() and Buffer.from(), and searches with Buffer.indexOf().',
  measures: {
    checks: { title: 'check()', unit: 'ns' },
    into: { title: 'readInto(), 64 bytes', unit: 'ns' },
    read: { title: 'read(), 64 bytes', unit: 'ns' },
    search: { title: 'indexOf(), near', unit: 'ns' },
  },
  contenders: {
    'a view': {
      kind: 'limit',
      setUp({ file, times }) {
        const bytes = mapFile(file).asBuffer()
        const mask = bytes.length - 1
        const target = new Uint8Array(few)
        return measured(
          {
            checks(count) {
              let sum = 0
              for (let i = 0; i < count; i++) sum += bytes[i & mask] ?? 0
              return sum
            },
            into(count) {
              for (let i = 0; i < count; i++) {
                const at = (i * few) & mask
                target.set(bytes.subarray(at, at + few))
              }
              return target.length
            },
            read(count) {
              let sum = 0
              for (let i = 0; i < count; i++) {
                const at = (i * few) & mask
                sum += Buffer.from(bytes.subarray(at, at + few)).length
              }
              return sum
            },
            search: nextLine((from) => bytes.indexOf(10, from)),
          },
          times,
        )
      },
    },
    'posix-mmap': {
      kind: 'package',
      setUp({ file, times }) {
        const mapping = mapFile(file)
        const mask = mapping.byteLength - 1
        const target = new Uint8Array(few)
        return measured(
          {
            checks(count) {
              for (let i = 0; i < count; i++) mapping.check()
              return count
            },
            into(count) {
              let sum = 0
              for (let i = 0; i < count; i++) sum += mapping.readInto(target, (i * few) & mask)
              return sum
            },
            read(count) {
              let sum = 0
              for (let i = 0; i < count; i++) sum += mapping.read((i * few) & mask, few).length
              return sum
            },
            search: nextLine((from) => mapping.indexOf(10, from)),
          },
          times,
        )
      },
    },
  },
  goals: [
    atMost('checks', 5, 'ns'),
    atMost('into', 100, 'ns'),
    atMostTimes('search', 1.3, 'a view'),
  ],
}
