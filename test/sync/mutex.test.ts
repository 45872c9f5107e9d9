// A mutex: as a lock, and as one that survives whoever holds it.

import { setTimeout as delay } from 'node:timers/promises'
import { mapAnonymous, SharedMemory } from 'posix-mmap'
import { Mutex } from 'posix-mmap/sync'
import { describe, expect, it } from 'vitest'
import { native } from '../../dist/internals.js'
import { invalidType, invalidValue, mappingClosed, outOfRange, untyped } from '../support/errors.js'
import { inconsistent, notHeld, startProcess, startThread, testMemory } from './support.js'

const { memory, place } = testMemory()

describe('a mutex', () => {
  it('is in zeroed memory, where and of which kind it says', () => {
    expect(Mutex.byteLength).toBe(16)
    const at = place()
    const mutex = new Mutex(memory, at)
    expect(new Mutex(memory, at).tryLock()).toBe(true)
    mutex.unlock()
    expect(() => new Mutex(untyped(mapAnonymous(64)))).toThrow(invalidType)
    expect(() => new Mutex(memory, untyped('0'))).toThrow(invalidType)
    for (const offset of [-4, 2, 0.5, memory.byteLength - 12, memory.byteLength, Number.NaN]) {
      expect(() => new Mutex(memory, offset)).toThrow(outOfRange)
    }
    using reading = memory.readOnly()
    expect(() => new Mutex(reading, at)).toThrow(invalidValue)
    memory.view(Int32Array, place(), 1)[0] = 5
    expect(() => new Mutex(memory, place() - 512)).toThrow(invalidValue)
    const gone = SharedMemory.create(64)
    gone.unmap()
    expect(() => new Mutex(gone)).toThrow(mappingClosed)
  })

  it('is one lock for all objects of a thread over the same bytes', () => {
    const at = place()
    const [one, other] = [new Mutex(memory, at), new Mutex(memory, at)]
    using opened = SharedMemory.open(memory.fd)
    const third = new Mutex(opened, at)
    expect(one.lockSync()).toBe(true)
    expect([one.tryLock(), other.tryLock(), third.tryLock()]).toEqual([false, false, false])
    third.unlock()
    for (const mutex of [one, other, third]) expect(() => mutex.unlock()).toThrow(notHeld)
    expect(other.tryLock()).toBe(true)
    one.unlock()
  })

  it('refuses to wait for itself, but waits its turn without blocking', async () => {
    const mutex = new Mutex(memory, place())
    await mutex.lock()
    expect(() => mutex.lockSync()).toThrow(expect.objectContaining({ code: 'EDEADLK', errno: -35 }))
    const order: number[] = []
    const waits = [1, 2, 3].map(async (number) => {
      expect(await mutex.lock()).toBe(true)
      order.push(number)
      await delay(5)
      mutex.unlock()
    })
    await delay(20)
    expect(order).toEqual([])
    mutex.unlock()
    await Promise.all(waits)
    expect(order.toSorted()).toEqual([1, 2, 3])
  })

  it('makes no native call and no object while nobody else wants it', () => {
    const mutex = new Mutex(memory, place())
    const calls: string[] = []
    const all = native as unknown as Record<string, unknown>
    const kept = { ...all }
    for (const [name, value] of Object.entries(kept)) {
      if (typeof value !== 'function') continue
      all[name] = (...args: unknown[]) => {
        calls.push(name)
        return Reflect.apply(value, native, args)
      }
    }
    try {
      for (let i = 0; i < 1000; i++) {
        mutex.lockSync()
        mutex.unlock()
        mutex.tryLock()
        mutex.unlock()
      }
      expect(calls).toEqual([])
      mutex.lockSync()
      mutex.tryLock() // asks whether the owner is alive: this thread itself
      mutex.unlock()
    } finally {
      Object.assign(all, kept)
    }
  })

  it('ends waiting by time, and by a signal, within 20 ms', async () => {
    const at = place()
    const mutex = new Mutex(memory, at)
    const other = startProcess(
      `const mutex = new Mutex(memory, ${at}); mutex.lockSync(); say('held'); process.stdin.resume()`,
      memory,
    )
    await other.said('held')
    for (const timeout of [0, 1, 30]) {
      const before = performance.now()
      expect(mutex.lockSync(timeout)).toBe(false)
      expect(await mutex.lock({ timeout })).toBe(false)
      const took = performance.now() - before
      expect(took).toBeGreaterThanOrEqual(2 * timeout)
      expect(took).toBeLessThan(2 * timeout + 200)
    }
    await expect(mutex.lock({ signal: AbortSignal.abort('before') })).rejects.toBe('before')
    const controller = new AbortController()
    const waiting = mutex.lock({ signal: controller.signal })
    await delay(10)
    const before = performance.now()
    controller.abort(new Error('this'))
    await expect(waiting).rejects.toThrow('this')
    expect(performance.now() - before).toBeLessThan(100)
    expect(() => mutex.unlock()).toThrow(notHeld)
    await expect(mutex.lock({ timeout: untyped('1') })).rejects.toThrow(invalidType)
    other.child.kill()
  })

  it('runs a body while it is locked', async () => {
    const mutex = new Mutex(memory, place())
    expect(mutex.withLockSync(() => mutex.tryLock())).toBe(false)
    expect(() => mutex.withLockSync(() => JSON.parse('no'))).toThrow(SyntaxError)
    expect(await mutex.withLock(async () => delay(1, mutex.tryLock()))).toBe(false)
    await expect(mutex.withLock(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(mutex.tryLock()).toBe(true)
    mutex.unlock()
    await expect(mutex.withLock(untyped(1))).rejects.toThrow(invalidType)
    expect(() => mutex.withLockSync(untyped(1))).toThrow(invalidType)
  })

  it('works on after the memory that it was made with was unmapped', async () => {
    const shared = SharedMemory.create(64)
    using other = SharedMemory.open(shared.fd)
    const mutex = new Mutex(shared)
    mutex.lockSync()
    shared.unmap()
    const second = new Mutex(other)
    expect(second.tryLock()).toBe(false)
    const waiting = second.lock()
    mutex.unlock()
    expect(await waiting).toBe(true)
    second.unlock()
  })

  it('excludes threads and processes that lock it in all ways', { timeout: 120_000 }, async () => {
    const at = place()
    const rounds = 2000
    const body = (how: string) => `
      const mutex = new Mutex(memory, ${at})
      const words = memory.view(Int32Array, ${at})
      for (let i = 0; i < ${rounds}; i++) {
        ${how}
        const value = words[8]
        words[9] = value
        words[8] = words[9] + 1
        mutex.unlock()
      }
      say('done')`
    const sync = 'mutex.lockSync()'
    const async = 'await mutex.lock()'
    const trying = 'while (!mutex.tryLock()) await delay(0)'
    const processes = [sync, sync, async, trying].map((how) => startProcess(body(how), memory))
    const threads = [sync, async].map((how) => startThread(body(how), memory))
    await Promise.all([...processes, ...threads].map(({ said }) => said('done')))
    expect(memory.view(Int32Array, at)[8]).toBe(6 * rounds)
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  })
})

describe('an owner that dies', () => {
  const holding = (at: number, rest = '') => `
    const mutex = new Mutex(memory, ${at})
    mutex.lockSync()
    say('held')
    ${rest}`

  const ends: readonly [string, string, NodeJS.Signals | null][] = [
    ['is killed', 'setInterval(() => {}, 1000)', 'SIGKILL'],
    ['is ended by SIGTERM', 'setInterval(() => {}, 1000)', 'SIGTERM'],
    ['aborts', 'process.abort()', null],
    ['ends as it should', '', null],
    ['exits', 'process.exit(0)', null],
    [
      'throws',
      "process.on('uncaughtException', () => process.exit(0)); throw new Error('expected')",
      null,
    ],
  ]

  it.each(ends)('leaves the lock to the next one: it %s', async (_name, rest, signal) => {
    const at = place()
    const mutex = new Mutex(memory, at)
    const process = startProcess(holding(at, rest), memory)
    await process.said('held')
    const waiting = mutex.lock()
    if (signal !== null) process.child.kill(signal)
    await process.end
    expect(await waiting).toBe(true)
    expect(mutex.ownerDied).toBe(true)
    mutex.markConsistent()
    expect(mutex.ownerDied).toBe(false)
    expect(() => mutex.markConsistent()).toThrow(expect.objectContaining({ code: 'EINVAL' }))
    mutex.unlock()
    expect(mutex.lockSync()).toBe(true)
    expect(mutex.ownerDied).toBe(false)
    mutex.unlock()
  })

  it.each(['lockSync', 'tryLock'] as const)('is found by %s as well', async (how) => {
    const at = place()
    const mutex = new Mutex(memory, at)
    const process = startProcess(holding(at, 'process.exit()'), memory)
    await process.end
    const before = performance.now()
    expect(mutex[how]()).toBe(true)
    expect(performance.now() - before).toBeLessThan(500)
    expect(mutex.ownerDied).toBe(true)
    mutex.markConsistent()
    mutex.unlock()
  })

  it('is a thread: terminated, or at its end, it leaves the lock to others of its process', async () => {
    for (const rest of ['setInterval(() => {}, 1000)', '']) {
      const at = place()
      const mutex = new Mutex(memory, at)
      const { worker, said } = startThread(holding(at, rest), memory)
      await said('held')
      if (rest !== '') {
        expect(mutex.tryLock()).toBe(false)
        await worker.terminate()
      }
      expect(mutex.lockSync()).toBe(true)
      expect(mutex.ownerDied).toBe(true)
      mutex.markConsistent()
      mutex.unlock()
    }
  })

  it('is not one that was stopped', async () => {
    const at = place()
    const mutex = new Mutex(memory, at)
    const process = startProcess(
      holding(at, 'process.stdin.on("data", () => mutex.unlock())'),
      memory,
    )
    await process.said('held')
    process.child.kill('SIGSTOP')
    expect(mutex.lockSync(300)).toBe(false)
    expect(await mutex.lock({ timeout: 300 })).toBe(false)
    process.child.kill('SIGCONT')
    process.child.stdin?.write('now')
    expect(await mutex.lock()).toBe(true)
    expect(mutex.ownerDied).toBe(false)
    mutex.unlock()
    process.child.kill()
  })

  it('makes the lock unusable if the next one does not repair', async () => {
    const at = place()
    const mutex = new Mutex(memory, at)
    const waiter = startProcess(
      `const mutex = new Mutex(memory, ${at})
       say('there')
       process.stdin.once('data', async () => {
         await mutex.lock().catch((error) => say(error.code))
         try { mutex.lockSync() } catch (error) { say('again ' + error.code) }
         process.exit()
       })`,
      memory,
    )
    await waiter.said('there')
    await startProcess(holding(at, 'process.exit()'), memory).end
    mutex.lockSync()
    waiter.child.stdin?.write('go')
    await delay(100)
    mutex.unlock()
    for (const call of [() => mutex.lockSync(), () => mutex.tryLock()])
      expect(call).toThrow(inconsistent)
    await expect(mutex.lock()).rejects.toThrow(inconsistent)
    expect(() => mutex.unlock()).toThrow(notHeld)
    await waiter.end
    expect(waiter.output()).toContain('\nERR_MUTEX_INCONSISTENT\nagain ERR_MUTEX_INCONSISTENT\n')
  })

  it('who repairs may die as well', async () => {
    const at = place()
    const mutex = new Mutex(memory, at)
    for (let i = 0; i < 3; i++) {
      const process = startProcess(
        holding(at, 'say(String(mutex.ownerDied)); process.exit()'),
        memory,
      )
      await process.end
      expect(process.output()).toBe(`held\n${i > 0}\n`)
    }
    mutex.lockSync()
    expect(mutex.ownerDied).toBe(true)
    mutex.markConsistent()
    mutex.unlock()
  })

  it("a lock that nobody refers to any more stays its thread's", async () => {
    const at = place()
    const process = startProcess(
      `{ new Mutex(memory, ${at}).lockSync() }
       memory.unmap()
       for (let i = 0; i < 10; i++) { globalThis.gc?.(); await delay(2) }
       say('collected')
       process.stdin.resume()`,
      memory,
    )
    await process.said('collected')
    const mutex = new Mutex(memory, at)
    expect(mutex.lockSync(100)).toBe(false)
    process.child.kill('SIGKILL')
    expect(mutex.lockSync()).toBe(true)
    mutex.markConsistent()
    mutex.unlock()
  })
})

it('leaves no descriptor and no mapping behind once nothing uses a segment', async () => {
  const process = startProcess(
    `import fs from 'node:fs'
     import { setFlagsFromString } from 'node:v8'
     import { runInNewContext } from 'node:vm'
     setFlagsFromString('--expose-gc')
     const gc = runInNewContext('gc')
     const count = () => [fs.readdirSync('/proc/self/fd').length, fs.readFileSync('/proc/self/maps', 'utf8').split('memfd:posix-mmap').length]
     // With the first mapping the package opens /proc/self/maps, for good.
     SharedMemory.create(64).unmap()
     const [descriptors, mappings] = count()
     for (let i = 0; i < 50; i++) {
       const shared = SharedMemory.create(64)
       const mutex = new Mutex(shared)
       mutex.lockSync()
       mutex.unlock()
       shared.unmap()
     }
     // The last of them may still be in a register: its memory is mapped twice.
     const clean = () => count()[0] <= descriptors + 2 && count()[1] <= mappings + 2
     for (let i = 0; i < 500 && !clean(); i++) { gc(); await delay(10) }
     say(clean() ? 'clean' : String(count()))`,
  )
  expect(await process.end).toBe(0)
  expect(process.output()).toBe('clean\n')
})
