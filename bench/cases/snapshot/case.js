// @ts-check
// Reading what another process publishes, and publishing it.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { SharedMemory, withShared } from '../../../dist/index.js'
import { Snapshot } from '../../../dist/shared.js'
import { Mutex } from '../../../dist/sync.js'
import { asFast, atMost } from '../../lib/goals.js'

const peer = fileURLToPath(new URL('./snapshot-peer.js', import.meta.url))
const content = new Uint8Array(100).fill(7)

/**
 * Nanoseconds of each call.
 *
 * @param {number} times
 * @param {() => number} body
 */
function each(times, body) {
  let sum = 0
  const start = performance.now()
  for (let i = 0; i < times; i++) sum += body()
  const elapsed = performance.now() - start
  if (Number.isNaN(sum)) throw new Error('read what is not there')
  return (elapsed / times) * 1e6
}

const first = (/** @type {Uint8Array} */ bytes) => bytes[0] ?? Number.NaN

/**
 * Reads while another process publishes without a pause.
 *
 * @param {number} times
 */
async function besideWriter(times) {
  const snapshot = Snapshot.create(100)
  snapshot.publish(content)
  const child = fork(peer, ['publishing'], withShared({ memory: snapshot.memory }))
  await once(child, 'message')
  const result = each(times, () => snapshot.read(first) ?? Number.NaN)
  child.kill('SIGKILL')
  await once(child, 'close')
  snapshot.dispose()
  return result
}

/**
 * Microseconds until the other process has answered.
 *
 * @param {number} times
 */
async function roundTrip(times) {
  const memory = Snapshot.create(100)
  const answers = Snapshot.create(100)
  const shared = withShared({ memory: memory.memory, answers: answers.memory })
  const child = fork(peer, ['answering', String(times)], shared)
  await once(child, 'message')
  const ended = once(child, 'close')
  const changes = answers.changes()
  const start = performance.now()
  for (let i = 0; i < times; i++) {
    memory.publish(content)
    await changes.next()
  }
  const result = ((performance.now() - start) / times) * 1e3
  await ended
  memory.dispose()
  answers.dispose()
  return result
}

/** @param {number} times */
async function messages(times) {
  const child = fork(peer, ['messages'], { serialization: 'advanced' })
  child.send(content)
  await once(child, 'message')
  const start = performance.now()
  await new Promise((resolve) => {
    let left = times
    child.on('message', () => (--left === 0 ? resolve(undefined) : child.send(content)))
    child.send(content)
  })
  const result = ((performance.now() - start) / times) * 1e3
  child.kill()
  await once(child, 'close')
  return result
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'A snapshot that processes share',
  prepare: ({ quick }) => ({
    reads: quick ? 50_000 : 5_000_000,
    publishes: quick ? 5_000 : 300_000,
    trips: quick ? 100 : 5_000,
  }),
  describe: ({ reads, publishes, trips }) =>
    `100 bytes are read ${reads} times, and replaced ${publishes} times; the second measure is reading while ` +
    `another process replaces them all the time. Two processes answer each other ${trips} times.`,
  measures: {
    read: { title: 'Read', unit: 'ns', digits: 1 },
    beside: { title: 'Read beside a writer', unit: 'ns', digits: 1 },
    publish: { title: 'Publish', unit: 'ns', digits: 0 },
    roundTrip: { title: 'Round trip by the event loop', unit: 'µs', digits: 1 },
  },
  contenders: {
    'a Map of this process': {
      kind: 'limit',
      setUp: ({ reads, publishes }) => {
        const map = new Map([['state', Buffer.from(content)]])
        return () => ({
          read: each(reads, () => first(map.get('state') ?? content)),
          publish: each(publishes, () => map.set('state', Buffer.from(content)).size),
        })
      },
    },
    'posix-mmap': {
      kind: 'package',
      setUp: ({ reads, publishes, trips }) => {
        const snapshot = Snapshot.create(100)
        snapshot.publish(content)
        return async () => ({
          read: each(reads, () => snapshot.read(first) ?? Number.NaN),
          publish: each(publishes, () => snapshot.publish(content)),
          beside: await besideWriter(reads),
          roundTrip: await roundTrip(trips),
        })
      },
    },
    'a copy under a Mutex': {
      kind: 'peer',
      setUp: ({ reads, publishes }) => {
        const memory = SharedMemory.create(4096)
        const mutex = new Mutex(memory)
        const bytes = memory.bytes(64, 100)
        const copy = new Uint8Array(100)
        return () => ({
          read: each(reads, () => {
            mutex.lockSync()
            copy.set(bytes)
            mutex.unlock()
            return first(copy)
          }),
          publish: each(publishes, () => {
            mutex.lockSync()
            bytes.set(content)
            mutex.unlock()
            return 1
          }),
        })
      },
    },
    'process.send': {
      kind: 'peer',
      setUp:
        ({ trips }) =>
        async () => ({ roundTrip: await messages(trips) }),
    },
  },
  goals: [atMost('read', 40, 'ns'), asFast('roundTrip', 1, 'process.send')],
}
