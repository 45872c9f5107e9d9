// Producers and a consumer of one MessageRing, which are killed at random and replaced.
//   node test/shared/ring/storm.js [seconds] [careful|careless]
// prints what happened, as JSON. With 'careless' a consumer that takes over believes that the first
// message it gets was seen by the one before, which has to be noticed: the control that this test can
// fail.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SharedMemory } from '../../../dist/index.js'
import { MessageRing } from '../../../dist/shared.js'
import { quantiles } from '../../support/quantiles.js'

const producers = 4
const killEach = 120
const most = 4000

// Words of the notes that survive everybody.
const stop = 0
const violations = 1
const repeated = 2
const received = 3
const sent = 16 // of each producer that ever was, how many messages it knows to be sent
const seen = sent + most // of each, how many were received

/** @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = 1
  for (let i = 12; i < bytes.length; i++) sum = (sum * 31 + (bytes[i] ?? 0)) | 0
  return sum
}

/**
 * @param {Uint8Array} bytes
 * @param {number} number
 * @param {number} sequence
 */
function fill(bytes, number, sequence) {
  for (let i = 12; i < bytes.length; i++) bytes[i] = sequence + i * number
  const head = new DataView(bytes.buffer, bytes.byteOffset)
  head.setInt32(0, number)
  head.setInt32(4, sequence)
  head.setInt32(8, checksum(bytes))
}

/**
 * @param {MessageRing} ring
 * @param {Int32Array} notes
 * @param {number} number
 */
async function produce(ring, notes, number) {
  for (let sequence = 0; Atomics.load(notes, stop) === 0; ) {
    const isLarge = sequence % 10 === 9
    const length = 12 + Math.floor(Math.random() * (isLarge ? 9000 : 200))
    const kind = sequence % 4
    if (kind === 0) {
      const place = ring.reserve(length)
      if (place === null) {
        await delay(0)
        continue
      }
      // Not complete for a while, as with programs that write piece by piece.
      place.fill(255)
      const until = performance.now() + 0.2 * Math.random()
      while (performance.now() < until);
      fill(place, number, sequence)
      ring.commit()
    } else {
      const message = new Uint8Array(length)
      fill(message, number, sequence)
      if (kind === 1) {
        if (!ring.trySend(message)) continue
      } else if (kind === 2) {
        if (!ring.sendSync(message, 1000)) continue
      } else await ring.send(message)
    }
    sequence++
    Atomics.store(notes, sent + number, sequence)
  }
}

/**
 * @param {Int32Array} notes
 * @param {Uint8Array} message
 * @param {boolean} mayRepeat
 */
function look(notes, message, mayRepeat) {
  const head = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const [number, sequence] = [head.getInt32(0), head.getInt32(4)]
  const expected = Atomics.load(notes, seen + number)
  if (mayRepeat && sequence === expected - 1) {
    Atomics.add(notes, repeated, 1)
    return
  }
  if (sequence !== expected || head.getInt32(8) !== checksum(message)) {
    Atomics.add(notes, violations, 1)
    Atomics.store(notes, seen + number, sequence)
  }
  Atomics.add(notes, seen + number, 1)
  Atomics.add(notes, received, 1)
}

/**
 * @param {MessageRing} ring
 * @param {Int32Array} notes
 * @param {number} number
 * @param {boolean} isCareful
 */
async function consume(ring, notes, number, isCareful) {
  let count = 0
  const take = (/** @type {Uint8Array} */ message) => {
    const isFirst = count++ === 0
    if (isFirst && !isCareful && number > 1) return
    look(notes, message, isFirst)
  }
  if (number % 2 === 0) {
    for await (const message of ring) take(message)
    return
  }
  for (;;) {
    const message = ring.receiveSync(50)
    if (message !== null) take(message)
    else if (ring.closed) return
  }
}

/**
 * @param {number} seconds
 * @param {boolean} isCareful
 */
async function storm(seconds, isCareful) {
  const ring = MessageRing.create(1 << 16)
  const memory = SharedMemory.create(4 * (seen + most))
  const notes = memory.view(Int32Array)
  let number = 0
  let consumers = 0
  const kills = { producer: 0, consumer: 0 }
  /** What this process sends itself, as producer 0. */
  const message = new Uint8Array(100)
  /** @type {number[]} */
  const recoveries = []
  const start = (/** @type {'producer' | 'consumer'} */ role) => {
    const mine = role === 'producer' ? ++number : ++consumers
    const paths = [ring.memory, memory].map(({ fd }) => `/proc/${process.pid}/fd/${fd}`)
    const mode = isCareful ? 'careful' : 'careless'
    const args = [fileURLToPath(import.meta.url), role, ...paths, String(mine), mode]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ready = once(/** @type {import('node:stream').Readable} */ (child.stdout), 'data')
    return { role, child, ready, end: once(child, 'close') }
  }
  const alive = [start('consumer'), ...Array.from({ length: producers }, () => start('producer'))]
  await Promise.all(alive.map(({ ready }) => ready))
  const end = performance.now() + 1000 * seconds
  while (performance.now() < end) {
    await delay(killEach * (0.5 + Math.random()))
    const place = Math.floor(Math.random() * 1.5 * alive.length) % alive.length
    const victim = alive[place]
    if (victim === undefined) continue
    await Promise.race([victim.ready, delay(5000)])
    const before = performance.now()
    victim.child.kill('SIGKILL')
    kills[victim.role]++
    // A consumer is missed until the next one has started, which takes much longer.
    if (victim.role === 'producer') {
      const sequence = notes[sent] ?? 0
      fill(message, 0, sequence)
      if (ring.sendSync(message, 60_000)) {
        recoveries.push(performance.now() - before)
        notes[sent] = sequence + 1
      }
    }
    alive[place] = start(victim.role)
  }
  Atomics.store(notes, stop, 1)
  const ends = (/** @type {string} */ role) =>
    Promise.all(alive.filter((one) => one.role === role).map((one) => one.end))
  const isOver = Promise.race([ends('producer'), delay(60_000, null, { ref: false })])
  let endless = (await isOver) === null
  ring.close()
  endless ||= (await Promise.race([ends('consumer'), delay(60_000, null, { ref: false })])) === null
  for (const { child } of alive) child.kill('SIGKILL')
  let lost = 0
  let invented = 0
  for (let i = 0; i <= number; i++) {
    const [given, got] = [notes[sent + i] ?? 0, notes[seen + i] ?? 0]
    if (got < given) lost += given - got
    // One may have been sent when its producer was killed before it could say so.
    if (got > given + 1) invented++
  }
  return {
    kills,
    received: notes[received],
    repeated: notes[repeated],
    violations: notes[violations],
    lost,
    invented,
    endless,
    rest: ring.tryReceive() === null ? 0 : 1,
    /** Milliseconds from the kill(2) of a producer to the end of a sendSync() by this process. */
    recovery: quantiles(recoveries),
  }
}

const [mode = '5', ...rest] = process.argv.slice(2)
if (mode === 'producer' || mode === 'consumer') {
  const [place = '', other = '', number, care] = rest
  const ring = MessageRing.attach(SharedMemory.open(place))
  const notes = SharedMemory.open(other).view(Int32Array)
  process.stdout.write('ready\n')
  if (mode === 'producer') await produce(ring, notes, Number(number))
  else await consume(ring, notes, Number(number), care === 'careful')
} else {
  console.log(JSON.stringify(await storm(Number(mode), rest[0] !== 'careless')))
  process.exit()
}
