// A process that writes anything anywhere into the memory of a map. Others get errors, or nonsense, but
// nothing outside the memory, no end of the process, and no wait without an end.

import fc from 'fast-check'
import { SharedMap } from 'posix-mmap/shared'
import { describe, expect, it } from 'vitest'
import { headsWord, mapState } from '../../../dist/internals.js'
import { runForJson } from '../../support/processes.js'
import { reusable } from './support.js'

const soak = Number(process.env['POSIX_MMAP_SOAK'] ?? 0)
const numRuns = soak > 0 ? soak * 100 : 600

const interesting = fc.oneof(
  fc.constantFrom(0, 1, -1, 2, 7, 8, 9, 0x7fffffff, -0x80000000, 100, 1000),
  fc.integer({ min: 0, max: 400 }),
  fc.integer({ min: 0, max: 200 }).map((n) => (n << 3) | 1),
  fc.integer(),
)
/** Not the header, the lock and the fills: those who hold one live. */
const places = fc.oneof(
  fc.integer({ min: mapState.size, max: mapState.soonest }),
  fc.integer({ min: mapState.journalLength, max: mapState.journal + 20 }),
  fc.integer({ min: headsWord, max: headsWord + 63 }),
  fc.integer({ min: 1280, max: 4095 }),
)

/** Errors that are said to be possible. */
const allowed = /^ERR_(SHARED_LAYOUT|SHARED_FULL|OUT_OF_RANGE|INVALID_ARG_VALUE)$/

function attempt(body: () => unknown): void {
  try {
    body()
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toMatch(allowed)
  }
}

function useIt(map: SharedMap): void {
  for (let i = 0; i < 12; i++) {
    attempt(() => map.get(`key ${i}`))
    attempt(() => map.has(`key ${i}`))
    attempt(() => map.increment(`n ${i}`))
    attempt(() => map.set(`key ${i}`, { x: 'y'.repeat(i * 30) }))
    attempt(() => map.delete(`key ${i + 1}`))
  }
  attempt(() => [...map.entries()])
  attempt(() => map.size)
  attempt(() => map.stats)
  attempt(() => map.clear())
}

describe.each(['lru', 'none'] as const)('evicting %s', (evict) => {
  const make = reusable(16_384, { evict })
  const makeSmall = reusable(8192, { evict })

  it('any words are survived', { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(places, interesting), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 50 }),
        (writes, entries) => {
          const map = make()
          const words = map.memory.view(Int32Array)
          for (let i = 0; i < entries; i++) {
            attempt(() =>
              map.set(`key ${i}`, i % 3 === 0 ? { x: 'z'.repeat(i) } : 'x'.repeat(i * 9)),
            )
            attempt(() => map.increment(`n ${i % 5}`))
          }
          for (const [index, value] of writes) words[index] = value
          // What is outside of the views belongs to nobody.
          useIt(map)
          for (const [index, value] of writes) words[index] = value
          useIt(map)
        },
      ),
      { numRuns },
    )
  })

  it('bytes at random are survived', { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const map = makeSmall()
        const words = map.memory.view(Int32Array)
        let state = seed
        const noise = () => {
          state = (Math.imul(state, 1664525) + 1013904223) | 0
          return state >> (state >>> 28)
        }
        for (let i = mapState.size; i < headsWord + 64; i++) words[i] = noise()
        for (let i = 1280; i < words.length; i++) words[i] = noise()
        useIt(map)
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    )
  })
})

it('a ring of records has an end', () => {
  using map = SharedMap.create(8192)
  map.set('a', 'x')
  const words = map.memory.view(Int32Array)
  // Each bucket leads to the record, which leads to itself.
  const unit = words.length
  for (let i = 1280; i < unit; i++) if (words[i] === 0) words[i] = 1
  for (let i = 0; i < 20; i++) attempt(() => map.get(`other ${i}`))
  attempt(() => [...map.keys()])
  expect(map.size).toBe(1)
})

// What reads is in a process of its own: it would block its thread.
const everChanging = `
  import { SharedMemory } from './dist/index.js'
  import { SharedMap } from './dist/shared.js'
  import { Mutex } from './dist/sync.js'
  // In memory that is not sealed, where the functions of Atomics are used.
  const map = SharedMap.create(1 << 16, { seal: false })
  map.set('key', 'x')
  const { load } = Atomics
  const length = map.memory.byteLength / 4
  let changes = 0
  // As if somebody changed each bucket whenever it is looked at, while anybody has the lock.
  const all = map.memory.view(Int32Array)
  Object.assign(Atomics, {
    load: (words, index) =>
      index >= 1280 && words.length > length / 2 && load(all, 17) !== 0 ? changes++ : load(words, index),
  })
  const codeOf = (body) => { try { return body() ?? 'nothing' } catch (error) { return error.code ?? String(error) } }
`

it('a reader whose bucket always changes does not wait for a writer that keeps the lock', async () => {
  const script = `${everChanging}
    import { once } from 'node:events'
    import { Worker } from 'node:worker_threads'
    const body = \`
      import { parentPort, workerData } from 'node:worker_threads'
      import { SharedMemory } from './dist/index.js'
      import { Mutex } from './dist/sync.js'
      new Mutex(SharedMemory.attach(workerData), 64).lockSync()
      parentPort.postMessage('locked')
      setInterval(() => {}, 1000)
    \`
    const worker = new Worker(body, { eval: true, workerData: map.memory.share() })
    const before = map.get('key')
    await once(worker, 'message')
    const codes = [() => map.get('key'), () => map.has('key'), () => [...map.keys()]].map(codeOf)
    console.log(JSON.stringify({ before, codes, changes }))
    process.exit()
  `
  const { before, codes, changes } = (await runForJson(script)) as Record<string, unknown>
  expect(before).toBe('x')
  expect(codes).toEqual(Array(3).fill('ERR_SHARED_LAYOUT'))
  expect(changes).toBeGreaterThan(3000)
})

it('getOrSet() does not run into its own lock', async () => {
  const script = `${everChanging}
    const code = await map.getOrSet('other', () => 'y').catch((error) => error.code)
    console.log(JSON.stringify(code))
  `
  expect(await runForJson(script)).toBe('ERR_SHARED_LAYOUT')
})
