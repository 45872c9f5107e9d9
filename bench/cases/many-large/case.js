// @ts-check
// Large mappings one after the other in a process with a large heap, which makes garbage collections slow.

import fs from 'node:fs'
import { asFast, atMost } from '../../lib/goals.js'
import { mapFile } from '../../lib/package.js'
import { koffiMmap, mmapIo } from '../../lib/peers.js'
import { milliseconds } from '../../lib/timing.js'

/** @type {object[]} */
const live = []

/** @param {import('../../lib/types.js').Parameters} parameters */
function fillHeap({ heapBytes }) {
  while (process.memoryUsage().heapUsed < heapBytes) {
    for (let i = 0; i < 10_000; i++) live.push({ i, odd: i % 2 === 1, list: [i, i + 1] })
  }
}

let sink = 0

/**
 * @param {import('../../lib/types.js').Parameters} parameters
 * @param {(fd: number, size: number) => number | undefined} once
 */
function all(parameters, once) {
  const { file, times, size } = parameters
  const fd = fs.openSync(file, 'r')
  fillHeap(parameters)
  return () => {
    const time = milliseconds(() => {
      for (let i = 0; i < times; i++) sink += once(fd, size) ?? 0
    })
    return { all: sink < 0 ? null : time }
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Many large mappings and a heap that is not small',
  prepare({ scratch, quick }) {
    const size = quick ? 256 << 20 : 1 << 30
    const heapBytes = (quick ? 40 : 220) * 1e6
    return { file: scratch.hole('sparse', size), size, times: quick ? 20 : 100, heapBytes }
  },
  describe: ({ times, size, heapBytes }) =>
    `${times} mappings of ${size >> 20} MiB, the first byte of each read, with ` +
    `${heapBytes / 1e6} MB of live objects. What has no unmap is dropped.`,
  measures: { all: { title: 'All of them', unit: 'ms', digits: 1 } },
  contenders: {
    C: {
      kind: 'limit',
      program: 'many_large',
      arguments: ({ file, times }) => [file, times],
    },
    'posix-mmap': {
      kind: 'package',
      setUp: (parameters) =>
        all(parameters, (fd) => {
          const mapping = mapFile(fd)
          const [first] = mapping.bytes()
          mapping.unmap()
          return first
        }),
    },
    'posix-mmap, read()': {
      kind: 'package',
      setUp: (parameters) =>
        all(parameters, (fd) => {
          const mapping = mapFile(fd)
          const [first] = mapping.read(0, 1)
          mapping.unmap()
          return first
        }),
    },
    'posix-mmap, dropped': {
      kind: 'package',
      rounds: 1,
      setUp: (parameters) => all(parameters, (fd) => mapFile(fd).bytes()[0]),
    },
    SharedArrayBuffer: {
      kind: 'peer',
      setUp: (parameters) =>
        all(parameters, (_fd, size) => new Uint8Array(new SharedArrayBuffer(size))[0]),
    },
    koffi: {
      kind: 'peer',
      rounds: 1,
      setUp: async (parameters) => {
        const { map, view, munmap } = await koffiMmap()
        return all(parameters, (fd, size) => {
          const address = map(fd, size)
          const [first] = view(address, size)
          munmap(address, size)
          return first
        })
      },
    },
    'mmap-io': {
      kind: 'peer',
      rounds: 1,
      setUp: async (parameters) => {
        const map = await mmapIo()
        return all(parameters, (fd, size) => map(fd, size)[0])
      },
    },
  },
  goals: [atMost('all', 150, 'ms'), asFast('all', 1, 'koffi'), asFast('all', 1, 'mmap-io')],
}
