// Processes that work on one SharedMap while they are killed at random.
//   node test/shared/map/storm.js [seconds] [sound|broken]
// prints what happened, as JSON. With 'broken', whoever takes over forgets what the dead had begun, which
// has to be noticed: the control that this test can fail.

import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SharedMemory, withShared } from '../../../dist/index.js'
import { mapState, setBeforeStore } from '../../../dist/internals.js'
import { SharedMap } from '../../../dist/shared.js'
import { quantiles } from '../../support/quantiles.js'
import { problemsOf } from './checker.js'

const workers = 6
const killEach = 60
/** A storm lasts until there was so much, on a machine that is busy with other things for long. */
const leastKills = 10
const leastOperations = 2000
const longestSeconds = 180
const ownKeys = 100
const commonKeys = 50
const counters = 4

// What each place says about itself, in words of 32 bits that outlive it.
const places = {
  /** How often it has counted, by counter; written after increment() has returned. */
  counted: 0,
  /** The key of its own that it changes now, and with which number; 0 when it is at rest. */
  key: 8,
  next: 9,
  operations: 10,
  torn: 11,
  lost: 12,
  full: 13,
  /** The number of each own key as it was last set; 0 for deleted. */
  numbers: 16,
}
const placeWords = 256

/** Bytes that say themselves whether they are whole. @param {number} number */
function bytesFor(number) {
  const body = Buffer.alloc(8 + ((Math.imul(number, 2654435761) >>> 20) % 700), number & 0xff)
  body.writeUInt32LE(number, 0)
  const sum = createHash('md5').update(body).digest()
  return Buffer.concat([sum, body])
}

/** The number of a value, or -1 if it is torn. @param {Buffer} value */
function numberOf(value) {
  if (value.length < 24) return -1
  const body = value.subarray(16)
  const sum = createHash('md5').update(body).digest()
  return sum.equals(value.subarray(0, 16)) ? body.readUInt32LE(0) : -1
}

/** @param {number} below */
const random = (below) => Math.floor(Math.random() * below)

/** As if the dead had never anything to finish. @param {number} byteLength */
function forget(byteLength) {
  const { load } = Atomics
  const forgetful = (/** @type {any} */ words, /** @type {number} */ index) =>
    index === mapState.journalLength && words.length > byteLength / 8 ? 0 : load(words, index)
  Object.assign(Atomics, { load: forgetful })
}

/**
 * Slow at times between two stores, which is where a process is to be killed; the control most often in
 * the middle of a transaction.
 * @param {Int32Array} words
 * @param {boolean} sound
 */
function linger(words, sound) {
  const aimed = !sound && words[mapState.journalLength] !== 0
  if (random(aimed ? 3 : 30) > 0) return
  const until = performance.now() + (aimed ? 0.2 : 0.02)
  while (performance.now() < until);
}

