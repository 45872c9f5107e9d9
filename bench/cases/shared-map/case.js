// @ts-check
// A value of 100 bytes among 100,000, from a map that all processes share, and from what else there is.

import { KeyvSharedMap } from '../../../dist/keyv.js'
import { SharedMap } from '../../../dist/shared.js'
import {
  installedServer,
  notInstalled,
  startServer,
} from '../../../examples/shared-cache/redis-server.js'
import { asFast, atMostTimes } from '../../lib/goals.js'
import { peer, Unavailable } from '../../lib/unavailable.js'

const valueBytes = 100
/** The byte of each value that is looked at: a digit of its key. */
const probe = 8
/** Of a SharedMap, of which about three quarters are used then. */
const bytesEach = 256
/** Requests that are under way at the same time. */
const together = 100

/** @typedef {import('../../lib/types.js').Parameters} Parameters */

/** @param {Parameters} parameters */
function keysOf({ keys }) {
  // Text in one piece, as it comes from a parser: V8 would keep what a template makes in two.
  return Array.from({ length: keys }, (_, i) => Buffer.from(`user:${i}:profile`).toString('latin1'))
}

/**
 * Keys in an order that no cache of the processor has foreseen, the same in each process.
 *
 * @param {string[]} keys
 * @param {number} times
 */
function anyOrder(keys, times) {
  let state = 1
  return Array.from({ length: times }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return keys[Math.floor((state / 2 ** 32) * keys.length)] ?? ''
  })
}

/** @param {string} key */
const contentOf = (key) => Buffer.alloc(valueBytes, key)

/**
 * Nanoseconds of each call, and the sum of what the calls have returned. Of processor time, with that of the
 * garbage collector's threads: nothing here waits, and a busy machine adds less to it.
 *
 * @param {string[]} keys
 * @param {(key: string) => number} body
 */
function each(keys, body) {
  let sum = 0
  const start = process.cpuUsage()
  for (const key of keys) sum += body(key)
  const { user, system } = process.cpuUsage(start)
  return { time: ((user + system) / keys.length) * 1e3, sum }
}

/**
 * Microseconds of each get() of a Keyv: one after the other, and many under way at a time.
 *
 * @param {any} keyv
 * @param {string[]} keys
 * @param {number} trips
 */
async function awaited(keyv, keys, trips) {
  const order = anyOrder(keys, trips)
  for (const key of keys) await keyv.set(key, contentOf(key).toString('latin1'))
  return async () => {
    const start = performance.now()
    for (const key of order) checkText(await keyv.get(key))
    const middle = performance.now()
    for (let i = 0; i < order.length; i += together) {
      const some = order.slice(i, i + together)
      for (const value of await Promise.all(some.map((key) => keyv.get(key)))) checkText(value)
    }
    const end = performance.now()
    const microseconds = (/** @type {number} */ time) => (time / order.length) * 1e3
    return { keyv: microseconds(middle - start), many: microseconds(end - middle) }
  }
}

/** @param {unknown} value */
function checkText(value) {
  if (typeof value !== 'string' || value.length !== valueBytes) throw new Error(`read ${value}`)
}

/**
 * @param {Parameters} parameters
 * @param {string} name
 */
async function filledDatabase(parameters, name) {
  const { open } = await peer('lmdb')
  const keys = keysOf(parameters)
  const path = `${parameters['directory']}-${name}`
  const db = open({ path, encoding: 'binary', noSync: true })
  await db.transaction(() => {
    for (const key of keys) db.put(key, contentOf(key))
  })
  return { db, order: anyOrder(keys, parameters['calls']) }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'A map that processes share',
  prepare: ({ quick, scratch }) => ({
    keys: quick ? 10_000 : 100_000,
    calls: quick ? 10_000 : 1_000_000,
    trips: quick ? 1000 : 20_000,
    directory: scratch.path('lmdb'),
  }),
  describe: ({ keys, calls, trips }) =>
    `${valueBytes} bytes of each of ${keys} keys, got ${calls} times in any order, and set as often, in processor time. A Map ` +
    `gives the same object each time, getBinaryFast() of lmdb one buffer for all, and the others a copy. Through Keyv, whose ` +
    `get() is a promise, ${trips} times one after the other, and ${together} at a time.`,
  measures: {
    get: { title: 'Get', unit: 'ns', digits: 0 },
    set: { title: 'Set', unit: 'ns', digits: 0 },
    keyv: { title: 'Get through Keyv, one after the other', unit: 'µs', digits: 1 },
    many: { title: 'Get through Keyv, 100 at a time', unit: 'µs', digits: 1 },
  },
  contenders: {
    'a Map of this process': {
      kind: 'limit',
      setUp: async (parameters) => {
        const keys = keysOf(parameters)
        const order = anyOrder(keys, parameters['calls'])
        const map = new Map(keys.map((key) => [key, contentOf(key)]))
        const other = contentOf('x')
        const { default: Keyv } = await import('keyv')
        const round = await awaited(new Keyv(), keys, parameters['trips'])
        return async () => {
          const read = each(order, (key) => map.get(key)?.[probe] ?? Number.NaN)
          const written = each(order, (key) => map.set(key, Buffer.from(other)).size)
          for (const key of keys) map.set(key, contentOf(key))
          return { get: read.time, set: written.time, check: read.sum, ...(await round()) }
        }
      },
    },
    'posix-mmap': {
      kind: 'package',
      setUp: async (parameters) => {
        const keys = keysOf(parameters)
        const order = anyOrder(keys, parameters['calls'])
        const byteLength = keys.length * bytesEach
        /** @type {SharedMap<Uint8Array>} */
        const map = SharedMap.create(byteLength, { values: 'bytes' })
        for (const key of keys) map.set(key, contentOf(key))
        const other = contentOf('x')
        const { default: Keyv } = await import('keyv')
        const cache = SharedMap.create(byteLength)
        const keyv = new Keyv({ store: new KeyvSharedMap(cache) })
        const round = await awaited(keyv, keys, parameters['trips'])
        return async () => {
          const read = each(order, (key) => map.get(key)?.[probe] ?? Number.NaN)
          const written = each(order, (key) => {
            map.set(key, other)
            return 0
          })
          for (const key of keys) map.set(key, contentOf(key))
          return { get: read.time, set: written.time, check: read.sum, ...(await round()) }
        }
      },
    },
    'lmdb getBinaryFast': {
      kind: 'peer',
      setUp: async (parameters) => {
        const { db, order } = await filledDatabase(parameters, 'fast')
        return () => {
          const read = each(order, (key) => db.getBinaryFast(key)?.[probe] ?? Number.NaN)
          return { get: read.time, check: read.sum }
        }
      },
    },
    'lmdb getBinary': {
      kind: 'peer',
      setUp: async (parameters) => {
        const { db, order } = await filledDatabase(parameters, 'copy')
        return () => {
          const read = each(order, (key) => db.getBinary(key)?.[probe] ?? Number.NaN)
          return { get: read.time, check: read.sum }
        }
      },
    },
    'Redis on loopback': {
      kind: 'peer',
      setUp: async (parameters) => {
        const program = installedServer()
        if (program === undefined) throw new Unavailable(notInstalled)
        const { default: Keyv } = await import('keyv')
        const { default: KeyvRedis } = await import('@keyv/redis')
        const { url } = await startServer(program)
        const keyv = new Keyv({ store: new KeyvRedis(url) })
        return awaited(keyv, keysOf(parameters), parameters['trips'])
      },
    },
  },
  goals: [atMostTimes('get', 3, 'a Map of this process'), asFast('get', 2.5, 'lmdb getBinaryFast')],
}
