// @ts-check
// The other process of the case 'locks'.
//
//   node lock-peer.js PART TIMES, with what withShared() passes on

import { connect } from 'node:net'
import { SharedMemory } from '../../../dist/index.js'
import { futexNotify, futexWait, futexWaitAsync, Mutex } from '../../../dist/sync.js'

const [, , part = '', times = '0', path = ''] = process.argv

const words = () => SharedMemory.inherited('memory').view(Int32Array, Mutex.byteLength)

/** Where in the words what is; a line of the cache each. */
export const place = { ping: 12, pong: 28, start: 44, count: 60 }

/**
 * @param {Int32Array} list
 * @param {number} index
 * @param {number} before
 */
export function waitForChange(list, index, before) {
  while (Atomics.load(list, index) === before) futexWait(list, index, before)
}

/**
 * @param {Int32Array} list
 * @param {number} index
 * @param {number} before
 */
export async function changed(list, index, before) {
  while (Atomics.load(list, index) === before) await futexWaitAsync(list, index, before).value
}

/**
 * @param {Int32Array} list
 * @param {number} index
 */
export function bump(list, index) {
  Atomics.add(list, index, 1)
  futexNotify(list, index, 1)
}

/** @type {Record<string, () => unknown>} */
const parts = {
  blocking: () => {
    const list = words()
    for (let i = 0; i < Number(times); i++) {
      waitForChange(list, place.ping, i)
      bump(list, place.pong)
    }
  },
  waiting: async () => {
    const list = words()
    for (let i = 0; i < Number(times); i++) {
      await changed(list, place.ping, i)
      bump(list, place.pong)
    }
  },
  messages: () => {
    process.on('message', (message) => process.send?.(message))
  },
  socket: () => {
    const socket = connect(path)
    socket.on('data', (data) => socket.write(data))
  },
  taking: () => {
    const memory = SharedMemory.inherited('memory')
    const mutex = new Mutex(memory)
    const list = words()
    process.send?.('ready')
    waitForChange(list, place.start, 0)
    for (let i = 0; i < Number(times); i++) {
      mutex.lockSync()
      list[place.count] = (list[place.count] ?? 0) + 1
      mutex.unlock()
    }
    process.disconnect()
  },
}

if (part in parts) await parts[part]?.()
