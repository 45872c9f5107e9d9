// Processes that run each litmus test of shapes.js many times on words of one segment, and count what they saw.
//   node test/shared/litmus/litmus.js [rounds] [in-line|atomics|plain|reordered]
// prints, as JSON, how often each result came and how often a forbidden one. 'in-line' uses instructions of
// WebAssembly, 'atomics' the functions of Atomics. The others are controls: 'plain' has plain accesses, and shows
// what this processor reorders of them; 'reordered' does in software what a processor could do that orders nothing.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { SharedMemory } from '../../../dist/index.js'
import {
  atomic,
  fenceLoads,
  fenceStores,
  notShown,
  placeOf,
  plain,
} from '../../../dist/internals.js'
import { futexNotify, futexWait } from '../../../dist/sync.js'
import { line, shapes } from './shapes.js'

const tag = 0x6c746d01
/** Words are cleared after so many times. */
const cells = 256
const cellWords = 4 * line
const mostAgents = Math.max(...shapes.map(({ agents }) => agents.length))
/** Bits of what one agent has seen. */
const seenBits = 3

// Words of the memory: the tag; the meeting to which each agent has come, and whether one
// sleeps for it; what each has seen; the cells.
const meetings = line
const results = meetings + mostAgents * line
const places = results + mostAgents * cells
const byteLength = 4 * (places + cells * cellWords)

/** So often an agent looks for the others before it sleeps, since there may be fewer processors. */
const mostSpins = 20_000

/** @typedef {import('../../../dist/sync/atomic-words.js').AtomicWords} Place */

/** @param {Place} place @returns {import('./shapes.js').Accesses} */
function ordered(place) {
  const { words } = place
  return {
    load: (at) => atomic.load(place, at),
    store: (at, value) => atomic.store(place, at, value),
    exchange: (at, value) => atomic.exchange(place, at, value),
    compareExchange: (at, expected, replacement) =>
      atomic.compareExchange(place, at, expected, replacement),
    or: (at, bits) => Atomics.or(words, at, bits),
    add: (at, by) => Atomics.add(words, at, by),
    plainLoad: (at) => plain.load(words, at),
    plainStore: (at, value) => plain.store(words, at, value),
    fenceLoads,
    fenceStores: (at) => fenceStores(words, at),
  }
}

/** @param {Place} place @returns {import('./shapes.js').Accesses} */
function unordered({ words }) {
  /** @param {number} at @param {(found: number) => number} change */
  const replace = (at, change) => {
    const found = plain.load(words, at)
    plain.store(words, at, change(found))
    return found
  }
  return {
    load: (at) => plain.load(words, at),
    store: (at, value) => plain.store(words, at, value),
    exchange: (at, value) => replace(at, () => value),
    compareExchange: (at, expected, replacement) =>
      replace(at, (found) => (found === expected ? replacement : found)),
    or: (at, bits) => replace(at, (found) => found | bits),
    add: (at, by) => replace(at, (found) => found + by),
    plainLoad: (at) => plain.load(words, at),
    plainStore: (at, value) => plain.store(words, at, value),
    fenceLoads() {},
    fenceStores() {},
  }
}

/**
 * Stores become visible at the end of a step, the last one first.
 * @param {Place} place
 */
function late({ words }) {
  /** @type {number[]} */
  const stores = []
  const now = unordered({ words, offset: 0, shown: notShown })
  /** @param {number} at @param {number} value */
  const store = (at, value) => {
    stores.push(at, value)
  }
  /** @param {number} at @param {(found: number) => number} change */
  const replace = (at, change) => {
    const found = now.load(at)
    store(at, change(found))
    return found
  }
  /** @type {import('./shapes.js').Accesses} */
  const memory = {
    ...now,
    store,
    plainStore: store,
    exchange: (at, value) => replace(at, () => value),
    compareExchange: (at, expected, replacement) =>
      replace(at, (found) => (found === expected ? replacement : found)),
    or: (at, bits) => replace(at, (found) => found | bits),
    add: (at, by) => replace(at, (found) => found + by),
  }
  /** @param {import('./shapes.js').Step} step @returns {import('./shapes.js').Step} */
  const reordered = (step) => (_, at) => {
    const seen = step(memory, at)
    while (stores.length > 0) {
      const value = stores.pop() ?? 0
      Atomics.store(words, stores.pop() ?? 0, value)
    }
    return seen
  }
  return reordered
}

/**
 * Waits until all agents have come to their meeting of this number.
 * @param {Int32Array} words
 * @param {number} agent
 * @param {number} agents
 * @param {number} number
 */
