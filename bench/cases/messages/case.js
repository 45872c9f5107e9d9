// @ts-check
// Messages from one process to another, and records that are only written.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SharedMemory, withShared } from '../../../dist/index.js'
import { Broadcast, MessageRing } from '../../../dist/shared.js'
import { asFast, atMost, ratio } from '../../lib/goals.js'

const peer = fileURLToPath(new URL('messages-peer.js', import.meta.url))

const smallBytes = 64
const largeBytes = 1 << 16
const loanBytes = 1 << 22
/** Payloads that can be on their way at once. */
const places = 64
const recordBytes = 120
const readers = 2
/** Messages of process.send() between two waits for the pipe. */
const window = 128

/**
 * @param {string} how
 * @param {number} count
 * @param {number} bytes
 * @param {import('node:child_process').ForkOptions} [options]
 */
async function start(how, count, bytes, options = {}) {
  const child = fork(peer, [how, String(count), String(bytes)], options)
  const ended = once(child, 'close')
  await once(child, 'message')
  return { child, ended, begin: () => child.send('begin') }
}

/** Measures from the fifth part of the messages on, when both processes have compiled what they run. */
class Clock {
  #started = 0
  #left
  #counted

  /** @param {number} count */
  constructor(count) {
    this.#left = count
    this.#counted = Math.ceil(count * 0.8)
  }

