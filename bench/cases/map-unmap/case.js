// @ts-check
// Map, read every page, unmap.

import fs from 'node:fs'
import { asFast, atMostTimes } from '../../lib/goals.js'
import { mapFile, pageSize } from '../../lib/package.js'
import { koffiMmap, mmapIo } from '../../lib/peers.js'
import { collectGarbage, microsecondsEach } from '../../lib/timing.js'

let sink = 0

/** @param {Uint8Array} bytes */
function touch(bytes) {
  for (let at = 0; at < bytes.length; at += pageSize) sink += bytes[at] ?? 0
}

/**
 * @param {import('../../lib/types.js').Parameters} parameters
 * @param {(fd: number, size: number) => void} once
 * @param {() => Promise<void>} [afterwards] is measured as well, after all times
 */
function each(parameters, once, afterwards = async () => {}) {
  const sizes = Object.entries(parameters.sizes).map(([name, { file, times }]) => {
    const fd = fs.openSync(file, 'r')
    return { name, times, fd, size: fs.fstatSync(fd).size }
  })
  return async () => {
    /** @type {Record<string, number>} */
    const measured = {}
    for (const { name, times, fd, size } of sizes) {
      const start = performance.now()
      microsecondsEach(times, () => once(fd, size))
      await afterwards()
      measured[name] = ((performance.now() - start) / times) * 1e3
    }
    if (sink < 0) throw new Error('a sum of bytes is below 0')
    return measured
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Map, read every page, unmap',
  prepare({ scratch, quick }) {
    return {
      sizes: {
        small: { file: scratch.hole('small', pageSize), times: quick ? 1000 : 5000 },
        large: { file: scratch.hole('large', 64 << 20), times: quick ? 2 : 8 },
      },
    }
  },
  describe: ({ sizes: { small, large } }) =>
    `One page, ${small.times} times a round, and 64 MiB, ${large.times} times a round; of open files ` +
    'whose pages are in the cache. mmap-io has no unmap: what it maps is dropped, and the ' +
    'collection of it is part of its time.',
  measures: {
    small: { title: 'One page', unit: 'µs', digits: 1 },
    large: { title: '64 MiB', unit: 'µs', digits: 0 },
  },
  contenders: {
    C: {
      kind: 'limit',
      program: 'map_unmap',
      arguments: ({ sizes: { small, large } }) => [
        small.file,
        large.file,
        small.times,
        large.times,
      ],
    },
    'posix-mmap': {
      kind: 'package',
      setUp: (parameters) =>
        each(parameters, (fd) => {
          const mapping = mapFile(fd)
          touch(mapping.bytes())
          mapping.unmap()
        }),
    },
    'posix-mmap, by path': {
      kind: 'package',
      setUp: (parameters) => {
        const { small, large } = parameters['sizes']
        return each(parameters, (_fd, size) => {
          const mapping = mapFile(size === pageSize ? small.file : large.file)
          touch(mapping.bytes())
          mapping.unmap()
        })
      },
    },
    'posix-mmap, by path, keepLocks': {
      kind: 'package',
      setUp: (parameters) => {
        const { small, large } = parameters['sizes']
        return each(parameters, (_fd, size) => {
          const mapping = mapFile(size === pageSize ? small.file : large.file, { keepLocks: true })
          touch(mapping.bytes())
          mapping.unmap()
        })
      },
    },
    koffi: {
      kind: 'peer',
      setUp: async (parameters) => {
        const { map, view, munmap } = await koffiMmap()
        return each(parameters, (fd, size) => {
          const address = map(fd, size)
          touch(view(address, size))
          munmap(address, size)
        })
      },
    },
    'mmap-io': {
      kind: 'peer',
      flags: ['--expose-gc'],
      setUp: async (parameters) => {
        const map = await mmapIo()
        return each(parameters, (fd, size) => touch(map(fd, size)), collectGarbage)
      },
    },
  },
  goals: [
    atMostTimes('small', 3, 'C'),
    asFast('small', 1, 'koffi'),
    asFast('small', 1, 'mmap-io'),
    atMostTimes('large', 1.1, 'C'),
    asFast('large', 1, 'koffi'),
    asFast('large', 1, 'mmap-io'),
  ],
}
