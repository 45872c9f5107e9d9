// @ts-check
// How long it takes from the path of a file to a byte in the middle of it.

import fs from 'node:fs'
import { mapFile } from '../../lib/package.js'
import { microsecondsEach } from '../../lib/timing.js'

const measures = /** @type {const} */ (['small', 'middle', 'large'])

let sink = 0

/**
 * @param {import('../../lib/types.js').Parameters} parameters
 * @param {(file: string, size: number) => number | undefined} once
 * @param {number} times
 */
function each({ files }, once, times) {
  return () => {
    /** @type {Record<string, number | null>} */
    const measured = {}
    for (const name of measures) {
      const { file, size } = files[name]
      try {
        measured[name] = microsecondsEach(times, () => {
          sink += once(file, size) ?? 0
        })
      } catch (error) {
        // fs.readFile() refuses more than 2 GiB.
        if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ERR_FS_FILE_TOO_LARGE')
          throw error
        measured[name] = null
      }
    }
    return sink < 0 ? {} : measured
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'From open to the first look-up',
  prepare({ scratch, quick }) {
    const shift = quick ? 5 : 0
    const sizes = { small: 2 ** 20, middle: 2 ** (30 - shift), large: 2 ** (33 - shift) }
    const files = Object.entries(sizes).map(([name, size]) => {
      return [name, { file: scratch.hole(`lookup-${name}`, size), size }]
    })
    return { files: Object.fromEntries(files), times: quick ? 100 : 500, sizes: sizeNames(sizes) }
  },
  describe: ({ times, sizes }) =>
    `open, map, read one byte in the middle, unmap, close; files of ${sizes}, ${times} times each a ` +
    'round. fs.readFileSync is called once a round, and cannot read more than 2 GiB.',
  measures: {
    small: { title: 'Small file', unit: 'µs', digits: 1 },
    middle: { title: 'Large file', unit: 'µs', digits: 1 },
    large: { title: 'Very large file', unit: 'µs', digits: 1 },
  },
  contenders: {
    C: {
      kind: 'limit',
      program: 'first_lookup',
      arguments: ({ files, times }) => [
        times,
        ...measures.flatMap((name) => [name, files[name].file]),
      ],
    },
    'posix-mmap': {
      kind: 'package',
      setUp: (parameters) =>
        each(
          parameters,
          (file, size) => {
            const mapping = mapFile(file)
            const [byte] = mapping.bytes(size / 2, 1)
            mapping.unmap()
            return byte
          },
          parameters['times'],
        ),
    },
    'posix-mmap, read()': {
      kind: 'package',
      setUp: (parameters) =>
        each(
          parameters,
          (file, size) => {
            const mapping = mapFile(file)
            const [byte] = mapping.read(size / 2, 1)
            mapping.unmap()
            return byte
          },
          parameters['times'],
        ),
    },
    'fs.readFileSync': {
      kind: 'peer',
      rounds: 3,
      setUp: (parameters) => each(parameters, (file, size) => fs.readFileSync(file)[size / 2], 1),
    },
  },
  goals: [
    {
      measure: 'large',
      text: 'posix-mmap at most 1,000 µs more than C',
      value: (median) => difference(median('posix-mmap'), median('C')),
      met: (value) => value <= 1000,
    },
    {
      measure: 'large',
      text: 'posix-mmap at most 1.5 × what a small file takes',
      value: (median) => {
        const [large, small] = [median('posix-mmap'), median('posix-mmap', 'small')]
        return large === null || small === null ? null : large / small
      },
      met: (value) => value <= 1.5,
    },
  ],
}

/** @param {Record<string, number>} sizes */
function sizeNames(sizes) {
  const names = Object.values(sizes).map(
    (size) => `${(size / 2 ** 20).toLocaleString('en-US')} MiB`,
  )
  return names.join(', ')
}

/**
 * @param {number | null} a
 * @param {number | null} b
 */
function difference(a, b) {
  return a === null || b === null ? null : a - b
}
