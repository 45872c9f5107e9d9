// @ts-check
// A loop over a typed array that has nothing to do with mappings, before and after one of them ends.

import { mapAnonymous, pageSize } from '../../lib/package.js'
import { microsecondsEach } from '../../lib/timing.js'

/** The sums are stored here, so that no engine can leave the reads out. */
export let sink = 0

/** @param {Float64Array} numbers */
function add(numbers) {
  let total = 0
  for (let i = 0; i < numbers.length; i++) total += /** @type {number} */ (numbers[i])
  return total
}

/**
 * @param {() => void} before
 * @returns {NonNullable<import('../../lib/types.js').Contender['setUp']>}
 */
const loopAfter =
  (before) =>
  ({ length, times }) => {
    const numbers = new Float64Array(length).fill(1)
    before()
    return () => ({
      loop: microsecondsEach(times, () => {
        sink += add(numbers)
      }),
    })
  }

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'The first detach',
  rounds: { full: 15, quick: 1 },
  prepare: ({ quick }) => ({ length: 1 << 13, times: quick ? 100 : 5000 }),
  describe: ({ length }) =>
    `${length} numbers of an array that V8 has made are added, in processes that have detached an ArrayBuffer ` +
    'of whatever kind, and in one that has not.',
  measures: { loop: { title: 'The loop', unit: 'µs' } },
  contenders: {
    'nothing was detached': { kind: 'limit', setUp: loopAfter(() => {}) },
    'after unmap() without a view': {
      kind: 'package',
      setUp: loopAfter(() => mapAnonymous(pageSize).unmap()),
    },
    'after unmap() with a view': {
      kind: 'package',
      setUp: loopAfter(() => {
        const mapping = mapAnonymous(pageSize)
        sink += mapping.bytes()[0] ?? 0
        mapping.unmap()
      }),
    },
    'after structuredClone() with transfer': {
      kind: 'peer',
      setUp: loopAfter(() => {
        const { buffer } = new Uint8Array(8)
        structuredClone(buffer, { transfer: [buffer] })
      }),
    },
  },
  goals: [],
}
