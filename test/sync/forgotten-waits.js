// Waits whose object nobody refers to: it is collected, unless the wait keeps it. Without it the wait would
// go on in memory that this thread has given up, and that others of its segments may be shown at by then.
//   node --expose-gc test/sync/forgotten-waits.js
// prints what each wait gave, and which of them changed another segment, as JSON.

import { setTimeout as delay } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { SharedMemory } from '../../dist/index.js'
import { Broadcast, MessageRing, SharedMap, Snapshot } from '../../dist/shared.js'
import { Barrier, Condition, Mutex, RwLock, Semaphore } from '../../dist/sync.js'

/** Two that another thread holds can be had in one memory. */
const second = 1024
const text = (/** @type {Uint8Array} */ bytes) => Buffer.from(bytes).toString()

/**
 * Made by whoever waits: `memory`. Another thread has what `prepare` returns, and when the wait has begun
 * and everything else was collected, it does what `finish` does.
 *
 * @type {Record<string, {
 *   memory?: () => SharedMemory
 *   prepare?: (memory: SharedMemory) => any
 *   wait: (memory: SharedMemory) => unknown
 *   finish: (memory: SharedMemory, prepared: any) => unknown
 * }>}
 */
const cases = {
  'Mutex.lock': {
    prepare(memory) {
      const mutex = new Mutex(memory)
      mutex.lockSync()
      return mutex
    },
    wait: (memory) => new Mutex(memory).lock(),
    finish: (_, mutex) => mutex.unlock(),
  },
  'Mutex.withLock': {
    prepare: (memory) => cases['Mutex.lock']?.prepare?.(memory),
    wait: (memory) => new Mutex(memory).withLock(() => 'body'),
    finish: (_, mutex) => mutex.unlock(),
  },
  'RwLock.lockShared': {
    prepare(memory) {
      const lock = new RwLock(memory)
      lock.lockExclusiveSync()
      return lock
    },
    wait: (memory) => new RwLock(memory).lockShared(),
    finish: (_, lock) => lock.unlockExclusive(),
  },
  'RwLock.lockExclusive': {
    prepare(memory) {
      const lock = new RwLock(memory)
      lock.lockSharedSync()
      return lock
    },
    wait: (memory) => new RwLock(memory).lockExclusive(),
    finish: (_, lock) => lock.unlockShared(),
  },
  'Semaphore.wait': {
    wait: (memory) => new Semaphore(memory).wait(),
    finish: (memory) => new Semaphore(memory).post(),
  },
  'Barrier.arriveAndWait': {
    wait: (memory) => new Barrier(memory, 0, 2).arriveAndWait(),
    finish: (memory) => new Barrier(memory, 0, 2).arriveAndWaitSync(),
  },
  'Condition.wait': {
    wait(memory) {
      const mutex = new Mutex(memory, second)
      mutex.lockSync()
      return new Condition(memory).wait(mutex)
    },
    finish: (memory) => new Condition(memory).notifyAll(),
  },
  'Condition.wait with a mutex in other memory': {
    wait(memory) {
      const mutex = new Mutex(SharedMemory.create(memory.byteLength))
      mutex.lockSync()
      return new Condition(memory).wait(mutex)
    },
    finish: (memory) => new Condition(memory).notifyAll(),
  },
  'MessageRing.receive': {
    memory: () => MessageRing.create(50_000).memory,
    wait: async (memory) => text(await MessageRing.attach(memory).receive()),
    finish: (memory) => MessageRing.attach(memory).sendSync('sent'),
  },
  'MessageRing.send': {
    memory: () => MessageRing.create(50_000).memory,
    prepare(memory) {
      const ring = MessageRing.attach(memory)
      while (ring.trySend(Buffer.alloc(1000)));
      return ring
    },
    wait: (memory) => MessageRing.attach(memory).send(Buffer.alloc(5000)),
    finish(_, ring) {
      for (let i = 0; i < 20; i++) ring.tryReceive()
      ring.release()
    },
  },
  'the iterator of a MessageRing': {
    memory: () => MessageRing.create(50_000).memory,
    async wait(memory) {
      const { value } = await MessageRing.attach(memory)[Symbol.asyncIterator]().next()
      return text(value)
    },
    finish: (memory) => MessageRing.attach(memory).sendSync('sent'),
  },
  'Subscription.receive': {
    memory: () => Broadcast.create(50_000).memory,
    wait: async (memory) => text(await Broadcast.attach(memory).subscribe().receive()),
    finish: (memory) => Broadcast.attach(memory).publish('published'),
  },
  'the iterator of a Subscription': {
    memory: () => Broadcast.create(50_000).memory,
    async wait(memory) {
      const subscription = Broadcast.attach(memory).subscribe()
      const { value } = await subscription[Symbol.asyncIterator]().next()
      return text(value)
    },
    finish: (memory) => Broadcast.attach(memory).publish('published'),
  },
  'SharedMap.getOrSet': {
    memory: () => SharedMap.create(60_000).memory,
    prepare(memory) {
      let fill = (/** @type {string} */ _value) => {}
      const filled = new Promise((resolve) => {
        fill = resolve
      })
      void SharedMap.attach(memory).getOrSet('key', () => filled)
      return fill
    },
    wait: (memory) => SharedMap.attach(memory).getOrSet('key', () => 'own'),
    finish: (_, fill) => fill('filled'),
  },
  'Snapshot.changes': {
    memory: () => Snapshot.create(10_000).memory,
    wait: async (memory) => (await Snapshot.attach(memory).changes().next()).value,
    finish: (memory) => Snapshot.attach(memory).publish('new'),
  },
}

async function wait() {
  const peer = new Worker(new URL(import.meta.url))
  const ask = (/** @type {object} */ message) =>
    new Promise((resolve) => {
      peer.once('message', resolve)
      peer.postMessage(message)
    })
  /** @type {Record<string, unknown>} */
  const given = {}
  const changed = []
  for (const [name, { memory: make, wait }] of Object.entries(cases)) {
    const memory = make?.() ?? SharedMemory.create(60_000)
    const handle = memory.share()
    await ask({ name, handle, step: 'prepare' })
    const result = Promise.resolve(wait(memory))
    await delay(10)
    for (let i = 0; i < 4; i++) {
      globalThis.gc?.()
      await delay(5)
    }
    // What would be shown where the memory was.
    const others = Array.from({ length: 3 }, () => SharedMemory.create(memory.byteLength))
    const users = others.map((other) => new Mutex(other, other.byteLength - 16))
    await ask({ name, handle, step: 'finish' })
    given[name] = await Promise.race([result, delay(20_000, 'nothing')])
    const isChanged = others.some((other) => other.bytes(0, other.byteLength - 16).some(Boolean))
    if (isChanged || users.some((user) => !user.tryLock())) changed.push(name)
    others.forEach((other) => {
      other.unmap()
    })
  }
  await peer.terminate()
  console.log(JSON.stringify({ given, changed }))
  process.exit()
}

function help() {
  /** @type {any} */
  let prepared
  parentPort?.on('message', ({ name, handle, step }) => {
    const memory = /** @type {SharedMemory} */ (SharedMemory.attach(handle))
    if (step === 'prepare') prepared = cases[name]?.prepare?.(memory)
    parentPort?.postMessage('done')
    if (step === 'finish') cases[name]?.finish(memory, prepared)
  })
}

if (isMainThread) await wait()
else help()
