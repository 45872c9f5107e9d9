// @ts-check
// Pages of files that fit into the memory, just do not, and are twice as large, in three orders.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { atMost } from '../../lib/goals.js'
import { mapFile, pageSize } from '../../lib/package.js'
import { Unavailable } from '../../lib/unavailable.js'
import { enterMemoryGroup, makeMemoryGroup } from './memory-group.js'

const cli = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url))

/** Sizes of files, as parts of the memory. */
const sizes = { half: 0.5, same: 1, twice: 2 }
const orders = /** @type {const} */ (['sequential', 'random', 'zipf'])

const sizeTitles = {
  half: 'Half the memory',
  same: 'As large as the memory',
  twice: 'Twice the memory',
}
const orderTitles = { sequential: 'in order', random: 'at random', zipf: 'by a Zipf distribution' }

/** @typedef {keyof typeof sizes} Size */
/** @typedef {(typeof orders)[number]} Order */

/** @type {[Size, Order][]} */
const cells = /** @type {Size[]} */ (Object.keys(sizes)).flatMap((size) =>
  orders.map((order) => /** @type {[Size, Order]} */ ([size, order])),
)

/** @param {[Size, Order]} cell */
const nameOf = ([size, order]) => `${size}${order[0]?.toUpperCase()}${order.slice(1)}`

/** The sums are stored here, so that no engine can leave the reads out. */
export let sink = 0

/**
 * Gives one page number after the other.
 *
 * @param {Order} order
 * @param {number} pages
 */
function numbersOf(order, pages) {
  let state = 42
  const below = (/** @type {number} */ limit) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
  let next = 0
  if (order === 'sequential') return () => next++ % pages
  if (order === 'random') return () => below(pages)
  return () => {
    const rank = Math.floor(pages ** ((below(2 ** 30) + 1) / 2 ** 30)) - 1
    return (rank * 2_654_435_761) % pages // neighbours in rank are none in the file
  }
}

/** Bytes that this process has had read from disks, proc(5). */
function bytesRead() {
  return Number(/^read_bytes: (\d+)/m.exec(fs.readFileSync('/proc/self/io', 'utf8'))?.[1])
}

/** Faults of this thread that waited for a disk, proc(5). */
function majorFaults() {
  const fields = fs.readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[9])
}

/** @typedef {{ look: (page: number) => number | Promise<number>, close: () => void }} Reader */

/**
 * A view, of which every cache line of a page is looked at.
 *
 * @param {Parameters<typeof mapFile>[1]} options
 * @returns {(file: string) => Reader}
 */
