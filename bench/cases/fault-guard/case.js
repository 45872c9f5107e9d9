// @ts-check
// What the fault guard costs where no fault happens.

import { atMostTimes } from '../../lib/goals.js'
import { pageSize } from '../../lib/package.js'

/** @param {import('../../lib/types.js').Parameters} parameters */
const args = ({ small, large, times }) => [small, large, times]

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'The fault guard',
  rounds: { full: 15, quick: 1 },
  prepare({ scratch, quick }) {
    const small = scratch.hole('small', pageSize)
    return { small, large: scratch.hole('large', 64 << 20), times: quick ? 2000 : 10_000 }
  },
  describe: ({ times }) =>
    `native/posix/ without Node, linked with its fault guard and without: ${times} times map, read ` +
    'one byte, unmap; and a read of each 64 bytes of 64 MiB. The difference is a larger part of this ' +
    'than of mapFile(), which does more.',
  measures: {
    map: { title: 'Map, read, unmap', unit: 'µs', digits: 2 },
    access: { title: 'Access to 64 MiB', unit: 'ms', digits: 2 },
  },
  contenders: {
    without: { kind: 'limit', program: 'unguarded', arguments: args },
    with: { kind: 'package', program: 'guarded', arguments: args },
  },
  goals: [
    atMostTimes('map', 1.05, 'without', 'with'),
    atMostTimes('access', 1.02, 'without', 'with'),
  ],
}