/** @param {boolean} sound */
async function work(sound, place = 0) {
  /** @type {SharedMap<any>} */
  const map = SharedMap.inherited('map')
  const log = SharedMemory.inherited('log')
    .view(Int32Array)
    .subarray(place * placeWords)
  if (!sound) forget(map.memory.byteLength)
  const all = map.memory.view(Int32Array)
  if (place % 2 === 0 || !sound) setBeforeStore(() => linger(all, sound))
  const count = (/** @type {number} */ what) => {
    log[what] = (log[what] ?? 0) + 1
  }
  // What was in flight when the one before was killed has happened, or has not.
  const pending = (log[places.key] ?? 0) - 1
  if (pending >= 0) {
    const found = map.get(`own ${place} ${pending}`)
    const number = found === undefined ? 0 : numberOf(found)
    const before = log[places.numbers + pending] ?? 0
    if (number === -1) count(places.torn)
    else if (number !== before && number !== log[places.next]) count(places.lost)
    log[places.numbers + pending] = number
    log[places.key] = 0
  }
  process.send?.('ready')
  let number = random(2 ** 30) + 1
  for (;;) {
    for (let i = 0; i < 50; i++) {
      try {
        const key = random(ownKeys)
        const name = `own ${place} ${key}`
        const what = random(5)
        if (what === 0) {
          const counter = random(counters)
          map.increment(`counter ${counter}`)
          count(places.counted + counter)
        } else if (what === 1) {
          const common = `common ${random(commonKeys)}`
          if (random(3) === 0) map.delete(common)
          else map.set(common, bytesFor(number++))
        } else if (what === 2) {
          const found = map.get(`common ${random(commonKeys)}`)
          if (found !== undefined && numberOf(found) === -1) count(places.torn)
        } else {
          const found = map.get(name)
          const is = found === undefined ? 0 : numberOf(found)
          if (is === -1) count(places.torn)
          else if (is !== log[places.numbers + key]) count(places.lost)
          const next = random(4) === 0 ? 0 : number++
          log[places.next] = next
          log[places.key] = key + 1
          if (next === 0) map.delete(name)
          else map.set(name, bytesFor(next))
          log[places.numbers + key] = next
          log[places.key] = 0
        }
      } catch (error) {
        count(places.full)
        if (sound) process.stderr.write(`${/** @type {Error} */ (error).stack}\n`)
      }
      count(places.operations)
    }
    // The parent may have gone.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/**
 * @param {number} seconds
 * @param {boolean} sound
 */
async function storm(seconds, sound) {
  const log = SharedMemory.create(workers * placeWords * 4)
  /** @type {SharedMap<any>} */
  const map = SharedMap.create(2 << 20, { evict: 'none' })
  const words = log.view(Int32Array)
  const options = withShared({ map: map.memory, log }, { stdio: [0, 1, 2, 'ipc'] })
  /** @type {Map<number, { child: import('node:child_process').ChildProcess, ready: boolean }>} */
  const alive = new Map()
  const start = (/** @type {number} */ place) => {
    const mode = sound ? 'sound' : 'broken'
    const child = fork(fileURLToPath(import.meta.url), ['work', mode, String(place)], options)
    const entry = { child, ready: false }
    child.once('message', () => {
      entry.ready = true
    })
    alive.set(place, entry)
  }
  const sum = (/** @type {number} */ what) => {
    let total = 0
    for (let place = 0; place < workers; place++) total += words[place * placeWords + what] ?? 0
    return total
  }
  for (let place = 0; place < workers; place++) start(place)
  const begin = performance.now()
  let kills = 0
  /** @type {number[]} */
  const recoveries = []
  const goesOn = () => {
    const elapsed = (performance.now() - begin) / 1000
    const enough = kills >= leastKills && sum(places.operations) >= leastOperations
    return elapsed < seconds || (!enough && elapsed < longestSeconds)
  }
  while (goesOn()) {
    await delay(random(2 * killEach))
    const ready = [...alive].filter(([, entry]) => entry.ready)
    const [place, entry] = ready[random(ready.length)] ?? []
    if (place === undefined || entry === undefined) continue
    const gone = once(entry.child, 'exit')
    const before = performance.now()
    entry.child.kill('SIGKILL')
    if (sound) {
      // Finishes what the dead one had begun, which the control is to leave to its workers.
      map.set('recovered', bytesFor(kills))
      recoveries.push(performance.now() - before)
    }
    await gone
    kills++
    start(place)
  }
  for (const { child } of alive.values()) {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  let torn = 0
  let lost = 0
  let error = ''
  let miscounted = 0
  try {
    map.set('last', 'x')
    for (let counter = 0; counter < counters; counter++) {
      const more = (map.get(`counter ${counter}`) ?? 0) - sum(places.counted + counter)
      // Each one that was killed may have counted once more than it has noted.
      if (more < 0 || more > kills + workers) miscounted++
    }
    for (let place = 0; place < workers; place++) {
      const at = place * placeWords
      for (let key = 0; key < ownKeys; key++) {
        const found = map.get(`own ${place} ${key}`)
        const number = found === undefined ? 0 : numberOf(found)
        const known = words[at + places.numbers + key]
        const pending = words[at + places.key] === key + 1
        if (number === -1) torn++
        else if (number !== known && !(pending && number === words[at + places.next])) lost++
      }
    }
    let size = 0
    for (const [key, value] of map.entries()) {
      size++
      if (/^(own|common)/.test(String(key)) && numberOf(value) === -1) torn++
    }
    error = problemsOf(map.memory).join('; ')
    if (size !== map.size) error = `${size} entries, and size ${map.size}`
  } catch (caught) {
    error = String(caught)
  }
  return {
    kills,
    operations: sum(places.operations),
    torn: torn + sum(places.torn),
    lost: lost + sum(places.lost),
    failed: sum(places.full),
    miscounted,
    recoveries: map.stats.recoveries,
    /** Milliseconds from kill(2) to the end of a set() by this process. */
    recovery: quantiles(recoveries),
    error,
  }
}

const [mode = '4', soundness, place] = process.argv.slice(2)
if (mode === 'work') {
  process.on('disconnect', () => process.exit())
  await work(soundness !== 'broken', Number(place))
} else {
  const result = await storm(Number(mode), soundness !== 'broken')
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