function meet(words, agent, agents, number) {
  const own = meetings + agent * line
  Atomics.store(words, own, number)
  // Without this, whoever finds another one asleep would fall asleep as well, in each cell from then on.
  if (Atomics.load(words, own + 1) !== 0) {
    Atomics.store(words, own + 1, 0)
    futexNotify(words, own)
  }
  for (let other = 0; other < agents; other++) {
    const at = meetings + other * line
    for (let spins = 0; ; spins++) {
      const met = Atomics.load(words, at)
      if (met - number >= 0) break
      if (spins < mostSpins) continue
      Atomics.store(words, at + 1, 1)
      futexWait(words, at, met, 1)
      spins = 0
    }
  }
}

let random = process.pid

/** So that agents overlap in another way each time. */
function dawdle() {
  random = (Math.imul(random, 1664525) + 1013904223) | 0
  for (let i = random >>> 26; i > 0; i--) random ^= i
}

/**
 * One agent runs its step of a shape in all batches. The agents meet before each cell; but where there are fewer
 * processors than agents, that would take a millisecond each time, and they run through the batch side by side as
 * it comes. The first one counts what all have seen, and clears the cells.
 * @param {Place} place
 * @param {import('./shapes.js').Accesses} memory
 * @param {import('./shapes.js').Shape} shape
 * @param {number} agent
 * @param {{ batches: number, number: number }} course the number of the meeting before the first
 */
function runShape({ words }, memory, { agents, never }, agent, { batches, number }) {
  const step = agents[agent]
  if (step === undefined) return { forbidden: 0, outcomes: {} }
  const count = agents.length
  const together = count <= availableParallelism() ? 1 : cells
  /** @type {Map<number, number>} */
  const counts = new Map()
  for (let batch = 0; batch < batches; batch++) {
    for (let cell = 0; cell < cells; cell++) {
      if (cell % together === 0) {
        meet(words, agent, count, ++number)
        dawdle()
      }
      const seen = step(memory, places + cell * cellWords)
      words[results + agent * cells + cell] = seen
    }
    meet(words, agent, count, ++number)
    if (agent > 0) continue
    for (let cell = 0; cell < cells; cell++) {
      let all = 0
      for (let each = 0; each < count; each++) {
        all |= (words[results + each * cells + cell] ?? 0) << (seenBits * each)
      }
      counts.set(all, (counts.get(all) ?? 0) + 1)
    }
    words.fill(0, places, places + cells * cellWords)
  }
  let forbidden = 0
  /** @type {Record<string, number>} */
  const outcomes = {}
  for (const [all, times] of [...counts].sort(([one], [other]) => one - other)) {
    const seen = agents.map((_, each) => (all >> (seenBits * each)) & ((1 << seenBits) - 1))
    outcomes[seen.join(' ')] = times
    if (never(...seen)) forbidden += times
  }
  return { forbidden, outcomes }
}

/** @param {string} mode @param {SharedMemory} memory @returns {Place} */
function placeIn(mode, memory) {
  const place = placeOf(memory, memory, 0, byteLength, tag)
  return mode === 'in-line' ? place : { ...place, shown: notShown }
}

/** @param {string} mode @param {string} path @param {number} agent @param {number} batches */
function act(mode, path, agent, batches) {
  const place = placeIn(mode, SharedMemory.open(path))
  const memory = mode === 'plain' ? unordered(place) : ordered(place)
  const reordered = late(place)
  const tests = shapes.map((correct, index) => {
    const shape = { ...correct }
    if (mode === 'reordered') shape.agents = correct.reordered ?? correct.agents.map(reordered)
    const course = { batches, number: (cells + 1) * batches * index }
    return {
      name: shape.name,
      agents: shape.agents.length,
      ...runShape(place, memory, shape, agent, course),
    }
  })
  return { isInLine: place.shown.address !== 0, tests }
}

/** @param {number} rounds @param {string} mode */
async function run(rounds, mode) {
  const memory = SharedMemory.create(byteLength)
  const path = `/proc/${process.pid}/fd/${memory.fd}`
  const batches = Math.ceil(rounds / cells)
  const agents = Array.from({ length: mostAgents }, (_, agent) => {
    const args = [fileURLToPath(import.meta.url), 'agent', mode, path, agent, batches].map(String)
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  })
  let text = ''
  agents[0]?.stdout.setEncoding('utf8').on('data', (data) => {
    text += data
  })
  const ends = await Promise.all(
    agents.map(async (agent) => {
      await once(agent, 'close')
      // The others would wait for it.
      if (agent.exitCode !== 0) for (const other of agents) other.kill('SIGKILL')
      return agent.signalCode ?? agent.exitCode
    }),
  )
  if (ends.some((end) => end !== 0)) throw new Error(`agents ended with ${ends}`)
  return { mode, rounds: batches * cells, ...JSON.parse(text) }
}

const [mode = '20000', ...rest] = process.argv.slice(2)
if (mode === 'agent') {
  const [accesses = '', path = '', agent, batches] = rest
  const seen = act(accesses, path, Number(agent), Number(batches))
  if (agent === '0') process.stdout.write(JSON.stringify(seen))
} else {
  const result = await run(Number(mode), rest[0] ?? 'in-line')
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
