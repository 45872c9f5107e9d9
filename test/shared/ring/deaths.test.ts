// Processes that are killed in the middle of it, and what the others find.

import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { pageSize, withShared } from 'posix-mmap'
import { MessageRing } from 'posix-mmap/shared'
import { expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { outputOf, programsIn } from '../../support/programs.js'
import { startWith, textOf } from './support.js'

const program = programsIn(scratchDirectory())
const long = { timeout: 120_000 }
const busy = expect.objectContaining({ code: 'EBUSY', errno: -16 })

it(
  'a producer that dies between reserve() and commit() leaves nothing and blocks nobody',
  long,
  async () => {
    using ring = MessageRing.create(pageSize)
    for (const wait of [
      () => ring.receiveSync(),
      () => ring.receive(),
      async () => {
        for await (const message of ring) return message
        return null
      },
      async () => {
        for (;;) {
          const message = ring.tryReceive()
          if (message !== null) return message
          await delay(1)
        }
      },
    ]) {
      const producer = startWith(
        ring,
        `ring.reserve(100).fill(1); say('reserved'); setInterval(() => {}, 1000)`,
      )
      await producer.said('reserved')
      expect(ring.trySend('behind it')).toBe(true)
      // A producer that lives is waited for.
      expect(ring.receiveSync(30)).toBeNull()
      producer.child.kill('SIGKILL')
      expect(await producer.end).toBe('SIGKILL')
      expect(textOf(await wait())).toBe('behind it')
      ring.release()
    }
  },
)

it('a producer that was stopped is waited for', long, async () => {
  using ring = MessageRing.create(pageSize)
  const body = `
    ring.reserve(3).set(Buffer.from('abc'))
    say('reserved')
    process.stdin.once('data', () => { ring.commit(); process.exit() })`
  const producer = startWith(ring, body)
  await producer.said('reserved')
  producer.child.kill('SIGSTOP')
  expect(ring.receiveSync(100)).toBeNull()
  producer.child.kill('SIGCONT')
  producer.child.stdin?.write('go on')
  expect(textOf(await ring.receive())).toBe('abc')
})

it('the room of the dead is found by those who wait for room', long, async () => {
  using ring = MessageRing.create(pageSize)
  const producer = startWith(
    ring,
    `ring.reserve(ring.maxMessageLength); say('reserved'); setInterval(() => {}, 1000)`,
  )
  await producer.said('reserved')
  const sent = ring.send('after it')
  const received = ring.receive()
  producer.child.kill('SIGKILL')
  await sent
  expect(textOf(await received)).toBe('after it')
})

it(
  'a consumer that dies is replaced, and what it had not finished is received again',
  long,
  async () => {
    using ring = MessageRing.create(pageSize)
    for (const text of ['a', 'b', 'c']) ring.trySend(text)
    const receive = `say(Buffer.from(ring.receiveSync()).toString())`
    const consumer = startWith(ring, `${receive}; ${receive}; setInterval(() => {}, 1000)`)
    await consumer.said('b')
    // Only one receives at a time.
    expect(ring.tryReceive()).toBeNull()
    expect(ring.receiveSync(30)).toBeNull()
    const next = ring.receive()
    consumer.child.kill('SIGKILL')
    expect(textOf(await next)).toBe('b')
    expect(textOf(ring.tryReceive())).toBe('c')
    expect(ring.tryReceive()).toBeNull()
  },
)

it('a consumer that dies in its sleep is no hindrance', long, async () => {
  using ring = MessageRing.create(pageSize)
  const consumer = startWith(ring, `say('waits'); ring.receiveSync()`)
  await consumer.said('waits')
  await delay(20)
  consumer.child.kill('SIGKILL')
  await consumer.end
  for (let i = 0; i < 1000; i++) {
    expect(ring.trySend(`${i}`)).toBe(true)
    expect(textOf(ring.tryReceive())).toBe(`${i}`)
  }
})

it('a single producer is one at a time, and is replaced when it dies', long, async () => {
  using ring = MessageRing.create(pageSize, { producers: 'single' })
  const body = `ring.trySend('of the first'); say('sent'); setInterval(() => {}, 1000)`
  const producer = startWith(ring, body)
  await producer.said('sent')
  expect(() => ring.trySend('me too')).toThrow(busy)
  expect(() => ring.reserve(1)).toThrow(busy)
  expect(() => ring.close()).toThrow(busy)
  await expect(ring.send('me too')).rejects.toThrow(busy)
  producer.child.kill('SIGKILL')
  await producer.end
  expect(ring.trySend('of the second')).toBe(true)
  expect(textOf(ring.receiveSync())).toBe('of the first')
  expect(textOf(ring.receiveSync())).toBe('of the second')
})

it('a single producer that leaves makes room for another one', long, async () => {
  using ring = MessageRing.create(pageSize, { producers: 'single' })
  const mine = MessageRing.attach(ring.memory)
  mine.trySend('mine')
  const body = `
    say('opened')
    process.stdin.once('data', () => { ring.trySend('theirs'); process.exit() })`
  const other = startWith(ring, body)
  await other.said('opened')
  mine[Symbol.dispose]()
  other.child.stdin?.write('now')
  expect(await other.end).toBe(0)
  expect(textOf(ring.receiveSync(1000))).toBe('mine')
  expect(textOf(ring.receiveSync(1000))).toBe('theirs')
})

it('inherited rings carry messages both ways', long, async () => {
  using there = MessageRing.create(2 ** 16)
  using back = MessageRing.create(2 ** 16)
  const child = program(
    'echo.mjs',
    `import { MessageRing } from 'posix-mmap/shared'
     const there = MessageRing.inherited('there')
     const back = MessageRing.inherited('back')
     for await (const message of there) await back.send(message)
     back.close()
     console.log('done')`,
  )
  const options = withShared({ there: there.memory, back: back.memory }, { silent: true })
  const output = outputOf(fork(child, [], options))
  const texts: (string | null)[] = []
  const reading = (async () => {
    for await (const message of back) texts.push(textOf(message))
  })()
  const expected = Array.from({ length: 5000 }, (_, i) => `${i}`.repeat(1 + (i % 20)))
  for (const text of expected) await there.send(text)
  there.close()
  await reading
  expect(texts).toEqual(expected)
  expect(await output).toBe('done\n')
})

it('threads that are terminated while they wait or write', long, async () => {
  using ring = MessageRing.create(pageSize)
  const body = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { Mapping } = require('posix-mmap')
    const { MessageRing } = require('posix-mmap/shared')
    const ring = MessageRing.attach(Mapping.attach(workerData))`
  const run = async (what: string) => {
    const options = { eval: true, execArgv: [], workerData: ring.memory.share() }
    const worker = new Worker(`${body}; ${what}`, options)
    await new Promise((resolve) => worker.once('message', resolve))
    await delay(20)
    await worker.terminate()
  }
  await run(`parentPort.postMessage(1); ring.receiveSync()`)
  await run(`parentPort.postMessage(1); ring.receive()`)
  await run(`ring.reserve(10); parentPort.postMessage(1); setInterval(() => {}, 1000)`)
  expect(ring.trySend('after them')).toBe(true)
  expect(textOf(await ring.receive())).toBe('after them')
  ring.release()
  ring.trySend('twice')
  await run(`ring.receiveSync(); parentPort.postMessage(1); setInterval(() => {}, 1000)`)
  expect(textOf(await ring.receive())).toBe('twice')
})

it('a process that only waits ends by process.exit()', long, async () => {
  using ring = MessageRing.create(pageSize)
  const waiting = startWith(ring, `setTimeout(() => process.exit(7), 50); await ring.receive()`)
  expect(await waiting.end).toBe(7)
})