  /** @returns {boolean} whether it was the last */
  received() {
    if (--this.#left === this.#counted) this.#started = performance.now()
    return this.#left === 0
  }

  /** Nanoseconds for each message. */
  get each() {
    return ((performance.now() - this.#started) / this.#counted) * 1e6
  }
}

/** @param {Uint8Array} message */
function check(message) {
  if (message[0] !== 7 || message[message.length - 1] !== 7) throw new Error('not what was sent')
}

/**
 * @param {number} count
 * @param {number} bytes
 */
async function iterated(count, bytes) {
  const ring = MessageRing.create(bytes === smallBytes ? 1 << 20 : 1 << 22)
  const { ended, begin } = await start('ring', count, bytes, withShared({ ring: ring.memory }))
  const clock = new Clock(count)
  begin()
  for await (const message of ring) {
    check(message)
    if (clock.received()) break
  }
  const { each } = clock
  await ended
  ring[Symbol.dispose]()
  return each
}

/**
 * Looks at the messages where they are, and only waits, for a copy of the next one, when there is none.
 *
 * @param {number} count
 * @param {number} bytes
 */
async function inPlace(count, bytes) {
  const ring = MessageRing.create(bytes === smallBytes ? 1 << 20 : 1 << 22)
  const { ended, begin } = await start('ring', count, bytes, withShared({ ring: ring.memory }))
  const clock = new Clock(count)
  begin()
  do check(ring.tryReceive() ?? (await ring.receive()))
  while (!clock.received())
  const { each } = clock
  await ended
  ring[Symbol.dispose]()
  return each
}

/** @param {number} count */
async function loans(count) {
  const ring = MessageRing.create(1 << 16)
  const returned = MessageRing.create(1 << 16)
  const payloads = SharedMemory.create(places * loanBytes)
  const shared = withShared({ ring: ring.memory, returned: returned.memory, payloads })
  const { ended, begin } = await start('lending', count, loanBytes, shared)
  const memory = payloads.bytes()
  const clock = new Clock(count)
  const place = new Uint8Array(4)
  const number = new DataView(place.buffer)
  begin()
  for await (const loan of ring) {
    const numbers = new DataView(loan.buffer, loan.byteOffset)
    const [offset, length] = [numbers.getUint32(0, true), numbers.getUint32(4, true)]
    check(memory.subarray(offset, offset + length))
    number.setUint32(0, offset, true)
    if (!returned.trySend(place)) throw new Error('there is room for all places')
    if (clock.received()) break
  }
  const { each } = clock
  await ended
  for (const structure of [ring, returned]) structure[Symbol.dispose]()
  payloads.unmap()
  return each
}

/**
 * Microseconds until a message has come back, or one that says where a payload is.
 *
 * @param {number} count
 * @param {boolean} isLoan
 */
async function roundTrip(count, isLoan) {
  const ring = MessageRing.create(1 << 16)
  const answers = MessageRing.create(1 << 16)
  const payloads = SharedMemory.create(loanBytes)
  const memory = payloads.bytes()
  const shared = withShared({ ring: ring.memory, answers: answers.memory, payloads })
  const { ended, begin } = await start(isLoan ? 'borrowing' : 'answering', count, 0, shared)
  const message = new Uint8Array(isLoan ? 8 : smallBytes)
  const numbers = new DataView(message.buffer)
  const clock = new Clock(count)
  begin()
  do {
    if (isLoan) {
      memory[0] = 7
      memory[loanBytes - 1] = 7
      numbers.setUint32(4, loanBytes, true)
    }
    ring.trySend(message)
    await answers.receive()
  } while (!clock.received())
  const { each } = clock
  ring.close()
  await ended
  for (const structure of [ring, answers]) structure[Symbol.dispose]()
  payloads.unmap()
  return each / 1000
}

/** @param {number} count */
async function polled(count) {
  const ring = MessageRing.create(1 << 20, { producers: 'single' })
  const shared = withShared({ ring: ring.memory })
  const { ended, begin } = await start('polling', count, smallBytes, shared)
  const clock = new Clock(count)
  begin()
  for (;;) {
    const message = ring.tryReceive()
    if (message === null) continue
    check(message)
    if (clock.received()) break
  }
  const { each } = clock
  await ended
  ring[Symbol.dispose]()
  return each
}

/** @param {number} count */
async function published(count) {
  const broadcast = Broadcast.create(1 << 20, { policy: 'block' })
  const message = new Uint8Array(smallBytes).fill(7)
  const shared = withShared({ broadcast: broadcast.memory })
  const all = await Promise.all(
    Array.from({ length: readers }, () => start('reader', count, smallBytes, shared)),
  )
  const done = Promise.all(all.map(({ child }) => once(child, 'message')))
  for (const { begin } of all) begin()
  const started = performance.now()
  for (let i = 0; i < count; i++) while (!broadcast.publish(message)) await nextTurn()
  await done
  const each = ((performance.now() - started) / count) * 1e6
  await Promise.all(all.map(({ ended }) => ended))
  broadcast[Symbol.dispose]()
  return each
}

/**
 * @param {number} count
 * @param {number} bytes
 * @param {'strings' | 'bytes'} how
 */
async function sent(count, bytes, how) {
  const serialization = how === 'strings' ? 'json' : 'advanced'
  const { child, ended, begin } = await start(how, count, bytes, { serialization })
  const clock = new Clock(count)
  const last = new Promise((resolve) => {
    child.on('message', (message) => {
      const length = /** @type {string | Uint8Array} */ (/** @type {unknown} */ (message)).length
      if (length !== bytes) throw new Error('not what was sent')
      if (clock.received()) resolve(undefined)
    })
  })
  begin()
  await last
  const { each } = clock
  await ended
  return each
}

/**
 * Microseconds until a message was answered by a short one.
 *
 * @param {number} count
 * @param {number} bytes
 * @param {'strings' | 'bytes'} how
 */
async function answered(count, bytes, how) {
  const serialization = how === 'strings' ? 'json' : 'advanced'
  const { child, ended } = await start('echo', count, bytes, { serialization })
  const message = how === 'strings' ? 'x'.repeat(bytes) : new Uint8Array(bytes).fill(7)
  const clock = new Clock(count)
  do {
    child.send(message)
    await once(child, 'message')
  } while (!clock.received())
  const { each } = clock
  await ended
  return each / 1000
}

/**
 * @param {number} count
 * @param {'strings' | 'bytes'} how
 */
async function sentToAll(count, how) {
  const serialization = how === 'strings' ? 'json' : 'advanced'
  const message = how === 'strings' ? 'x'.repeat(smallBytes) : new Uint8Array(smallBytes).fill(7)
  const all = await Promise.all(
    Array.from({ length: readers }, () => start('listener', count, smallBytes, { serialization })),
  )
  const done = Promise.all(all.map(({ child }) => once(child, 'message')))
  const started = performance.now()
  for (let i = 0; i < count; i++) {
    if (i % window !== 0) {
      for (const { child } of all) child.send(message)
      continue
    }
    // No more on their way than the pipes take.
    await Promise.all(
      all.map(({ child }) => new Promise((resolve) => child.send(message, undefined, {}, resolve))),
    )
  }
  await done
  const each = ((performance.now() - started) / count) * 1e6
  await Promise.all(all.map(({ ended }) => ended))
  return each
}

/**
 * Nanoseconds of each call.
 *
 * @param {number} times
 * @param {() => void} body
 */
function eachOf(times, body) {
  const started = performance.now()
  for (let i = 0; i < times; i++) body()
  return ((performance.now() - started) / times) * 1e6
}

/**
 * Into a log that keeps the last records.
 *
 * @param {number} times
 * @param {Uint8Array | string} record
 */
function recorded(times, record) {
  const log = Broadcast.create(1 << 20)
  const each = eachOf(times, () => log.publish(record))
  log[Symbol.dispose]()
  return each
}

/**
 * Into a ring that is emptied now and then, which does not count.
 *
 * @param {number} times
 * @param {Uint8Array} record
 */
function sentOnly(times, record) {
  const ring = MessageRing.create(1 << 20, { producers: 'single' })
  const batch = Math.floor(ring.capacity / (2 * recordBytes))
  let total = 0
  for (let left = times; left > 0; left -= batch) {
    const count = Math.min(left, batch)
    total += count * eachOf(count, () => ring.trySend(record))
    while (ring.tryReceive() !== null);
  }
  ring[Symbol.dispose]()
  return total / times
}

/**
 * @param {number} times
 * @param {string} path
 */
function writtenToFile(times, path) {
  const record = new Uint8Array(recordBytes).fill(7)
  const fd = fs.openSync(path, 'w')
  const each = eachOf(times, () => fs.writeSync(fd, record))
  fs.closeSync(fd)
  fs.rmSync(path)
  return each
}

/**
 * @param {string} measure
 * @param {number} factor
 * @param {string} other another measure
 * @param {string} title
 * @returns {import('../../lib/types.js').Goal}
 */
function asLongAs(measure, factor, other, title) {
  return {
    measure,
    text: `posix-mmap at most ${factor} × ${title}`,
    value: (median) => ratio(median('posix-mmap', measure), median('posix-mmap', other)),
    met: (value) => value <= factor,
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'Messages between processes',
  prepare({ scratch, quick }) {
    return {
      small: quick ? 2_000 : 500_000,
      loans: quick ? 500 : 200_000,
      trips: quick ? 100 : 5_000,
      largeTrips: quick ? 5 : 50,
      large: quick ? 100 : 5_000,
      pipe: quick ? 500 : 40_000,
      largePipe: quick ? 50 : 2_000,
      records: quick ? 5_000 : 1_000_000,
      polled: quick ? 5_000 : 2_000_000,
      file: join(scratch.directory, 'records'),
    }
  },
  describe: ({ small, large, loans, trips, pipe, largePipe, records, polled }) =>
    `One process sends, another receives by its event loop: ${small} messages of 64 bytes, ${large} of ` +
    `64 KiB, and ${loans} of 4 MiB that stay in one of ${places} places of a SharedMemory, where only the first ` +
    `and the last byte are written and read; a message says where, and another gives the place back. ${trips} messages go there and back one at ` +
    `a time. ` +
    `process.send() sends ${pipe} and ${largePipe} messages, as strings and, with serialization: ` +
    `'advanced', as bytes. The first fifth is not counted. Then two processes that poll, ${polled} times; ` +
    `one writer and ${readers} readers that are waited for; and ${records} records of ${recordBytes} bytes ` +
    `that nobody reads, the oldest of which go.`,
  measures: {
    small: { title: '64 bytes', unit: 'ns', digits: 0 },
    large: { title: '64 KiB', unit: 'ns', digits: 0 },
    loan: { title: '4 MiB that stay in place', unit: 'ns', digits: 0 },
    trip: { title: 'There and back, 64 bytes', unit: 'µs', digits: 1 },
    loanTrip: { title: 'There and back, 4 MiB', unit: 'µs', digits: 1 },
    polled: { title: '64 bytes, both polling', unit: 'ns', digits: 0 },
    broadcast: { title: `64 bytes to ${readers} readers`, unit: 'ns', digits: 0 },
    record: { title: `A record of ${recordBytes} bytes`, unit: 'ns', digits: 0 },
  },
  contenders: {
    C: {
      kind: 'limit',
      program: 'messages',
      arguments: ({ polled, records }) => [polled, records],
    },
    'posix-mmap': {
      kind: 'package',
      setUp: (counts) => async () => ({
        small: await iterated(counts.small, smallBytes),
        large: await iterated(counts.large, largeBytes),
        loan: await loans(counts.loans),
        trip: await roundTrip(counts.trips, false),
        loanTrip: await roundTrip(counts.trips, true),
        polled: await polled(counts.polled),
        broadcast: await published(counts.small),
        record: recorded(counts.records, new Uint8Array(recordBytes).fill(7)),
      }),
    },
    'posix-mmap, in place': {
      kind: 'package',
      setUp: (counts) => async () => ({
        small: await inPlace(counts.small, smallBytes),
        large: await inPlace(counts.large, largeBytes),
      }),
    },
    'posix-mmap, a string': {
      kind: 'package',
      setUp: (counts) => () => ({ record: recorded(counts.records, 'x'.repeat(recordBytes)) }),
    },
    'posix-mmap, trySend()': {
      kind: 'package',
      setUp: (counts) => () => ({
        record: sentOnly(counts.records, new Uint8Array(recordBytes).fill(7)),
      }),
    },
    'process.send': {
      kind: 'peer',
      setUp: (counts) => async () => ({
        small: await sent(counts.pipe, smallBytes, 'strings'),
        large: await sent(counts.largePipe, largeBytes, 'strings'),
        trip: await answered(counts.trips, smallBytes, 'strings'),
        loanTrip: await answered(counts.largeTrips, loanBytes, 'strings'),
        broadcast: await sentToAll(counts.pipe, 'strings'),
      }),
    },
    'process.send, bytes': {
      kind: 'peer',
      setUp: (counts) => async () => ({
        small: await sent(counts.pipe, smallBytes, 'bytes'),
        large: await sent(counts.largePipe, largeBytes, 'bytes'),
        trip: await answered(counts.trips, smallBytes, 'bytes'),
        loanTrip: await answered(counts.largeTrips, loanBytes, 'bytes'),
        broadcast: await sentToAll(counts.pipe, 'bytes'),
      }),
    },
    'fs.writeSync': {
      kind: 'peer',
      setUp: (counts) => () => ({
        record: writtenToFile(Math.ceil(counts.records / 10), counts.file),
      }),
    },
  },
  goals: [
    asFast('small', 20, 'process.send'),
    asFast('small', 20, 'process.send, bytes'),
    asFast('large', 8, 'process.send'),
    asFast('large', 8, 'process.send, bytes'),
    asLongAs('loan', 2, 'small', '64 bytes'),
    asLongAs('loanTrip', 2, 'trip', '64 bytes there and back'),
    asFast('polled', 0.5, 'C'),
    atMost('record', 100, 'ns'),
  ],
}
