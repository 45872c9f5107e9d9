// @ts-check
// How late the event loop is while a file is read that is not in the page cache.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { atMostTimes } from '../../lib/goals.js'
import { LoopDelay } from '../../lib/loop-delay.js'
import { mapFile, pageSize } from '../../lib/package.js'
import { millisecondsAsync } from '../../lib/timing.js'

let sink = 0

/**
 * @param {import('../../lib/types.js').Parameters} parameters
 * @param {(file: string) => Promise<unknown>} read
 */
function cold({ binaries, file }, read) {
  return async () => {
    execFileSync(join(binaries, 'evict'), [file])
    const delay = new LoopDelay()
    const time = await millisecondsAsync(() => delay.during(() => read(file)))
    const { p50, p99 } = delay
    return { p99, p50, time: sink < 0 ? null : time }
  }
}

/** @param {Uint8Array} bytes */
function touch(bytes) {
  for (let at = 0; at < bytes.length; at += pageSize) sink += bytes[at] ?? 0
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'A cold file and the event loop',
  rounds: { full: 5, quick: 1 },
  prepare({ scratch, quick, binaries }) {
    const size = quick ? 32 << 20 : 1 << 30
    return { file: scratch.text(size), size, binaries }
  },
  describe: ({ size }) =>
    `A file of ${size >> 20} MiB that was written back and dropped from the cache is read while a ` +
    'timer of 1 ms runs. What is told is how much later than asked its callbacks came.',
  measures: {
    p99: { title: 'Delay of the event loop, 99th percentile', unit: 'ms', digits: 2 },
    p50: { title: 'Delay of the event loop, median', unit: 'ms', digits: 2 },
    time: { title: 'Until all is read', unit: 'ms', digits: 0 },
  },
  contenders: {
    idle: {
      kind: 'limit',
      setUp: () => async () => {
        const delay = new LoopDelay()
        await delay.during(() => new Promise((resolve) => setTimeout(resolve, 1000)))
        return { p99: delay.p99, p50: delay.p50 }
      },
    },
    // The limit: what reading the disk costs every process of the machine.
    'idle, another process reads': {
      kind: 'limit',
      setUp: (parameters) =>
        cold(parameters, async (file) => {
          await once(spawn('cat', [file], { stdio: ['ignore', 'ignore', 'inherit'] }), 'exit')
        }),
    },
    'posix-mmap, populate()': {
      kind: 'package',
      setUp: (parameters) =>
        cold(parameters, async (file) => {
          const mapping = mapFile(file)
          await mapping.populate()
          mapping.unmap()
        }),
    },
    'posix-mmap, touched on the loop': {
      kind: 'package',
      setUp: (parameters) =>
        cold(parameters, async (file) => {
          const mapping = mapFile(file)
          touch(mapping.bytes())
          mapping.unmap()
        }),
    },
    'fs.promises, 1 MiB': {
      kind: 'peer',
      setUp: (parameters) =>
        cold(parameters, async (name) => {
          const file = await open(name)
          const buffer = new Uint8Array(1 << 20)
          while ((await file.read(buffer)).bytesRead > 0) touch(buffer)
          await file.close()
        }),
    },
  },
  goals: [atMostTimes('p99', 2, 'idle', 'posix-mmap, populate()')],
}
