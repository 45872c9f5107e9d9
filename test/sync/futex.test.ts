// The futex functions are Atomics.wait, waitAsync and notify, for memory that Atomics refuses as well.
// What the language says is taken from the engine itself wherever both can be asked; test262 is no
// package that could be installed, so its subjects are gone through by hand.

import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { mapAnonymous, SharedMemory } from 'posix-mmap'
import { futexNotify, futexWait, futexWaitAsync } from 'posix-mmap/sync'
import { afterAll, describe, expect, it } from 'vitest'
import { native } from '../../dist/internals.js'
import { invalidType, outOfRange, untyped } from '../support/errors.js'
import { run, runForJson } from '../support/processes.js'
import { threadScript } from '../support/threads.js'

const memory = SharedMemory.create(1 << 16)
afterAll(() => memory.unmap())
let next = 0
/** A word that no other test has. */
function freshIndex(): number {
  return next++
}
const words = memory.view(Int32Array)

type Wait = (words: Int32Array, index: number, expected: number, timeout?: number) => unknown

/** Values that record what is done with them, in `log`. */
function recorder(log: string[]) {
  return (name: string, value: unknown) => ({
    valueOf: () => {
      log.push(name)
      return value
    },
    toString: () => {
      log.push(`${name} as a string`)
      return value
    },
  })
}

function outcomeOf(call: () => unknown): unknown {
  try {
    const result = call()
    return typeof result === 'object' && result !== null ? { ...result } : result
  } catch (error) {
    return (error as Error).constructor.name
  }
}

const odd: readonly unknown[] = [
  undefined,
  null,
  true,
  '0',
  '1',
  'x',
  '',
  0.9,
  -0.9,
  -0,
  -1,
  1,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  2 ** 53,
  2 ** 32,
  7,
  8,
  0n,
  1n,
  Symbol('s'),
  {},
  [],
  [1],
  () => 1,
]

const wordLists: readonly [string, () => unknown][] = [
  ['an Int32Array', () => new Int32Array(new SharedArrayBuffer(32))],
  ['a part of one', () => new Int32Array(new SharedArrayBuffer(64), 32)],
  ['an empty one', () => new Int32Array(new SharedArrayBuffer(0))],
  ['one that grows', () => new Int32Array(growable())],
  ['one that is not shared', () => new Int32Array(8)],
  ['an Int8Array', () => new Int8Array(new SharedArrayBuffer(32))],
  ['a Uint32Array', () => new Uint32Array(new SharedArrayBuffer(32))],
  ['a Float32Array', () => new Float32Array(new SharedArrayBuffer(32))],
  ['a DataView', () => new DataView(new SharedArrayBuffer(32))],
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(32)],
  ['an array', () => [0, 0]],
  ['an object that says so', () => ({ [Symbol.toStringTag]: 'Int32Array', buffer: 1, length: 1 })],
  ['null', () => null],
  ['nothing', () => undefined],
]

/** Whether a wait with this timeout does, or throws. */
function ends(timeout: unknown): boolean {
  try {
    return +(timeout as number) < 100
  } catch {
    return true
  }
}

function growable(): SharedArrayBuffer {
  const Growable = SharedArrayBuffer as new (n: number, o: object) => SharedArrayBuffer
  return new Growable(32, { maxByteLength: 64 })
}

