// Processes that work on shared data under a mutex while they are killed at random.
//   node test/sync/storm.js [seconds] [repair|neglect]
// prints what happened, as JSON. With 'neglect' whoever takes over from a dead owner does not repair the
// data, which has to be noticed: the control that this test can fail.

import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SharedMemory } from '../../dist/index.js'
import { Mutex } from '../../dist/sync.js'
import { quantiles } from '../support/quantiles.js'

const workers = 8
const killEach = 300
const logged = 2000

// Words after the mutex.
const first = 0 // the data: two words that are equal, and the sum of all `done`
const second = 1
const inside = 2 // the number of the process in the critical section
const stop = 3
const violations = 4
const takeovers = 5
const acquisitions = 6
const done = 8 // one for each place, and one for what the dead had done
const longest = done + workers + 1 // microseconds that somebody waited
const log = longest + workers

/** Microseconds of the clock that all processes share, in 32 bits. */
const now = () => Number((process.hrtime.bigint() / 1000n) & 0x3fffffffn)

/**
 * @param {SharedMemory} memory
 */
function parts(memory) {
  return {
    mutex: new Mutex(memory),
    words: memory.view(Int32Array, Mutex.byteLength),
    /** Longer than this: the number of each process that was found dead, and when. */
    size: Mutex.byteLength + 4 * (log + 2 * logged),
  }
}

/** @param {Int32Array} words */
function sumOf(words) {
  let sum = 0
  for (let i = 0; i <= workers; i++) sum += words[done + i] ?? 0
  return sum
}

/**
 * @param {string} path
 * @param {number} place
 * @param {number} number
 * @param {boolean} repairs
 */
async function work(path, place, number, repairs) {
  const { mutex, words } = parts(SharedMemory.open(path))
  process.stdout.write('ready\n')
  const violation = (/** @type {string} */ what) => {
    Atomics.add(words, violations, 1)
    if (repairs) process.stderr.write(`${what}\n`)
  }
  /** Not at once, as programs do it. */
  const add = (/** @type {number} */ index) => {
    words[index] = (words[index] ?? 0) + 1
  }
  const blocks = place % 2 === 0
  while (Atomics.load(words, stop) === 0) {
    const before = performance.now()
    if (blocks) mutex.lockSync()
    else await mutex.lock()
    const waited = Math.round(1000 * (performance.now() - before))
    if (mutex.ownerDied) {
      const at = log + 2 * Atomics.add(words, takeovers, 1)
      words[at] = words[inside] ?? 0
      words[at + 1] = now()
      if (repairs) {
        words[first] = words[second] ?? 0
        // Both were done, and only that was not noted.
        Atomics.add(words, done + workers, (words[second] ?? 0) - sumOf(words))
      }
      words[inside] = 0
      mutex.markConsistent()
    }
    if (words[inside] !== 0) violation(`${number} meets ${words[inside]}`)
    words[inside] = number
    add(acquisitions)
    words[longest + place] = Math.max(words[longest + place] ?? 0, waited)
    if (words[first] !== words[second] || words[first] !== sumOf(words)) {
      violation(`${words[first]} ${words[second]} ${sumOf(words)}`)
      words[first] = words[second] = sumOf(words)
    }
    add(first)
    const until = performance.now() + 0.05
    while (performance.now() < until);
    add(second)
    add(done + place)
    if (words[inside] !== number) violation(`${number} was joined by ${words[inside]}`)
    words[inside] = 0
    mutex.unlock()
  }
}

/**
 * @param {number} seconds
 * @param {boolean} repairs
 */
async function storm(seconds, repairs) {
  const memory = SharedMemory.create(Mutex.byteLength + 4 * (log + 2 * logged))
  const { mutex, words } = parts(memory)
  const path = `/proc/${process.pid}/fd/${memory.fd}`
  let number = 0
  /** @type {Map<number, { place: number, child: import('node:child_process').ChildProcess, ready: boolean, end: Promise<unknown> }>} */
  const alive = new Map()
  /** @type {Map<number, number>} */
  const killed = new Map()
  /** @type {Map<number, number>} */
  const ended = new Map()
  const start = (/** @type {number} */ place) => {
    const mine = ++number
    const mode = repairs ? 'repair' : 'neglect'
    const args = [fileURLToPath(import.meta.url), 'work', path, String(place), String(mine), mode]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const end = new Promise((resolve) => child.once('close', resolve))
    const entry = { place, child, ready: false, end }
    child.stdout?.once('data', () => {
      entry.ready = true
    })
    alive.set(mine, entry)
  }
  for (let place = 0; place < workers; place++) start(place)
  while ([...alive.values()].some(({ ready }) => !ready)) await delay(10)
  const end = performance.now() + 1000 * seconds
  while (performance.now() < end) {
    await delay(killEach)
    const ready = [...alive].filter(([, entry]) => entry.ready)
    // Every other time whoever has the lock now.
    const holder = killed.size % 2 === 0 ? Atomics.load(words, inside) : 0
    const [victim, entry] =
      ready.find(([one]) => one === holder) ?? ready[Math.floor(Math.random() * ready.length)] ?? []
    if (victim === undefined || entry === undefined) continue
    alive.delete(victim)
    entry.child.kill('SIGKILL')
    killed.set(victim, now())
    entry.child.once('exit', () => ended.set(victim, now()))
    start(entry.place)
  }
  Atomics.store(words, stop, 1)
  const last = Promise.all([...alive.values()].map((entry) => entry.end))
  await Promise.race([last, delay(60_000, undefined, { ref: false })])
  const endless = [...alive.values()].filter(({ child }) => child.exitCode === null).length
  for (const { child } of alive.values()) child.kill('SIGKILL')
  const free = mutex.lockSync(1000)
  const found = Math.min(words[takeovers] ?? 0, logged)
  /** @type {number[]} */
  const times = []
  /** @type {number[]} */
  const late = []
  let wrong = 0
  const seen = new Set()
  for (let i = 0; i < found; i++) {
    const who = words[log + 2 * i] ?? 0
    // Between the lock and the note of it nobody is named.
    if (who === 0) continue
    const at = killed.get(who)
    if (at === undefined || seen.has(who)) wrong++
    else times.push(((words[log + 2 * i + 1] ?? 0) - at) / 1000)
    if (at !== undefined) {
      late.push(((words[log + 2 * i + 1] ?? 0) - (ended.get(who) ?? at)) / 1000)
    }
    seen.add(who)
  }
  return {
    kills: killed.size,
    takeovers: found,
    violations: words[violations],
    /** Taken over from somebody who was not killed, or twice. */
    wrong,
    /** Processes that did not end, and whether the lock can be had. */
    endless,
    free,
    acquisitions: words[acquisitions],
    /** Milliseconds from the call of kill(2) to the next owner, with the time that the kernel takes. */
    afterKill: quantiles(times),
    /** Milliseconds from when the parent heard of the death; less than 0 when the next owner was faster. */
    afterDeath: quantiles(late),
    longestWait: Math.max(...words.subarray(longest, longest + workers)) / 1000,
  }
}

const [mode = '5', ...rest] = process.argv.slice(2)
if (mode === 'work') {
  const [path = '', place, number, repairs] = rest
  await work(path, Number(place), Number(number), repairs === 'repair')
} else {
  console.log(JSON.stringify(await storm(Number(mode), rest[0] !== 'neglect')))
}
