// @ts-check
// How much memory one table takes in several processes.

import { atMost } from '../../lib/goals.js'
import { SharedMemory, withShared } from '../../lib/package.js'
import { peer } from '../../lib/unavailable.js'
import { Workers } from './workers.js'

const flags = ['--expose-gc']

/**
 * @param {{ count: number, size: number, way: string, options?: object }} what
 * @param {object} message with which the workers open the table
 */
async function footprint({ count, size, way, options = {} }, message) {
  const workers = new Workers(count, way, options)
  try {
    await workers.all({})
    const idle = workers.memory()
    await workers.all({ ...message, open: true })
    const copies = (workers.memory() - idle) / size
    return { copies, idle: idle / 2 ** 20 }
  } finally {
    await workers.end()
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'One table in several processes',
  rounds: { full: 3, quick: 1 },
  prepare({ quick }) {
    // A message is copied several times on its way. It is smaller, so that all copies fit in memory.
    const [size, sentSize] = quick ? [64 << 20, 8 << 20] : [1 << 30, 64 << 20]
    return { size, sentSize, count: 4 }
  },
  describe: ({ size, sentSize, count }) =>
    `A table of ${size >> 20} MiB in ${count} workers and their parent, every page of it read by all ` +
    `workers. By process.send() it is one of ${sentSize >> 20} MiB. PSS of all processes, less what ` +
    'they have without the table, divided by the size of the table: 1 is one copy for all.',
  measures: {
    copies: { title: 'Copies of the table', unit: 'copies', digits: 3 },
    idle: { title: 'All processes without the table', unit: 'MiB', digits: 0 },
  },
  contenders: {
    'one copy': { kind: 'limit', setUp: () => () => ({ copies: 1 }) },
    'posix-mmap, withShared()': {
      kind: 'package',
      flags,
      setUp: ({ size, count }) => {
        return async () => {
          const table = SharedMemory.create(size)
          try {
            const options = withShared({ table }, {})
            return await footprint({ count, size, way: 'inherited', options }, {})
          } finally {
            table.unmap()
          }
        }
      },
    },
    'shm-typed-array': {
      kind: 'peer',
      flags,
      setUp: async ({ size, count }) => {
        const shm = await peer('shm-typed-array')
        return async () => {
          const table = shm.create(size, 'Buffer')
          try {
            return await footprint({ count, size, way: 'shm-typed-array' }, { key: table.key })
          } finally {
            shm.destroy(table.key)
          }
        }
      },
    },
    'process.send': {
      kind: 'peer',
      flags,
      setUp: ({ sentSize, count }) => {
        return () => {
          const table = new Uint8Array(sentSize).fill(1)
          return footprint({ count, size: sentSize, way: 'sent' }, { table })
        }
      },
    },
  },
  goals: [atMost('copies', 1.02, 'copies', 'posix-mmap, withShared()')],
}
