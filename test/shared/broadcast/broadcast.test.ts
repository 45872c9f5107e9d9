// What a Broadcast does: in one thread, next to a plain model, among processes that are killed, and with
// memory that somebody damages.

import fc from 'fast-check'
import { mapAnonymous, pageSize, SharedMemory } from 'posix-mmap'
import { Broadcast, MessageRing, type Subscription } from 'posix-mmap/shared'
import { afterEach, describe, expect, it } from 'vitest'
import { invalidType, invalidValue, mappingClosed, outOfRange } from '../../support/errors.js'
import { startProcess } from '../../sync/support.js'

const layout = expect.objectContaining({ code: 'ERR_SHARED_LAYOUT' })
const full = expect.objectContaining({ code: 'ERR_SHARED_FULL' })

const open: Broadcast[] = []
function newBroadcast(...args: Parameters<typeof Broadcast.create>): Broadcast {
  const made = Broadcast.create(...args)
  open.push(made)
  return made
}
afterEach(() => {
  for (const each of open.splice(0)) each[Symbol.dispose]()
})

const textOf = (message: Uint8Array | null) => (message === null ? null : `${Buffer.from(message)}`)

function drain(subscription: Subscription): string[] {
  const all: string[] = []
  for (;;) {
    const message = textOf(subscription.tryReceive())
    if (message === null) return all
    all.push(message)
  }
}

