// Semaphore, Condition, RwLock and Barrier, between threads and processes.

import { setTimeout as delay } from 'node:timers/promises'
import { Barrier, Condition, Mutex, RwLock, Semaphore } from 'posix-mmap/sync'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, untyped } from '../support/errors.js'
import { inconsistent, notHeld, startProcess, startThread, testMemory } from './support.js'

const { memory, place } = testMemory()

it('memory of one kind is refused by the others', () => {
  const at = place()
  const kinds = [Mutex, Semaphore, Condition, RwLock]
  new Mutex(memory, at)
  for (const Kind of kinds.slice(1)) expect(() => new Kind(memory, at)).toThrow(invalidValue)
  expect(() => new Barrier(memory, at, 2)).toThrow(invalidValue)
  for (const Kind of [...kinds, Barrier]) {
    expect(Kind.byteLength % 4).toBe(0)
    expect(() => new Kind(memory, memory.byteLength - Kind.byteLength + 4)).toThrow(outOfRange)
  }
})

describe('a semaphore', () => {
  it('has permits that are taken and given', async () => {
    const at = place()
    const semaphore = new Semaphore(memory, at, 2)
    expect(new Semaphore(memory, at, 7).value).toBe(2)
    expect([semaphore.tryWait(), semaphore.waitSync(), semaphore.tryWait()]).toEqual([
      true,
      true,
      false,
    ])
    expect(semaphore.waitSync(5)).toBe(false)
    expect(await semaphore.wait({ timeout: 5 })).toBe(false)
    const waits = [semaphore.wait(), semaphore.wait()]
    semaphore.post(3)
    expect(await Promise.all(waits)).toEqual([true, true])
    expect(semaphore.value).toBe(1)
    semaphore.post()
    expect(semaphore.value).toBe(2)
    expect(new Semaphore(memory, place()).value).toBe(0)
  })

  it('refuses what cannot be', async () => {
    const semaphore = new Semaphore(memory, place(), 2 ** 29 - 2)
    semaphore.post()
    expect(() => semaphore.post()).toThrow(outOfRange)
    expect(semaphore.value).toBe(2 ** 29 - 1)
    expect(() => semaphore.post(0)).toThrow(invalidValue)
    expect(() => semaphore.post(untyped('1'))).toThrow(invalidType)
    expect(() => new Semaphore(memory, place(), -1)).toThrow(outOfRange)
    expect(() => new Semaphore(memory, place(), 2 ** 29)).toThrow(outOfRange)
    const empty = new Semaphore(memory, place())
    const controller = new AbortController()
    const waiting = empty.wait({ signal: controller.signal })
    setTimeout(() => controller.abort('enough'), 5)
    await expect(waiting).rejects.toBe('enough')
  })

  it('passes permits on between processes and threads, and loses none', {
    timeout: 120_000,
  }, async () => {
    const at = place()
    const semaphore = new Semaphore(memory, at, 0)
    const body = (wait: string) => `
      const semaphore = new Semaphore(memory, ${at})
      for (let i = 0; i < 1000; i++) { ${wait}; semaphore.post() }
      say('done')`
    const all = [
      startProcess(body('semaphore.waitSync()'), memory),
      startProcess(body('await semaphore.wait()'), memory),
      startThread(body('semaphore.waitSync()'), memory),
    ]
    semaphore.post(2)
    await Promise.all(all.map(({ said }) => said('done')))
    expect(semaphore.value).toBe(2)
  })
})