describe('as Atomics', () => {
  // What blocks forever is left out: a word that is equal and no end.
  const waits: readonly [string, Wait, Wait][] = [
    ['futexWait', futexWait, Atomics.wait],
    ...('waitAsync' in Atomics
      ? [['futexWaitAsync', futexWaitAsync, Atomics.waitAsync as Wait] as [string, Wait, Wait]]
      : []),
  ]

  it.each(waits)('%s converts and refuses the same', (_name, ours, theirs) => {
    for (const [label, make] of wordLists) {
      const same = (index: unknown, expected: unknown, timeout: unknown) => {
        const outcome = (call: Wait) =>
          outcomeOf(() =>
            call(untyped(make()), untyped(index), untyped(expected), untyped(timeout)),
          )
        expect(outcome(ours), `${label} ${String(index)} ${String(expected)} ${String(timeout)}`) //
          .toEqual(outcome(theirs))
      }
      for (const value of odd) {
        same(value, 0, 0)
        same(0, value, 0)
        same(0, 1, value)
        if (ends(value)) same(0, 0, value)
      }
    }
  })

  it('futexNotify converts and refuses the same', () => {
    for (const [label, make] of wordLists) {
      for (const value of odd) {
        for (const [index, count] of [
          [value, 1],
          [0, value],
        ]) {
          const outcome = (call: typeof futexNotify) =>
            outcomeOf(() => call(untyped(make()), untyped(index), untyped(count)))
          expect(outcome(futexNotify), `${label} ${String(index)} ${String(count)}`) //
            .toEqual(outcome(Atomics.notify as typeof futexNotify))
        }
      }
    }
  })

  it('conversions are made in the same order, and before anything is looked at', () => {
    const orderOf = (call: Wait, list: () => unknown, index: unknown = 0) => {
      const log: string[] = []
      const record = recorder(log)
      const outcome = outcomeOf(() =>
        call(
          untyped(list()),
          untyped(record('index', index)),
          untyped(record('expected', 42)),
          untyped(record('timeout', 0)),
        ),
      )
      return { log, outcome }
    }
    for (const [, ours, theirs] of waits) {
      for (const [, make] of wordLists) {
        for (const index of [0, -1, 100]) {
          expect(orderOf(ours, make, index)).toEqual(orderOf(theirs, make, index))
        }
      }
    }
    const list = () => new Int32Array(new SharedArrayBuffer(32))
    expect(orderOf(futexWait, list).log).toEqual(['index', 'expected', 'timeout'])
  })

  it('have the same number of parameters', () => {
    expect([futexWait.length, futexWaitAsync.length, futexNotify.length]).toEqual([4, 4, 3])
    expect([Atomics.wait.length, Atomics.notify.length]).toEqual([4, 3])
  })

  it('a BigInt64Array is refused, since futex(2) has 32 bits', () => {
    const large = new BigInt64Array(new SharedArrayBuffer(16))
    for (const call of [futexWait, futexWaitAsync, futexNotify]) {
      expect(() => call(untyped(large), 0, 0, 0)).toThrow(invalidType)
    }
  })

  it('the value is compared as 32 bits', () => {
    const at = freshIndex()
    words[at] = -5
    for (const same of [-5, 2 ** 32 - 5, -5 - 2 ** 32, -5.7, '-5']) {
      expect(futexWait(words, at, untyped(same), 0)).toBe('timed-out')
    }
    expect(futexWait(words, at, 5)).toBe('not-equal')
  })

  it('timeouts: none passes early, a negative one and NaN are 0 and forever', async () => {
    const at = freshIndex()
    for (const timeout of [1, 12.5, 40]) {
      const before = performance.now()
      expect(futexWait(words, at, 0, timeout)).toBe('timed-out')
      expect(performance.now() - before).toBeGreaterThanOrEqual(timeout)
    }
    expect(futexWait(words, at, 0, -1)).toBe('timed-out')
    expect(futexWait(words, at, 0, Number.NEGATIVE_INFINITY)).toBe('timed-out')
    for (const forever of [Number.NaN, undefined, Number.POSITIVE_INFINITY, Number.MAX_VALUE]) {
      const wait = futexWaitAsync(words, at, 0, forever)
      if (!wait.async) throw new Error(wait.value)
      expect(await Promise.race([wait.value, delay(30, 'waits')])).toBe('waits')
      expect(futexNotify(words, at)).toBe(1)
      expect(await wait.value).toBe('ok')
    }
  })
})