const viewWith = (options) => (file) => {
  const mapping = mapFile(file, options)
  const bytes = mapping.bytes()
  return { look: (page) => sumOf(bytes, page * pageSize), close: () => mapping.unmap() }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 */
function sumOf(bytes, start) {
  let sum = 0
  for (let at = start; at < start + pageSize; at += 64) sum += bytes[at] ?? 0
  return sum
}

/**
 * @param {(file: string) => Reader} open
 * @param {boolean} [isAsync]
 * @returns {NonNullable<import('../../lib/types.js').Contender['setUp']>}
 */
function grid(open, isAsync = false) {
  return ({ files, group, missing, milliseconds }) => {
    if (group === undefined) throw new Unavailable(missing)
    enterMemoryGroup(group)
    return async () => {
      /** @type {Record<string, number>} */
      const measured = {}
      for (const cell of cells) {
        const [size, order] = cell
        const file = files[size]
        execFileSync(process.execPath, [cli, 'evict', file])
        await delay(150) // what is known of the last mapping is forgotten
        const { look, close } = open(file)
        const next = numbersOf(order, fs.statSync(file).size / pageSize)
        const [bytes, faults, start] = [bytesRead(), majorFaults(), performance.now()]
        let pages = 0
        while (pages % 64 !== 0 || performance.now() - start < milliseconds) {
          sink += isAsync ? await look(next()) : /** @type {number} */ (look(next()))
          pages++
        }
        const seconds = (performance.now() - start) / 1000
        const name = nameOf(cell)
        measured[name] = pages / seconds / 1000
        measured[`${name}Bytes`] = (bytesRead() - bytes) / (pages * pageSize)
        measured['faults'] = (measured['faults'] ?? 0) + majorFaults() - faults
        close()
      }
      return Object.fromEntries(Object.keys(measures).map((key) => [key, measured[key] ?? null]))
    }
  }
}

/** @type {Record<string, import('../../lib/types.js').Measure>} */
const measures = {
  ...Object.fromEntries(
    cells.map((cell) => [
      nameOf(cell),
      {
        title: `${sizeTitles[cell[0]]}, ${orderTitles[cell[1]]}`,
        unit: '1,000 pages a second',
        digits: 1,
        better: /** @type {const} */ ('higher'),
      },
    ]),
  ),
  ...Object.fromEntries(
    orders.map((order) => [
      `${nameOf(['twice', order])}Bytes`,
      {
        title: `Twice the memory, ${orderTitles[order]}: bytes from the disk for each that was looked at`,
        unit: 'bytes',
      },
    ]),
  ),
  faults: { title: 'Major faults of the event loop’s thread, in all', unit: 'faults', digits: 0 },
}

/**
 * As good as the best of the choices that cannot change.
 *
 * @param {string} measure
 * @returns {import('../../lib/types.js').Goal}
 */
function asTheBest(measure) {
  return {
    measure,
    text: "'auto' at least 0.9 × the best of the others",
    value: (median) => {
      const auto = median("view, 'auto'")
      const others = ['fs.readSync', 'view, default', "view, 'random'"].map(
        (who) => median(who) ?? 0,
      )
      return auto === null ? null : auto / Math.max(...others)
    },
    met: (value) => value >= 0.9,
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Files larger than the memory',
  rounds: { full: 3, quick: 1 },
  prepare({ scratch, quick }) {
    const memory = quick ? 64 << 20 : 256 << 20
    const files = Object.fromEntries(
      Object.entries(sizes).map(([name, part]) => [name, scratch.text(memory * part)]),
    )
    return { files, memory, milliseconds: quick ? 50 : 3000, ...makeMemoryGroup(memory) }
  },
  describe: ({ memory, milliseconds }) =>
    `Processes that may use ${memory >> 20} MiB of memory, page cache included, look at pages of files ` +
    `for ${milliseconds / 1000} s, each time from a cold cache.`,
  measures,
  contenders: {
    'fs.readSync': {
      kind: 'limit',
      setUp: grid((file) => {
        const fd = fs.openSync(file, 'r')
        const buffer = new Uint8Array(pageSize)
        const look = (/** @type {number} */ page) => {
          fs.readSync(fd, buffer, 0, pageSize, page * pageSize)
          return sumOf(buffer, 0)
        }
        return { look, close: () => fs.closeSync(fd) }
      }),
    },
    'view, default': { kind: 'package', setUp: grid(viewWith({})) },
    "view, 'random'": { kind: 'package', setUp: grid(viewWith({ advice: 'random' })) },
    "view, 'auto'": { kind: 'package', setUp: grid(viewWith({ advice: 'auto' })) },
    'readAsync()': {
      kind: 'package',
      setUp: grid((file) => {
        const mapping = mapFile(file)
        const look = async (/** @type {number} */ page) =>
          sumOf(await mapping.readAsync(page * pageSize, pageSize), 0)
        return { look, close: () => mapping.unmap() }
      }, true),
    },
  },
  goals: [
    ...cells.map((cell) => asTheBest(nameOf(cell))),
    atMost('twiceRandomBytes', 1.2, 'bytes', "view, 'auto'"),
    atMost('twiceZipfBytes', 1.2, 'bytes', "view, 'auto'"),
    atMost('twiceRandomBytes', 1.2, 'bytes', 'readAsync()'),
    atMost('faults', 0, 'faults', 'readAsync()'),
  ],
}
