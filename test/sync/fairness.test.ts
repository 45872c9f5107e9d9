// Nobody starves while all want the lock all of the time.

import { Mutex } from 'posix-mmap/sync'
import { expect, it } from 'vitest'
import { native } from '../../dist/internals.js'
import { startProcess, startThread, testMemory } from './support.js'

const { memory, place } = testMemory()

/** Wants the lock without a pause for two seconds, from when all are there. */
const body = (at: number, how: string, index: number, wanted: number) => `
  const mutex = new Mutex(memory, ${at})
  const words = memory.view(Int32Array, ${at}, 64)
  Atomics.add(words, 8, 1)
  while (Atomics.load(words, 8) < ${wanted}) await delay(1)
  const end = performance.now() + 2000
  let longest = 0
  for (let last = performance.now(); last < end; ) {
    const turns = Atomics.load(words, 9)
    ${how}
    const now = performance.now()
    if (words[10] !== ${index}) Atomics.add(words, 9, 1)
    words[10] = ${index}
    while (performance.now() < now + 0.02);
    mutex.unlock()
    words[16 + ${index}]++
    // How often it went from one to another meanwhile, if that took more than a second: on a busy
    // machine that may be because nobody got to run.
    if (now - last > 1000) longest = Math.max(longest, Atomics.load(words, 9) - turns)
    last = now
  }
  Atomics.store(words, 32 + ${index}, longest)
  say('done')`

it('8 processes and threads, blocked or not, all get it again and again', {
  timeout: 240_000,
}, async () => {
  const at = place()
  const ways = ['mutex.lockSync()', 'mutex.lockSync()', 'await mutex.lock()', 'mutex.lockSync()']
  const all = ways.flatMap((how, i) => [
    startProcess(body(at, how, i, 8), memory),
    startThread(body(at, how, i + 4, 8), memory),
  ])
  await Promise.all(all.map(({ said }) => said('done')))
  const words = memory.view(Int32Array, at, 64)
  const counts = Array.from(words.subarray(16, 24))
  const starved = Array.from(words.subarray(32, 40))
  expect(
    counts.every((count) => count > 0),
    String(counts),
  ).toBe(true)
  expect(
    starved.every((turns) => turns < 100),
    String(starved),
  ).toBe(true)
})

it('locks do without futex_waitv(2)', { timeout: 120_000 }, async () => {
  const at = place()
  const forbidding = `
    const { native } = await import('${new URL('../../dist/internals.js', import.meta.url)}')
    native.forbidFutexWaitv(true)
    const mutex = new Mutex(memory, ${at})
    const words = memory.view(Int32Array, ${at})`
  const work = (how: string) => `${forbidding}
    for (let i = 0; i < 300; i++) {
      ${how}
      words[8]++
      mutex.unlock()
    }
    say('done')`
  const workers = [work('mutex.lockSync()'), work('await mutex.lock()'), work('await mutex.lock()')]
  const processes = workers.map((script) => startProcess(script, memory))
  await Promise.all(processes.map(({ said }) => said('done')))
  expect(memory.view(Int32Array, at)[8]).toBe(900)
  const holder = startProcess(
    `new Mutex(memory, ${at}).lockSync(); say('held'); process.stdin.resume()`,
    memory,
  )
  await holder.said('held')
  native.forbidFutexWaitv(true)
  try {
    const mutex = new Mutex(memory, at)
    expect(await mutex.lock({ timeout: 30 })).toBe(false)
    const waiting = mutex.lock()
    holder.child.kill('SIGKILL')
    expect(await waiting).toBe(true)
    expect(mutex.ownerDied).toBe(true)
    mutex.markConsistent()
    mutex.unlock()
  } finally {
    native.forbidFutexWaitv(false)
  }
})

it('a thousand locks are waited for at once, by few threads', { timeout: 120_000 }, async () => {
  const process = startProcess(`
    import fs from 'node:fs'
    import { setMaxListeners } from 'node:events'
    const shared = SharedMemory.create(1 << 16)
    const mutexes = Array.from({ length: 1000 }, (_, i) => new Mutex(shared, 16 * i))
    const tasks = () => fs.readdirSync('/proc/self/task').length
    await fs.promises.stat('/')
    const before = tasks()
    for (const mutex of mutexes) mutex.lockSync()
    const controller = new AbortController()
    setMaxListeners(0, controller.signal)
    const waits = mutexes.map((mutex, i) => mutex.lock(i % 2 ? { signal: controller.signal } : { timeout: 60_000 }))
    await delay(300)
    const more = tasks() - before
    const start = performance.now()
    controller.abort('enough')
    const aborted = await Promise.allSettled(waits.filter((_, i) => i % 2))
    const took = performance.now() - start
    for (const mutex of mutexes) mutex.unlock()
    const locked = await Promise.all(waits.filter((_, i) => i % 2 === 0))
    say(JSON.stringify({ more, quick: took < 1000, aborted: aborted.filter(({ reason }) => reason === 'enough').length, locked: locked.filter(Boolean).length }))`)
  expect(await process.end).toBe(0)
  const { more, ...rest } = JSON.parse(process.output())
  expect(rest).toEqual({ quick: true, aborted: 500, locked: 500 })
  expect(more).toBeLessThanOrEqual(16)
})