describe('the memory', () => {
  it('is that of any mapping; other memory is refused, and has nobody to wake', () => {
    using anonymous = mapAnonymous(64)
    for (const list of [anonymous.view(Int32Array), memory.view(Int32Array)]) {
      expect(futexWait(list, 3, 1)).toBe('not-equal')
      expect(futexNotify(list, 3)).toBe(0)
    }
    const other = new Int32Array(8)
    expect(() => futexWait(other, 0, 0, 0)).toThrow(invalidType)
    expect(() => futexWaitAsync(other, 0, 0, 0)).toThrow(invalidType)
    expect(futexNotify(other, 0)).toBe(0)
    expect(() => futexNotify(other, 8)).toThrow(outOfRange)
  })

  it('is an error once it was unmapped, also by a conversion', () => {
    const mapping = mapAnonymous(64)
    const list = mapping.view(Int32Array)
    const unmapping = {
      valueOf: () => {
        mapping.unmap()
        return 0
      },
    }
    const gone = expect.objectContaining({ name: 'TypeError' })
    expect(() => futexWait(list, 0, untyped(unmapping))).toThrow(gone)
    for (const call of [futexWait, futexWaitAsync, futexNotify]) {
      expect(() => call(list, 0, 0)).toThrow(gone)
    }
  })

  it('stays while an asynchronous wait uses it, after unmap() as well', async () => {
    using other = SharedMemory.open(memory.fd)
    const at = freshIndex()
    const mine = SharedMemory.open(memory.fd)
    const wait = futexWaitAsync(mine.view(Int32Array), at, 0)
    const live = native.regionCounts()[0]
    mine.unmap()
    expect(native.regionCounts()[0]).toBe(live)
    await delay(10)
    expect(futexNotify(other.view(Int32Array), at)).toBe(1)
    expect(await wait.value).toBe('ok')
  })
})

