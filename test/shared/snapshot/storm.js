// Processes that read and publish while they are killed at random.
//   node test/shared/snapshot/storm.js [seconds] [whole|torn]
// prints what happened, as JSON. With 'torn' some writers write into the newest slot, where readers are,
// which has to be noticed: the control that this test can fail.

import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { SharedMemory } from '../../../dist/index.js'
import { Snapshot } from '../../../dist/shared.js'
import { quantiles } from '../../support/quantiles.js'

const bytes = 4096
const readers = 4
const writers = 2
const killEach = 120

// Words of the counters.
const stop = 0
const mixed = 1 // reads whose words do not belong together
const backwards = 2 // a reader that saw an older version than before
const stale = 3 // a read that began after a publish returned, and saw an older version
const reads = 4
const publishes = 5
const refused = 6 // publishes that found no slot in time
const newest = 7 // the last version whose publish has returned

/** Raises the word. @param {Int32Array} words @param {number} version */
function returned(words, version) {
  for (;;) {
    const found = Atomics.load(words, newest)
    if (found >= version || Atomics.compareExchange(words, newest, found, version) === found) return
  }
}

/** @param {Uint8Array} view */
const wordsOf = (view) => new Int32Array(view.buffer, view.byteOffset, view.length / 4)

/** @param {Snapshot} snapshot @param {Int32Array} words */
function read(snapshot, words) {
  let last = 0
  while (Atomics.load(words, stop) === 0) {
    for (let round = 0; round < 100; round++) {
      const before = Atomics.load(words, newest)
      snapshot.read((view, version) => {
        const content = wordsOf(view)
        // From one end and the other, as the writer is at work on neither.
        const seed = content[0] ?? 0
        for (let at = content.length - 1; at > 0; at--) {
          if (content[at] !== ((seed + at) | 0)) {
            Atomics.add(words, mixed, 1)
            break
          }
        }
        if (version < last) Atomics.add(words, backwards, 1)
        if (version < before) Atomics.add(words, stale, 1)
        last = version
      })
    }
    Atomics.add(words, reads, 100)
  }
}

/** @param {Snapshot} snapshot @param {Int32Array} words @param {boolean} tears */
function write(snapshot, words, tears) {
  while (Atomics.load(words, stop) === 0) {
    let seed = (Math.random() * 2 ** 31) | 0
    // Of another length each time.
    const length = 4 * (1 + (((Math.random() * bytes) / 4) | 0))
    const fill = (/** @type {Uint8Array} */ target) => {
      const content = wordsOf(target)
      for (let at = 0; at < content.length; at++) content[at] = (seed + at) | 0
    }
    try {
      returned(words, snapshot.publishWith(length, fill, { timeout: 60_000 }))
      Atomics.add(words, publishes, 1)
    } catch (error) {
      if (Reflect.get(/** @type {object} */ (error), 'code') !== 'ERR_SHARED_FULL') throw error
      Atomics.add(words, refused, 1)
    }
    seed++
    if (tears) snapshot.read(fill)
  }
}

/** @param {string} role @param {Snapshot} snapshot @param {Int32Array} words */
function work(role, snapshot, words) {
  if (role === 'read') read(snapshot, words)
  else write(snapshot, words, role === 'tear')
}

/** @param {string} role @param {string} path @param {string} counters */
async function child(role, path, counters) {
  const memory = SharedMemory.open(path)
  const snapshot = Snapshot.attach(memory)
  const words = SharedMemory.open(counters).view(Int32Array)
  process.stdout.write('ready\n')
  // A reader has a second thread, which goes with it.
  if (role === 'read') new Worker(new URL(import.meta.url), { workerData: { path, counters } })
  await delay(1)
  work(role, snapshot, words)
}

/** @param {number} seconds @param {boolean} tears */
async function storm(seconds, tears) {
  const snapshot = Snapshot.create(bytes, { readers: 32, slots: 4 })
  const counters = SharedMemory.create(4096)
  const words = counters.view(Int32Array)
  const place = (/** @type {SharedMemory} */ { fd }) => `/proc/${process.pid}/fd/${fd}`
  snapshot.publishWith(4, (target) => target.fill(0))
  /** @type {{ role: string, child: import('node:child_process').ChildProcess, ready: boolean, end: Promise<unknown> }[]} */
  const alive = []
  const start = (/** @type {string} */ role) => {
    const args = [fileURLToPath(import.meta.url), role, place(snapshot.memory), place(counters)]
    const one = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const end = new Promise((resolve) => one.once('close', resolve))
    const entry = { role, child: one, ready: false, end }
    one.stdout?.once('data', () => {
      entry.ready = true
    })
    alive.push(entry)
  }
  for (let i = 0; i < readers; i++) start('read')
  for (let i = 0; i < writers; i++) start(tears ? 'tear' : 'write')
  while (alive.some(({ ready }) => !ready)) await delay(10)
  let kills = 0
  /** The longest time, in milliseconds, without a publish that returned. */
  let standstill = 0
  /** @type {number[]} */
  const recoveries = []
  let last = { version: 0, at: performance.now() }
  const end = performance.now() + 1000 * seconds
  while (performance.now() < end) {
    await delay(killEach)
    const version = Atomics.load(words, newest)
    const now = performance.now()
    if (version !== last.version) last = { version, at: now }
    else standstill = Math.max(standstill, now - last.at)
    const ready = alive.filter((entry) => entry.ready)
    const victim = ready[Math.floor(Math.random() * ready.length)]
    if (victim === undefined) continue
    alive.splice(alive.indexOf(victim), 1)
    const before = performance.now()
    victim.child.kill('SIGKILL')
    // Takes the lock over if the dead writer had it, and the holds away of a reader that is in the way.
    returned(
      words,
      snapshot.publishWith(4, (target) => target.fill(0), { timeout: 60_000 }),
    )
    recoveries.push(performance.now() - before)
    Atomics.add(words, publishes, 1)
    kills++
    start(victim.role)
  }
  Atomics.store(words, stop, 1)
  const over = Promise.all(alive.map((entry) => entry.end))
  await Promise.race([over, delay(60_000, undefined, { ref: false })])
  const endless = alive.filter(({ child }) => child.exitCode === null).length
  for (const entry of alive) entry.child.kill('SIGKILL')
  const count = (/** @type {number} */ index) => Atomics.load(words, index)
  const before = snapshot.version
  // Every slot can be had again: more publishes than there are slots.
  let after = 0
  for (let i = 0; i < 20; i++) after = snapshot.publish('abcd')
  return {
    kills,
    mixed: count(mixed),
    backwards: count(backwards),
    stale: count(stale),
    lost: Math.max(0, count(newest) - before),
    endless,
    // A version for each publish, but for those that were not counted because of a kill.
    versions: before - 1 >= count(publishes) && before - 1 <= count(publishes) + kills,
    free: after === before + 20,
    reads: count(reads),
    publishes: count(publishes),
    refused: count(refused),
    standstill: Math.round(standstill),
    /** Milliseconds from kill(2) to the end of a publish by this process. */
    recovery: quantiles(recoveries),
  }
}

const [mode = '5', ...rest] = process.argv.slice(2)
if (!isMainThread) {
  const { path, counters } = workerData
  read(Snapshot.attach(SharedMemory.open(path)), SharedMemory.open(counters).view(Int32Array))
} else if (['read', 'write', 'tear'].includes(mode)) {
  await child(mode, rest[0] ?? '', rest[1] ?? '')
} else {
  console.log(JSON.stringify(await storm(Number(mode), rest[0] === 'torn')))
}
