// @ts-check
// Locking, and waking another process.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SharedMemory, withShared } from '../../../dist/index.js'
import { futexNotify, Mutex } from '../../../dist/sync.js'
import { asFast, atMostTimes } from '../../lib/goals.js'
import { bump, changed, place, waitForChange } from './lock-peer.js'

const peer = fileURLToPath(new URL('./lock-peer.js', import.meta.url))

function makeMemory() {
  const memory = SharedMemory.create(1 << 12)
  return { memory, words: memory.view(Int32Array, Mutex.byteLength) }
}

/** @param {number} times */
function uncontended(times) {
  const { memory } = makeMemory()
  const mutex = new Mutex(memory)
  const some = 1000
  const pairs = () => {
    for (let i = 0; i < some; i++) {
      mutex.lockSync()
      mutex.unlock()
    }
  }
  const all = () => {
    const start = performance.now()
    for (let i = 0; i < times; i += some) pairs()
    return ((performance.now() - start) / times) * 1e6
  }
  // The compiler has seen all of it, and not only a loop that it had to replace while it ran.
  all()
  return all()
}

/**
 * @param {number} times
 * @param {'blocking' | 'waiting'} how
 */
async function roundTrip(times, how) {
  const { memory, words } = makeMemory()
  const child = fork(peer, [how, String(times)], withShared({ memory }))
  const ended = once(child, 'close')
  // The other process starts meanwhile.
  bump(words, place.ping)
  await changed(words, place.pong, 0)
  const start = performance.now()
  for (let i = 1; i < times; i++) {
    bump(words, place.ping)
    if (how === 'blocking') waitForChange(words, place.pong, i)
    else await changed(words, place.pong, i)
  }
  const each = ((performance.now() - start) / (times - 1)) * 1e3
  await ended
  return each
}

/**
 * @param {number} times
 * @param {number} processes
 */
async function contended(times, processes) {
  const { memory, words } = makeMemory()
  const children = Array.from({ length: processes }, () =>
    fork(peer, ['taking', String(times)], withShared({ memory })),
  )
  await Promise.all(children.map((child) => once(child, 'message')))
  const ended = Promise.all(children.map((child) => once(child, 'disconnect')))
  await new Promise((resolve) => setTimeout(resolve, 50))
  const start = performance.now()
  Atomics.store(words, place.start, 1)
  futexNotify(words, place.start)
  await ended
  if (words[place.count] !== times * processes) throw new Error(`counted ${words[place.count]}`)
  return ((performance.now() - start) / (times * processes)) * 1e3
}

/** @param {number} times */
async function messages(times) {
  const child = fork(peer, ['messages'])
  for (let i = 0; i < 10; i++) {
    child.send(i)
    await once(child, 'message')
  }
  const start = performance.now()
  await new Promise((resolve) => {
    let left = times
    child.on('message', () => (--left === 0 ? resolve(undefined) : child.send(left)))
    child.send(left)
  })
  const each = ((performance.now() - start) / times) * 1e3
  child.kill()
  return each
}

/**
 * @param {number} times
 * @param {string} path
 */
async function socketMessages(times, path) {
  const server = createServer().listen(path)
  await once(server, 'listening')
  const child = fork(peer, ['socket', '0', path])
  const [socket] = await once(server, 'connection')
  const start = performance.now()
  await new Promise((resolve) => {
    let left = times
    socket.on('data', () => (--left === 0 ? resolve(undefined) : socket.write('x')))
    socket.write('x')
  })
  const each = ((performance.now() - start) / times) * 1e3
  socket.destroy()
  server.close()
  child.kill()
  return each
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Locks, and waking another process',
  prepare({ scratch, quick }) {
    return {
      locks: quick ? 20_000 : 3_000_000,
      trips: quick ? 200 : 20_000,
      takes: quick ? 500 : 50_000,
      processes: 4,
      socket: join(scratch.directory, 'socket'),
    }
  },
  describe: ({ locks, trips, takes, processes }) =>
    `A robust mutex is locked and unlocked ${locks} times by one thread, and ${takes} times by each of ` +
    `${processes} processes at once, with one addition in between. Two processes wake each other ` +
    `${trips} times, blocked or by their event loops.`,
  measures: {
    uncontended: { title: 'Lock and unlock, alone', unit: 'ns', digits: 1 },
    contended: { title: 'Lock and unlock, wanted by all', unit: 'µs', digits: 3 },
    roundTrip: { title: 'Round trip, blocked', unit: 'µs', digits: 1 },
    loopTrip: { title: 'Round trip by the event loop', unit: 'µs', digits: 1 },
  },
  contenders: {
    C: {
      kind: 'limit',
      program: 'locks',
      arguments: ({ locks, trips, takes, processes }) => [locks, trips, takes, processes],
    },
    'posix-mmap': {
      kind: 'package',
      setUp:
        ({ locks, trips, takes, processes }) =>
        async () => ({
          uncontended: uncontended(locks),
          roundTrip: await roundTrip(trips, 'blocking'),
          loopTrip: await roundTrip(Math.ceil(trips / 4), 'waiting'),
          contended: await contended(takes, processes),
        }),
    },
    'process.send': {
      kind: 'peer',
      setUp:
        ({ trips }) =>
        async () => {
          const each = await messages(Math.ceil(trips / 4))
          return { roundTrip: each, loopTrip: each }
        },
    },
    'Unix socket': {
      kind: 'peer',
      setUp: ({ trips, socket }) => {
        let number = 0
        return async () => {
          const each = await socketMessages(
            Math.ceil(trips / 4),
            `${socket}-${process.pid}-${number++}`,
          )
          return { roundTrip: each, loopTrip: each }
        }
      },
    },
  },
  goals: [
    atMostTimes('uncontended', 1.5, 'C'),
    atMostTimes('roundTrip', 1.3, 'C'),
    asFast('roundTrip', 3, 'process.send'),
    asFast('loopTrip', 1, 'process.send'),
  ],
}