describe('waiting without blocking', () => {
  it('a notification right after the call finds it, and wakes so many', async () => {
    const at = freshIndex()
    for (let i = 0; i < 20; i++) {
      const waits = Array.from({ length: 3 }, () => futexWaitAsync(words, at, 0).value)
      expect(futexNotify(words, at, 2)).toBe(2)
      expect(await Promise.all(waits.slice(0, 2))).toEqual(['ok', 'ok'])
      expect(futexNotify(words, at, 2)).toBe(1)
      expect(await waits[2]).toBe('ok')
    }
  })

  it('wakes in the order in which they came', async () => {
    const at = freshIndex()
    const order: number[] = []
    const waits = Array.from({ length: 10 }, async (_, i) => {
      await futexWaitAsync(words, at, 0).value
      order.push(i)
    })
    for (let i = 0; i < 10; i++) {
      expect(futexNotify(words, at, 1)).toBe(1)
      await expect.poll(() => order.length, { interval: 1, timeout: 10_000 }).toBe(i + 1)
    }
    await Promise.all(waits)
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('a store, or a notification of another word, ends no wait', async () => {
    const at = freshIndex()
    const other = freshIndex()
    const before = performance.now()
    const wait = futexWaitAsync(words, at, 0, 80).value
    Atomics.store(words, at, 1)
    Atomics.add(words, at, 1)
    expect(futexNotify(words, other)).toBe(0)
    expect(futexNotify(words, at, 0)).toBe(0)
    expect(await wait).toBe('timed-out')
    expect(performance.now() - before).toBeGreaterThanOrEqual(79)
    expect(futexNotify(words, at)).toBe(0)
  })

  it.each([false, true])(
    'a thousand words take few threads, and leave timers alone (without futex_waitv: %s)',
    async (forbidden) => {
      const script = `
        import { SharedMemory } from 'posix-mmap'
        import { futexNotify, futexWaitAsync } from 'posix-mmap/sync'
        import { native } from './dist/internals.js'
        import fs from 'node:fs'
        import { setTimeout as delay } from 'node:timers/promises'
        native.forbidFutexWaitv(${forbidden})
        const threads = () => fs.readdirSync('/proc/self/task').length
        const words = SharedMemory.create(4000).view(Int32Array)
        await fs.promises.stat('/') // libuv's own
        const before = threads()
        const waits = Array.from(words, (_, i) => futexWaitAsync(words, i, 0).value)
        const late = futexWaitAsync(SharedMemory.create(4).view(Int32Array), 0, 0, 100)
        let lags = []
        const start = performance.now()
        for (let i = 0; i < 50; i++) {
          const at = performance.now()
          await delay(1)
          await fs.promises.stat('/')
          lags.push(performance.now() - at)
        }
        const more = threads() - before
        const timedOut = await late.value
        words.fill(1)
        for (let i = 0; i < 1000; i++) futexNotify(words, i)
        const ends = [...new Set(await Promise.all(waits))]
        lags.sort((a, b) => a - b)
        console.log(JSON.stringify({ more, ends, timedOut, lag: lags[25] }))`
      const { more, lag, ...rest } = (await runForJson(script)) as {
        more: number
        lag: number
      }
      expect(rest).toEqual({ ends: ['ok'], timedOut: 'timed-out' })
      expect(more).toBeLessThanOrEqual(16)
      expect(lag).toBeLessThan(50)
    },
  )

  it('keeps the process alive only while something waits', async () => {
    const start = `
      import { SharedMemory } from 'posix-mmap'
      import { futexNotify, futexWaitAsync } from 'posix-mmap/sync'
      const words = SharedMemory.create(64).view(Int32Array)`
    const waiting = await run(`${start}
      futexWaitAsync(words, 0, 0, 300).value.then((value) => console.log(value))`)
    expect(waiting).toMatchObject({ code: 0, stdout: 'timed-out\n' })
    const before = performance.now()
    const ended = await run(`${start}
      const { value } = futexWaitAsync(words, 0, 0)
      process.on('exit', () => console.log('at the end'))
      futexNotify(words, 0)
      console.log(await value)`)
    expect(ended).toMatchObject({ code: 0, stdout: 'ok\nat the end\n' })
    expect(performance.now() - before).toBeLessThan(20_000)
  })

  it('process.exit() and an uncaught error do not wait for it', async () => {
    const start = `
      import { SharedMemory } from 'posix-mmap'
      import { futexWaitAsync } from 'posix-mmap/sync'
      const words = SharedMemory.create(4000).view(Int32Array)
      for (let i = 0; i < 1000; i++) futexWaitAsync(words, i, 0)`
    expect(await run(`${start}; process.exit(3)`)).toMatchObject({ code: 3, signal: null })
    const thrown = await run(`${start}; throw new Error('this one')`)
    expect(thrown).toMatchObject({ code: 1, signal: null })
    expect(thrown.stderr).toContain('this one')
  })
})

describe('threads', () => {
  /** `words` and `index` are there, and what the body posts is what it returns. */
  function start(body: string, data: unknown): Worker {
    return new Worker(
      `const { parentPort, workerData } = require('node:worker_threads')
       const { Mapping } = require('posix-mmap')
       const { futexWait, futexWaitAsync, futexNotify } = require('posix-mmap/sync')
       const words = Mapping.attach(workerData.handle).view(Int32Array)
       ${body}`,
      { eval: true, execArgv: [], workerData: { handle: memory.share(), data } },
    )
  }
  const message = (worker: Worker) =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })

  /** Until `count` threads have said that they are about to wait, and had the time to. */
  async function arrival(at: number, count: number): Promise<void> {
    await expect.poll(() => Atomics.load(words, at), { timeout: 20_000 }).toBe(count)
    await delay(100)
  }

  it('are woken in the order in which they came', async () => {
    const [at, arrived, order] = [freshIndex(), freshIndex(), next]
    next += 4
    const workers: Worker[] = []
    const ends: Promise<unknown>[] = []
    for (let i = 0; i < 4; i++) {
      const worker = start(
        `Atomics.add(words, ${arrived}, 1)
         const result = futexWait(words, ${at}, 0)
         parentPort.postMessage(result)`,
        null,
      )
      workers.push(worker)
      const index = i
      ends.push(
        message(worker).then((result) => {
          words[order + index] = Atomics.add(words, arrived, 1)
          return result
        }),
      )
      await arrival(arrived, i + 1)
    }
    for (let i = 0; i < 4; i++) {
      expect(futexNotify(words, at, 1)).toBe(1)
      await expect.poll(() => Atomics.load(words, arrived), { timeout: 10_000 }).toBe(5 + i)
    }
    expect(await Promise.all(ends)).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect(Array.from(words.subarray(order, order + 4))).toEqual([4, 5, 6, 7])
    await Promise.all(workers.map((worker) => worker.terminate()))
  })

  it('a wait ends neither by a store nor by a message', async () => {
    const [at, arrived] = [freshIndex(), freshIndex()]
    const worker = start(
      `parentPort.on('message', () => {})
       Atomics.add(words, ${arrived}, 1)
       const before = performance.now()
       const result = futexWait(words, ${at}, 0, 400)
       parentPort.postMessage([result, performance.now() - before >= 400])`,
      null,
    )
    const result = message(worker)
    await arrival(arrived, 1)
    worker.postMessage('one')
    await delay(50)
    worker.postMessage('two')
    // Not while it is on its way into the kernel again, where a store is not told from a wake-up.
    await delay(50)
    Atomics.store(words, at, 5)
    expect(await result).toEqual(['timed-out', true])
    await worker.terminate()
  })

  it.each([false, true])(
    'terminate() and process.exit() end a wait at once (without futex_waitv: %s)',
    async (forbidden) => {
      const script = `${threadScript}
        native.forbidFutexWaitv(${forbidden})
        const memory = SharedMemory.create(64)
        const body = \`() => {
          const { futexWait } = require('posix-mmap/sync')
          const words = Mapping.attach(workerData).view(Int32Array)
          parentPort.postMessage('waits')
          futexWait(words, 0, 0)
          parentPort.postMessage('was woken')
        }\`
        const worker = start(body, memory.share())
        await next(worker)
        await delay(100)
        const before = performance.now()
        const code = await worker.terminate()
        const took = performance.now() - before
        const other = start(body, memory.share())
        await next(other)
        await delay(100)
        print({ code, quick: took < 2000 })
        process.exit(0)`
      expect(await runForJson(script)).toEqual({ code: 1, quick: true })
    },
  )

  it('threads that end leave no wait, no memory and no thread behind', async () => {
    const script = `${threadScript}
      const memory = SharedMemory.create(1 << 16)
      const body = \`() => {
        const { futexWaitAsync } = require('posix-mmap/sync')
        const words = Mapping.attach(workerData).view(Int32Array)
        const own = new Int32Array(new SharedArrayBuffer(64))
        for (let i = 0; i < 100; i++) futexWaitAsync(words, i, 0)
        for (let i = 0; i < 16; i++) futexWaitAsync(own, i, 0)
        parentPort.postMessage('waits')
      }\`
      for (let i = 0; i < 10; i++) {
        const worker = start(body, memory.share())
        await next(worker)
        await worker.terminate()
      }
      const { futexNotify } = await import('posix-mmap/sync')
      const words = memory.view(Int32Array)
      let woken = 0
      for (let i = 0; i < 100; i++) woken += futexNotify(words, i)
      while (native.regionCounts()[0] !== 1) await delay(5)
      while (native.waitThreads() !== 0) await delay(50)
      print({ woken })`
    expect(await runForJson(script)).toEqual({ woken: 0 })
  })
})

it('processes wake each other', async () => {
  const at = freshIndex()
  const wait = futexWaitAsync(words, at, 0).value
  const child = run(`
    import { SharedMemory } from 'posix-mmap'
    import { futexNotify, futexWait } from 'posix-mmap/sync'
    const words = SharedMemory.open('/proc/${process.pid}/fd/${memory.fd}').view(Int32Array)
    console.log(futexNotify(words, ${at}))
    Atomics.store(words, ${at}, 1)
    console.log(futexWait(words, ${at}, 1))`)
  expect(await wait).toBe('ok')
  await expect.poll(() => futexNotify(words, at), { timeout: 20_000, interval: 1 }).toBe(1)
  expect(await child).toMatchObject({ code: 0, stdout: '1\nok\n' })
})