describe('a condition', () => {
  it('unlocks while it waits, and locks again', async () => {
    const [mutex, condition] = [new Mutex(memory, place()), new Condition(memory, place())]
    expect(() => condition.waitSync(mutex)).toThrow(notHeld)
    await expect(condition.wait(mutex)).rejects.toThrow(notHeld)
    expect(() => condition.waitSync(untyped({}))).toThrow(invalidType)
    mutex.lockSync()
    expect(condition.waitSync(mutex, 5)).toBe(false)
    expect(await condition.wait(mutex, { timeout: 5 })).toBe(false)
    const waiting = condition.wait(mutex)
    expect(mutex.tryLock()).toBe(true)
    condition.notifyOne()
    mutex.unlock()
    expect(await waiting).toBe(true)
    const controller = new AbortController()
    const aborted = condition.wait(mutex, { signal: controller.signal })
    controller.abort('enough')
    await expect(aborted).rejects.toBe('enough')
    // Locked also then.
    mutex.unlock()
  })

  it('wakes one or all of those who wait', async () => {
    const [mutex, condition] = [new Mutex(memory, place()), new Condition(memory, place())]
    let woken = 0
    const waits = Array.from({ length: 5 }, async () => {
      await mutex.lock()
      await condition.wait(mutex)
      woken++
      mutex.unlock()
    })
    // All of them wait when the lock is free and nobody wants it.
    await delay(100)
    condition.notifyOne()
    await expect.poll(() => woken, { timeout: 5000 }).toBe(1)
    await delay(50)
    expect(woken).toBe(1)
    condition.notifyAll()
    await Promise.all(waits)
    expect(woken).toBe(5)
  })

  it('is how a queue is waited for, between processes and threads', {
    timeout: 120_000,
  }, async () => {
    const [lockAt, conditionAt, queue] = [place(), place(), place()]
    const body = (act: string) => `
      const mutex = new Mutex(memory, ${lockAt})
      const condition = new Condition(memory, ${conditionAt})
      const words = memory.view(Int32Array, ${queue})
      let taken = 0
      ${act}
      say('done')`
    const take = (lock: string, wait: string) => `
      for (let i = 0; i < 500; i++) {
        ${lock}
        while (words[0] === 0) ${wait}
        words[0]--
        words[1]++
        mutex.unlock()
      }`
    const give = `
      for (let i = 0; i < 1500; i++) {
        mutex.lockSync()
        words[0]++
        mutex.unlock()
        if (i % 2) condition.notifyOne()
        else condition.notifyAll()
      }`
    const all = [
      startProcess(body(take('mutex.lockSync()', 'condition.waitSync(mutex)')), memory),
      startProcess(body(take('await mutex.lock()', 'await condition.wait(mutex)')), memory),
      startThread(body(take('mutex.lockSync()', 'condition.waitSync(mutex)')), memory),
      startProcess(body(give), memory),
    ]
    await Promise.all(all.map(({ said }) => said('done')))
    expect(Array.from(memory.view(Int32Array, queue, 2))).toEqual([0, 1500])
  })
})

describe('a readers-writer lock', () => {
  it('is shared by readers, or held by a writer alone', async () => {
    const at = place()
    const lock = new RwLock(memory, at)
    expect([lock.tryLockShared(), lock.lockSharedSync()]).toEqual([true, true])
    expect(await lock.lockShared()).toBe(true)
    expect(lock.tryLockExclusive()).toBe(false)
    expect(() => lock.lockExclusiveSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }))
    expect(() => lock.unlockExclusive()).toThrow(notHeld)
    expect(await lock.lockExclusive({ timeout: 20 })).toBe(false)
    const writing = lock.lockExclusive()
    for (let i = 0; i < 3; i++) lock.unlockShared()
    expect(() => lock.unlockShared()).toThrow(notHeld)
    expect(await writing).toBe(true)
    expect([lock.tryLockShared(), lock.tryLockExclusive()]).toEqual([false, false])
    expect(() => lock.lockSharedSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }))
    expect(await lock.lockShared({ timeout: 5 })).toBe(false)
    lock.unlockExclusive()
    expect(
      lock.withLockSharedSync(() => lock.withLockSharedSync(() => lock.tryLockExclusive())),
    ).toBe(false)
    expect(await lock.withLockExclusive(async () => lock.tryLockShared())).toBe(false)
    expect(lock.withLockExclusiveSync(() => lock.tryLockShared())).toBe(false)
    expect(await lock.withLockShared(async () => lock.tryLockExclusive())).toBe(false)
    expect(lock.tryLockExclusive()).toBe(true)
    lock.unlockExclusive()
  })

  it('a writer who waits keeps new readers out, and lets them in when it gives up', async () => {
    const lock = new RwLock(memory, place())
    lock.lockSharedSync()
    const controller = new AbortController()
    const writing = lock.lockExclusive({ signal: controller.signal })
    expect(lock.tryLockShared()).toBe(false)
    const reading = lock.lockShared()
    await delay(20)
    controller.abort('enough')
    await expect(writing).rejects.toBe('enough')
    expect(await reading).toBe(true)
    lock.unlockShared()
    lock.unlockShared()
  })

  it('more readers than have a place wait for one', async () => {
    const lock = new RwLock(memory, place())
    for (let i = 0; i < 124; i++) expect(lock.tryLockShared()).toBe(true)
    expect(lock.tryLockShared()).toBe(false)
    const reading = lock.lockShared()
    await delay(20)
    lock.unlockShared()
    expect(await reading).toBe(true)
    for (let i = 0; i < 124; i++) lock.unlockShared()
    expect(lock.tryLockExclusive()).toBe(true)
    lock.unlockExclusive()
  })

  it('keeps writers from everybody, in threads and processes', { timeout: 120_000 }, async () => {
    const [at, data] = [place(), place()]
    const body = (act: string) => `
      const lock = new RwLock(memory, ${at})
      const words = memory.view(Int32Array, ${data})
      for (let i = 0; i < 1000; i++) { ${act} }
      say('done')`
    const write = (how: string) => `
      ${how}
      words[0]++
      words[1]++
      lock.unlockExclusive()`
    const read = (how: string) => `
      ${how}
      const first = words[1]
      if (words[0] !== first) say('torn')
      lock.unlockShared()`
    const all = [
      startProcess(body(write('lock.lockExclusiveSync()')), memory),
      startProcess(body(write('await lock.lockExclusive()')), memory),
      startProcess(body(read('lock.lockSharedSync()')), memory),
      startProcess(body(read('await lock.lockShared()')), memory),
      startThread(body(read('lock.lockSharedSync()')), memory),
    ]
    await Promise.all(all.map(({ said }) => said('done')))
    expect(Array.from(memory.view(Int32Array, data, 2))).toEqual([2000, 2000])
    for (const one of all) if ('output' in one) expect(one.output()).toBe('done\n')
  })

  it.each(['lockSharedSync', 'lockExclusiveSync'] as const)(
    'a writer who dies is told of to the next one, by %s',
    async (how) => {
      const at = place()
      const lock = new RwLock(memory, at)
      const holding = (call: string) =>
        startProcess(
          `new RwLock(memory, ${at}).${call}(); say('held'); process.stdin.resume()`,
          memory,
        )
      // A reader leaves nothing that needs repair.
      const reader = holding('lockSharedSync')
      await reader.said('held')
      const first = lock.lockExclusive()
      reader.child.kill('SIGKILL')
      expect(await first).toBe(true)
      expect(lock.ownerDied).toBe(false)
      lock.unlockExclusive()
      const writer = holding('lockExclusiveSync')
      await writer.said('held')
      writer.child.kill('SIGKILL')
      expect(lock[how]()).toBe(true)
      expect(lock.ownerDied).toBe(true)
      expect(lock.tryLockShared()).toBe(false)
      const unlock =
        how === 'lockSharedSync' ? () => lock.unlockShared() : () => lock.unlockExclusive()
      lock.markConsistent()
      unlock()
      expect(lock.tryLockShared()).toBe(true)
      lock.unlockShared()
      const other = holding('lockExclusiveSync')
      await other.said('held')
      other.child.kill('SIGKILL')
      expect(lock[how]()).toBe(true)
      unlock()
      expect(() => lock.tryLockShared()).toThrow(inconsistent)
      expect(() => lock.lockExclusiveSync()).toThrow(inconsistent)
    },
  )
})

