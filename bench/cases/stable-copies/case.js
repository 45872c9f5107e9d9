// @ts-check
// What programs pay for built-ins that this package wraps, on memory that it has nothing to do with.

import { Buffer } from 'node:buffer'
import { mapAnonymous, pageSize } from '../../lib/package.js'

const batch = 500

/**
 * Nanoseconds of a call, of the batches that nobody disturbed: the lowest tenth of many short ones.
 *
 * @param {number} batches
 * @param {(i: number) => unknown} call
 */
function nanosecondsEach(batches, call) {
  const times = []
  for (let b = 0; b < batches; b++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < batch; i++) call(i)
    times.push(Number(process.hrtime.bigint() - start) / batch)
  }
  times.sort((a, z) => a - z)
  return times[Math.floor(batches / 10)] ?? Number.NaN
}

/** @param {number} batches */
function calls(batches) {
  const pooled = Array.from({ length: 16 }, (_, i) => Buffer.from(`a pooled buffer of ${i + 10}.`))
  const short = Array.from({ length: 16 }, (_, i) => Buffer.alloc(22, 97 + i))
  const decoder = new TextDecoder()
  const numbers = Float64Array.from({ length: 100 }, () => Math.random())
  const sorted = new Float64Array(100)
  const round = () => ({
    text: nanosecondsEach(batches, (i) => pooled[i % 16]?.toString()),
    onHeap: nanosecondsEach(batches, (i) => short[i % 16]?.toString()),
    fresh: nanosecondsEach(batches, () => Buffer.alloc(22).toString()),
    decode: nanosecondsEach(batches, (i) => decoder.decode(pooled[i % 16])),
    sort: nanosecondsEach(batches / 10, () => {
      sorted.set(numbers)
      sorted.sort()
    }),
  })
  // The compiler has seen all of it.
  round()
  return round
}

/**
 * @param {string} measure
 * @param {string} title
 * @returns {import('../../lib/types.js').Goal}
 */
function addsAtMost(measure, title) {
  const most = process.version.startsWith('v20.') ? 60 : 30
  return {
    measure,
    text: `${title}: at most ${most} ns more`,
    value(median) {
      const [before, after] = [median('before'), median('after')]
      return before === null || after === null ? null : after - before
    },
    met: (value) => value <= most,
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Wrapped built-ins, for everybody else',
  rounds: { full: 9, quick: 1 },
  prepare: ({ quick }) => ({ batches: quick ? 100 : 2000 }),
  describe: () =>
    'The same calls on memory that is not mapped, in a process that has mapped nothing and in one that has: ' +
    'a pooled Buffer of 22 bytes, one that V8 keeps on its heap, one that is new each time.',
  measures: {
    text: { title: 'toString(), 22 bytes of the pool', unit: 'ns' },
    onHeap: { title: 'toString(), 22 bytes on the heap', unit: 'ns' },
    fresh: { title: 'Buffer.alloc(22).toString()', unit: 'ns' },
    decode: { title: 'TextDecoder.decode(), 22 bytes', unit: 'ns' },
    sort: { title: 'Float64Array.sort(), 100 elements', unit: 'ns' },
  },
  contenders: {
    before: { kind: 'limit', setUp: ({ batches }) => calls(batches) },
    after: {
      kind: 'package',
      setUp({ batches }) {
        // From here on the built-ins are wrapped.
        mapAnonymous(pageSize).bytes()
        return calls(batches)
      },
    },
  },
  goals: [
    addsAtMost('text', 'toString()'),
    addsAtMost('decode', 'decode()'),
    addsAtMost('sort', 'sort()'),
  ],
}