describe('a broadcast', () => {
  it('gives every reader every message, in order', () => {
    const news = newBroadcast(pageSize)
    const readers = [news.subscribe(), news.subscribe()]
    const sent = Array.from({ length: 20 }, (_, i) => `message ${i} ${'x'.repeat(i)}`)
    for (const message of sent) expect(news.publish(message)).toBe(true)
    expect(readers.map((reader) => reader.lag)).toEqual([20, 20])
    expect(readers.map(drain)).toEqual([sent, sent])
    expect(readers.map((reader) => reader.missed)).toEqual([0, 0])
  })

  it('begins now, or with the oldest message', () => {
    const news = newBroadcast(pageSize)
    news.publish('before')
    const [now, oldest] = [news.subscribe(), news.subscribe({ from: 'oldest' })]
    news.publish('after')
    expect([now, oldest].map(drain)).toEqual([['after'], ['before', 'after']])
  })

  it('takes messages of every length', () => {
    const news = newBroadcast(pageSize)
    const reader = news.subscribe()
    for (let length = 0; length <= news.maxMessageLength; length += 37) {
      const message = Buffer.alloc(length, length)
      expect(news.publish(message)).toBe(true)
      expect(message.equals(reader.tryReceive() as Uint8Array)).toBe(true)
    }
    const longest = Buffer.alloc(news.maxMessageLength, 'longest')
    for (let i = 0; i < 3; i++) {
      expect(news.publish(longest)).toBe(true)
      expect(longest.equals(reader.tryReceive() as Uint8Array)).toBe(true)
    }
    expect(() => news.publish(Buffer.alloc(news.maxMessageLength + 1))).toThrow(outOfRange)
  })

  it('drops the oldest, and says how many a reader has missed', () => {
    const news = newBroadcast(pageSize)
    const reader = news.subscribe()
    const count = 1000
    for (let i = 0; i < count; i++) expect(news.publish(`${i}`)).toBe(true)
    const got = drain(reader)
    expect(got.length).toBeGreaterThan(10)
    expect(reader.missed).toBe(count - got.length)
    expect(got).toEqual(Array.from(got, (_, i) => `${count - got.length + i}`))
  })

  it('with policy block has no room until every reader has received', () => {
    const news = newBroadcast(pageSize, { policy: 'block' })
    const [quick, slow] = [news.subscribe(), news.subscribe()]
    let sent = 0
    while (news.publish(`${sent}`)) sent++
    expect(drain(quick)).toHaveLength(sent)
    expect(news.publish('more')).toBe(false)
    expect(textOf(slow.tryReceive())).toBe('0')
    expect(news.publish('more')).toBe(true)
    expect(news.publish('and more')).toBe(false)
    slow[Symbol.dispose]()
    expect(news.publish('and more')).toBe(true)
    expect([quick.missed, slow.missed]).toEqual([0, 0])
  })

  it('gives messages to those who wait', async () => {
    const news = newBroadcast(pageSize)
    const reader = news.subscribe()
    const received = reader.receive()
    news.publish('here')
    expect(textOf(await received)).toBe('here')
    expect(reader.receiveSync(1)).toBeNull()
    await expect(reader.receive({ timeout: 1 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(reader.receive({ signal })).rejects.toThrow('enough')
    const pending = reader.receive()
    reader[Symbol.dispose]()
    await expect(pending).rejects.toThrow(mappingClosed)
    expect(() => reader.tryReceive()).toThrow(mappingClosed)
  })

  it('is iterated until it is disposed of', async () => {
    const news = newBroadcast(pageSize)
    const reader = news.subscribe()
    const seen: string[] = []
    const loop = (async () => {
      for await (const message of reader) {
        seen.push(`${Buffer.from(message)}`)
        if (seen.length === 3) news[Symbol.dispose]()
      }
    })()
    for (const message of ['a', 'b', 'c']) news.publish(message)
    await loop
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(() => news.publish('d')).toThrow(mappingClosed)
  })

  it('has so many readers', () => {
    const news = newBroadcast(pageSize, { maxReaders: 2 })
    const [one] = [news.subscribe(), news.subscribe()]
    expect(() => news.subscribe()).toThrow(full)
    one[Symbol.dispose]()
    news.subscribe()
  })

  it('is found by name, by memory and in no other memory', () => {
    const name = `broadcast-${process.pid}`
    const made = newBroadcast(pageSize, { name })
    SharedMemory.open(name).unmap()
    const found = Broadcast.open(name)
    SharedMemory.unlink(name)
    const reader = found.subscribe()
    made.publish('by name')
    expect(drain(reader)).toEqual(['by name'])
    found[Symbol.dispose]()
    const attached = Broadcast.attach(made.memory)
    attached[Symbol.dispose]()
    expect(made.memory.closed).toBe(false)
    expect(() => Broadcast.attach(SharedMemory.create(pageSize))).toThrow(layout)
    expect(() => Broadcast.attach(MessageRing.create(1).memory)).toThrow(layout)
    expect(() => Broadcast.attach(mapAnonymous(1) as SharedMemory)).toThrow(invalidType)
    expect(() => Broadcast.attach(made.memory.readOnly())).toThrow(invalidValue)
  })

  it('refuses what it cannot take', () => {
    expect(() => newBroadcast(0)).toThrow(outOfRange)
    expect(() => newBroadcast('1' as never)).toThrow(invalidType)
    expect(() => newBroadcast(1, { policy: 'wait' as 'block' })).toThrow(invalidValue)
    expect(() => newBroadcast(1, { maxReaders: 0 })).toThrow(outOfRange)
    expect(() => newBroadcast(1, { polcy: 'block' } as object)).toThrow(/'policy'/)
    const news = newBroadcast(1)
    expect(() => news.publish(5 as never)).toThrow(invalidType)
    expect(() => news.subscribe({ from: 'then' as 'now' })).toThrow(invalidValue)
  })
})

describe('next to a model', () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant('publish' as const), length: fc.integer({ min: 0, max: 900 }) }),
    fc.record({ what: fc.constant('receive' as const), reader: fc.nat(3) }),
    fc.record({ what: fc.constant('subscribe' as const), oldest: fc.boolean() }),
    fc.record({ what: fc.constant('leave' as const), reader: fc.nat(3) }),
  )

  it.each(['drop-oldest', 'block'] as const)('%s', (policy) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        using news = Broadcast.create(pageSize, { policy, maxReaders: 4 })
        const published: string[] = []
        const readers: { subscription: Subscription; next: number }[] = []
        for (const each of steps) {
          if (each.what === 'publish') {
            const message = `${published.length}:`.padEnd(each.length, 'x')
            if (news.publish(message)) published.push(message)
            else expect(policy).toBe('block')
          } else if (each.what === 'subscribe' && readers.length < 4) {
            const subscription = news.subscribe({ from: each.oldest ? 'oldest' : 'now' })
            readers.push({ subscription, next: published.length - subscription.lag })
          } else if (each.what === 'receive' && readers[each.reader] !== undefined) {
            const reader = readers[each.reader] as (typeof readers)[0]
            const before = reader.subscription.missed
            const message = textOf(reader.subscription.tryReceive())
            reader.next += reader.subscription.missed - before
            if (policy === 'block') expect(reader.subscription.missed).toBe(0)
            expect(message).toBe(published[reader.next] ?? null)
            if (message !== null) reader.next++
          } else if (each.what === 'leave') {
            readers.splice(each.reader, 1)[0]?.subscription[Symbol.dispose]()
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('with processes', () => {
  const opening = `
    const { Broadcast } = await import('posix-mmap/shared')
    const news = Broadcast.attach(memory)`

  it('gives all of them whole messages while others are killed', { timeout: 60_000 }, async () => {
    const news = newBroadcast(16 * pageSize)
    const reader = news.subscribe()
    const writer = `${opening}
      let i = 0
      say('ready')
      for (;;) {
        const length = 8 + (i * 7) % 3000
        const message = Buffer.alloc(length, i % 251)
        message.writeDoubleLE(i++, 0)
        news.publish(message)
      }`
    let [received, torn, kills] = [0, 0, 0]
    for (const end = Date.now() + 3000; Date.now() < end || kills <= 3; kills++) {
      const child = startProcess(writer, news.memory)
      await child.said('ready')
      const until = Date.now() + 100
      while (Date.now() < until) {
        const message = reader.tryReceive()
        if (message === null) continue
        received++
        const number = Buffer.from(message).readDoubleLE(0)
        const whole =
          message.length === 8 + ((number * 7) % 3000) &&
          message.subarray(8).every((byte) => byte === number % 251)
        if (!whole) torn++
      }
      child.child.kill('SIGKILL')
      await child.end
    }
    expect({ torn }).toEqual({ torn: 0 })
    expect(received).toBeGreaterThan(100)
    expect(kills).toBeGreaterThan(3)
    // Whoever had the lock is dead: the next one has it.
    expect(news.publish('and goes on')).toBe(true)
  })

  it('does not wait for a reader that was killed', async () => {
    const news = newBroadcast(pageSize, { policy: 'block' })
    const child = startProcess(
      `${opening}\n news.subscribe(); say('ready')
      setInterval(() => {}, 1000) // it ends by the signal alone`,
      news.memory,
    )
    await child.said('ready')
    while (news.publish('x'.repeat(100))) {}
    expect(news.publish('x'.repeat(100))).toBe(false)
    child.child.kill('SIGKILL')
    await child.end
    expect(news.publish('x'.repeat(100))).toBe(true)
  })

  it('wakes a reader that blocks', async () => {
    const news = newBroadcast(pageSize)
    const child = startProcess(
      `${opening}
      const reader = news.subscribe()
      say('ready')
      say(Buffer.from(reader.receiveSync()).toString())`,
      news.memory,
    )
    await child.said('ready')
    news.publish('wake up')
    await child.said('wake up')
    child.child.kill('SIGKILL')
    await child.end
  })
})

it('survives any words in its memory', () => {
  const word = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(0, 1, -1, pageSize, 8, 2 ** 30),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 * pageSize), word), { maxLength: 40 }), (stores) => {
      using news = Broadcast.create(pageSize, { maxReaders: 4, policy: 'block' })
      using reader = news.subscribe()
      const words = news.memory.view(Int32Array)
      // Words in use come first in the memory.
      const place = (at: number) => (at % 3 === 0 ? 16 + (at % 64) : at % words.length)
      for (const [at, value] of stores) {
        words[place(at)] = value
        for (const use of [
          () => news.publish('message'),
          () => reader.tryReceive(),
          () => reader.lag,
        ]) {
          try {
            use()
          } catch (error) {
            expect(['ERR_SHARED_LAYOUT', 'ERR_MUTEX_INCONSISTENT']).toContain(
              (error as NodeJS.ErrnoException).code,
            )
          }
        }
      }
    }),
    { numRuns: 100 },
  )
})
