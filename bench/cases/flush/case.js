// @ts-check
// How long other work of the process waits while much dirty memory is written to the disk.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, stat } from 'node:fs/promises'
import { quantile } from 'simple-statistics'
import { atMostTimes } from '../../lib/goals.js'
import { LoopDelay } from '../../lib/loop-delay.js'
import { mapFile } from '../../lib/package.js'

/**
 * Measures stat(2) and the delay of a timer while `body` runs.
 *
 * @param {string} file
 * @param {() => Promise<unknown>} body
 */
async function beside(file, body) {
  /** @type {number[]} */
  const latencies = []
  let ended = false
  const asking = async () => {
    while (!ended) {
      const start = performance.now()
      await stat(file)
      latencies.push(performance.now() - start)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  const delay = new LoopDelay()
  await delay.during(async () => {
    const asked = asking()
    await body().finally(() => {
      ended = true
    })
    await asked
  })
  return {
    stat: quantile(latencies, 0.5),
    statP99: quantile(latencies, 0.99),
    timer: delay.p50,
    timerP99: delay.p99,
  }
}

/**
 * Maps files, and returns a function that writes to every page of them.
 *
 * @param {string[]} files
 * @param {number} size
 */
function rewriter(files, size) {
  const mappings = files.map((file) => mapFile(file, { access: 'read-write', size }))
  let value = 0
  return () => {
    value++
    for (const mapping of mappings) mapping.bytes().fill(value)
    return mappings
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Eight flushes in flight',
  rounds: { full: 3, quick: 1 },
  prepare({ scratch, quick }) {
    const size = (quick ? 4 : 256) << 20
    const files = Array.from({ length: 8 }, (_, i) => scratch.hole(`flush-${i}`, size))
    return { files, size }
  },
  describe: ({ size }) =>
    `Eight files of ${size >> 20} MiB, all of it changed, are flushed at once; with fs.promises they ` +
    'are written and synced. Meanwhile fs.promises.stat() is called every millisecond, and a timer ' +
    'of 1 ms runs.',
  measures: {
    stat: { title: 'fs.promises.stat(), median', unit: 'ms', digits: 3 },
    statP99: { title: 'fs.promises.stat(), 99th percentile', unit: 'ms', digits: 3 },
    timer: { title: 'Delay of the timer, median', unit: 'ms', digits: 3 },
    timerP99: { title: 'Delay of the timer, 99th percentile', unit: 'ms', digits: 3 },
  },
  contenders: {
    idle: {
      kind: 'limit',
      setUp:
        ({ files }) =>
        () =>
          beside(files[0], () => new Promise((resolve) => setTimeout(resolve, 1000))),
    },
    // The limit: what writing to the disk costs every process of the machine.
    'idle, other processes sync': {
      kind: 'limit',
      setUp: ({ files, size }) => {
        const rewrite = rewriter(files, size)
        return () => {
          rewrite()
          const sync = (/** @type {string} */ file) => once(spawn('sync', [file]), 'exit')
          return beside(files[0], () => Promise.all(files.map(sync)))
        }
      },
    },
    'posix-mmap, flush()': {
      kind: 'package',
      setUp: ({ files, size }) => {
        const rewrite = rewriter(files, size)
        return () => {
          const mappings = rewrite()
          return beside(files[0], () => Promise.all(mappings.map((mapping) => mapping.flush())))
        }
      },
    },
    'fs.promises': {
      kind: 'peer',
      setUp: async ({ files, size }) => {
        const handles = await Promise.all(
          files.map((/** @type {string} */ file) => open(file, 'r+')),
        )
        const buffer = new Uint8Array(size)
        return () => {
          buffer.fill(buffer[0] === 1 ? 2 : 1)
          const write = async (/** @type {import('node:fs/promises').FileHandle} */ handle) => {
            await handle.write(buffer, 0, size, 0)
            await handle.datasync()
          }
          return beside(files[0], () => Promise.all(handles.map(write)))
        }
      },
    },
  },
  goals: ['stat', 'timer'].map((measure) => atMostTimes(measure, 2, 'idle', 'posix-mmap, flush()')),
}