describe('a barrier', () => {
  it('has a number of parties that all agree on', () => {
    const at = place()
    expect(() => new Barrier(memory, at)).toThrow(invalidValue)
    expect(new Barrier(memory, at, 3).parties).toBe(3)
    expect(new Barrier(memory, at).parties).toBe(3)
    expect(() => new Barrier(memory, at, 2)).toThrow(invalidValue)
    for (const parties of [0, 32768, -1, 1.5]) {
      expect(() => new Barrier(memory, place(), parties)).toThrow(outOfRange)
    }
    expect(new Barrier(memory, place(), 1).arriveAndWaitSync()).toBe(true)
  })

  it('an arrival that is given up does not count', async () => {
    const barrier = new Barrier(memory, place(), 2)
    expect(barrier.arriveAndWaitSync(5)).toBe(false)
    expect(await barrier.arriveAndWait({ timeout: 5 })).toBe(false)
    const controller = new AbortController()
    const arriving = barrier.arriveAndWait({ signal: controller.signal })
    controller.abort('enough')
    await expect(arriving).rejects.toBe('enough')
    const both = [barrier.arriveAndWait(), barrier.arriveAndWait()]
    expect(await Promise.all(both)).toEqual([true, true])
  })

  it('opens for processes and threads when all are there, again and again', {
    timeout: 120_000,
  }, async () => {
    const [at, data] = [place(), place()]
    const rounds = 200
    const body = (arrive: string) => `
      const barrier = new Barrier(memory, ${at}, 3)
      const words = memory.view(Int32Array, ${data})
      for (let round = 1; round <= ${rounds}; round++) {
        Atomics.add(words, 0, 1)
        ${arrive}
        if (Atomics.load(words, 0) < 3 * round) say('too early')
        ${arrive}
      }
      say('done')`
    const all = [
      startProcess(body('barrier.arriveAndWaitSync()'), memory),
      startProcess(body('await barrier.arriveAndWait()'), memory),
      startThread(body('barrier.arriveAndWaitSync()'), memory),
    ]
    await Promise.all(all.map(({ said }) => said('done')))
    for (const one of all) if ('output' in one) expect(one.output()).toBe('done\n')
  })
})
