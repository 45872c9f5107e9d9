// What a MessageRing does in one thread, and what it refuses.

import { setImmediate as turn } from 'node:timers/promises'
import { mapAnonymous, pageSize, SharedMemory } from 'posix-mmap'
import { MessageRing } from 'posix-mmap/shared'
import { Mutex } from 'posix-mmap/sync'
import { afterEach, describe, expect, it } from 'vitest'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  systemError,
  untyped,
} from '../../support/errors.js'
import { expectNothingNew, traces } from '../../support/traces.js'

const layout = expect.objectContaining({ code: 'ERR_SHARED_LAYOUT' })
const invalidState = expect.objectContaining({ code: 'ERR_INVALID_STATE' })

const rings: MessageRing[] = []
function newRing(...args: Parameters<typeof MessageRing.create>): MessageRing {
  const ring = MessageRing.create(...args)
  rings.push(ring)
  return ring
}
afterEach(() => {
  for (const ring of rings.splice(0)) ring[Symbol.dispose]()
})

const textOf = (message: Uint8Array | null) =>
  message === null ? null : Buffer.from(message).toString()
const both = [{ producers: 'many' }, { producers: 'single' }] as const

describe('capacity', () => {
  it.each([1, pageSize - 1, pageSize, pageSize + 1, 100_000, 2 ** 20])(
    'of %i bytes is whole pages',
    (length) => {
      const ring = newRing(length)
      expect(ring.capacity).toBe(pageSize * Math.ceil(length / pageSize))
      expect(ring.memory.byteLength).toBe(ring.capacity + pageSize)
      expect(ring.maxMessageLength).toBe(ring.capacity - 16)
      expect(ring.closed).toBe(false)
    },
  )

  it('is what messages find, and 8 bytes that are never taken', () => {
    const ring = newRing(pageSize)
    let sent = 0
    while (ring.trySend('eight by')) sent++
    expect(sent).toBe(pageSize / 16 - 1)
  })
})

describe.each(both)('messages of $producers producers', (options) => {
  it('come out as they went in, with any length', () => {
    const ring = newRing(pageSize, options)
    for (let length = 0; length <= ring.maxMessageLength; length += length < 300 ? 1 : 97) {
      const message = Buffer.alloc(length, length)
      expect(ring.trySend(message), `${length}`).toBe(true)
      expect(message.equals(ring.tryReceive() ?? Buffer.alloc(1)), `${length}`).toBe(true)
      expect(ring.tryReceive()).toBeNull()
    }
    const longest = Buffer.alloc(ring.maxMessageLength, 'longest')
    for (let i = 0; i < 5; i++) {
      expect(ring.trySend(longest)).toBe(true)
      expect(ring.trySend('')).toBe(false)
      expect(longest.equals(ring.tryReceive() as Uint8Array)).toBe(true)
      ring.release()
    }
  })

  it('are text as UTF-8', () => {
    const ring = newRing(pageSize, options)
    for (const text of ['', 'a', 'ä€😀', '\ud800', 'x'.repeat(3000)]) {
      expect(ring.trySend(text)).toBe(true)
      expect(textOf(ring.tryReceive())).toBe(Buffer.from(text).toString())
    }
  })

  it('are in order, whatever wraps', () => {
    const ring = newRing(pageSize, options)
    let sent = 0
    let received = 0
    const next = (number: number) => Buffer.alloc((number * 37) % 1200, number & 255)
    while (received < 20_000) {
      while (ring.trySend(next(sent))) sent++
      for (let some = 1 + (received % 7); some > 0; some--) {
        const message = ring.tryReceive()
        if (message === null) break
        if (!next(received).equals(message)) throw new Error(`${received} is another one`)
        received++
      }
    }
  })

  it('are given in place until they are done with', () => {
    const ring = newRing(pageSize, options)
    ring.trySend('first')
    ring.trySend('second')
    const first = ring.tryReceive() as Uint8Array
    const big = Buffer.alloc(ring.maxMessageLength - 8)
    expect(ring.trySend(big)).toBe(false)
    expect(textOf(first)).toBe('first')
    expect(textOf(ring.tryReceive())).toBe('second')
    expect(ring.trySend(big)).toBe(false)
    ring.release()
    ring.release()
    expect(ring.trySend(big)).toBe(true)
  })

  it('are written in place', () => {
    const ring = newRing(pageSize, options)
    const place = ring.reserve(5) as Uint8Array
    expect(place.byteLength).toBe(5)
    place.set(Buffer.from('place'))
    expect(ring.tryReceive()).toBeNull()
    expect(() => ring.reserve(1)).toThrow(invalidState)
    // Others come after it.
    expect(ring.trySend('behind')).toBe(true)
    expect(ring.tryReceive()).toBeNull()
    ring.commit()
    expect(textOf(ring.tryReceive())).toBe('place')
    expect(textOf(ring.tryReceive())).toBe('behind')
    ring.reserve(100)
    ring.abort()
    expect(ring.tryReceive()).toBeNull()
    expect(() => ring.commit()).toThrow(invalidState)
    expect(() => ring.abort()).toThrow(invalidState)
    ring.trySend(Buffer.alloc(ring.maxMessageLength - 8))
    expect(ring.reserve(1)).toBeNull()
  })

  it('that were given up leave their room', () => {
    const ring = newRing(pageSize, options)
    for (let i = 0; i < 1000; i++) {
      expect(ring.reserve(1000)).not.toBeNull()
      ring.abort()
      expect(ring.trySend(`${i}`)).toBe(true)
      expect(textOf(ring.tryReceive())).toBe(`${i}`)
    }
  })

  it('are waited for', async () => {
    const ring = newRing(pageSize, options)
    const received = ring.receive()
    await turn()
    ring.trySend('now')
    expect(textOf(await received)).toBe('now')
    expect(ring.receiveSync(5)).toBeNull()
    await expect(ring.receive({ timeout: 5 })).rejects.toThrow(systemError('ETIMEDOUT', 'receive'))
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await expect(ring.receive({ signal })).rejects.toBe(reason)
    const controller = new AbortController()
    const aborted = ring.receive({ signal: controller.signal })
    await turn()
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    ring.trySend('later')
    expect(textOf(ring.receiveSync())).toBe('later')
  })

  it('wait for room', async () => {
    const ring = newRing(pageSize, options)
    const big = Buffer.alloc(ring.maxMessageLength, 'big')
    await ring.send(big)
    expect(ring.sendSync(big, 5)).toBe(false)
    await expect(ring.send(big, { timeout: 5 })).rejects.toThrow(systemError('ETIMEDOUT', 'send'))
    const sent = ring.send(big)
    await turn()
    expect(big.equals(ring.tryReceive() as Uint8Array)).toBe(true)
    ring.release()
    await sent
    expect(big.equals(ring.tryReceive() as Uint8Array)).toBe(true)
    ring.release()
    expect(ring.sendSync(big)).toBe(true)
  })

  it('several calls of receive() get different ones, which stay', async () => {
    const ring = newRing(pageSize, options)
    const all = Promise.all([ring.receive(), ring.receive(), ring.receive()])
    for (const text of ['a', 'b', 'c']) await ring.send(text)
    expect((await all).map(textOf).toSorted()).toEqual(['a', 'b', 'c'])
    ring.release()
    while (ring.trySend('overwritten'));
    expect((await all).map(textOf).toSorted()).toEqual(['a', 'b', 'c'])
  })

  it('end', async () => {
    const ring = newRing(pageSize, options)
    ring.trySend('last')
    ring.close()
    ring.close()
    expect(ring.closed).toBe(true)
    expect(() => ring.trySend('more')).toThrow(systemError('EPIPE', 'trySend'))
    expect(() => ring.sendSync('more')).toThrow(systemError('EPIPE', 'sendSync'))
    expect(() => ring.reserve(1)).toThrow(systemError('EPIPE', 'reserve'))
    await expect(ring.send('more')).rejects.toThrow(systemError('EPIPE', 'send'))
    expect(textOf(ring.receiveSync())).toBe('last')
    expect(ring.receiveSync()).toBeNull()
    expect(ring.tryReceive()).toBeNull()
    await expect(ring.receive()).rejects.toThrow(systemError('EPIPE', 'receive'))
  })

  it('end for those who wait', async () => {
    const ring = newRing(pageSize, options)
    const received = ring.receive()
    await turn()
    ring.close()
    await expect(received).rejects.toThrow(systemError('EPIPE', 'receive'))
    const full = newRing(pageSize, options)
    while (full.trySend('full'));
    const sent = full.send('more')
    await turn()
    full.close()
    await expect(sent).rejects.toThrow(systemError('EPIPE', 'send'))
  })
})

describe('iteration', () => {
  it('gives copies until the end', async () => {
    const ring = newRing(pageSize)
    const texts: (string | null)[] = []
    const reading = (async () => {
      for await (const message of ring) texts.push(textOf(message))
    })()
    const expected = Array.from({ length: 3000 }, (_, i) => `message ${i}`)
    for (const text of expected) await ring.send(text)
    ring.close()
    await reading
    expect(texts).toEqual(expected)
  })

  it('lets the event loop have its turns while messages keep coming', async () => {
    const ring = newRing(2 ** 20)
    let turns = 0
    const count = () => {
      turns++
      immediate = setImmediate(count)
    }
    let immediate = setImmediate(count)
    let received = 0
    ring.trySend('first')
    for await (const _message of ring) {
      while (ring.trySend('more'));
      if (++received === 200 && turns > 3) break
      if (received > 100_000) throw new Error('the loop had no turns')
      if (received > 200 && turns > 3) break
    }
    clearImmediate(immediate)
    expect(turns).toBeGreaterThan(3)
  })

  it('that ends early is done with what it was given', async () => {
    const ring = newRing(pageSize)
    ring.trySend('one')
    ring.trySend('two')
    for await (const message of ring) {
      expect(textOf(message)).toBe('one')
      break
    }
    expect(textOf(ring.tryReceive())).toBe('two')
  })
})

describe('several objects', () => {
  it('over one memory are one ring', () => {
    const ring = newRing(pageSize)
    const other = MessageRing.attach(ring.memory)
    rings.push(other)
    ring.trySend('to the other')
    expect(textOf(other.tryReceive())).toBe('to the other')
    // The other is not done.
    ring.trySend('second')
    expect(ring.tryReceive()).toBeNull()
    expect(() => ring.receiveSync()).toThrow(expect.objectContaining({ code: 'EDEADLK' }))
    other.release()
    expect(textOf(ring.tryReceive())).toBe('second')
  })

  it('find each other by name', () => {
    const name = `ring-test-${process.pid}`
    const ring = newRing(pageSize, { name })
    try {
      const other = MessageRing.open(name)
      rings.push(other)
      other.trySend('by name')
      expect(textOf(ring.tryReceive())).toBe('by name')
      expect(() => MessageRing.create(pageSize, { name })).toThrow(
        expect.objectContaining({ code: 'EEXIST' }),
      )
    } finally {
      SharedMemory.unlink(name)
    }
  })

  it('a message that was not done with is received again by who comes next', () => {
    const ring = newRing(pageSize)
    const other = MessageRing.attach(ring.memory)
    ring.trySend('a')
    ring.trySend('b')
    other.tryReceive()
    // Disposing of an object is to be done.
    other[Symbol.dispose]()
    expect(textOf(ring.tryReceive())).toBe('b')
  })
})

describe('what is refused', () => {
  it('arguments', async () => {
    const ring = newRing(pageSize)
    for (const value of [0, -1, 1.5, 2 ** 30 + 1, Number.NaN]) {
      expect(() => MessageRing.create(value), `${value}`).toThrow(outOfRange)
    }
    for (const value of ['1', null, undefined, {}]) {
      expect(() => MessageRing.create(untyped(value))).toThrow(invalidType)
    }
    expect(() => MessageRing.create(1, untyped(1))).toThrow(invalidType)
    expect(() => MessageRing.create(1, untyped({ producers: 2 }))).toThrow(invalidType)
    expect(() => MessageRing.create(1, untyped({ producers: 'two' }))).toThrow(invalidValue)
    expect(() => MessageRing.create(1, { name: 'a/b' })).toThrow(invalidValue)
    for (const value of [undefined, null, 1, {}, [], new Uint16Array(1), new ArrayBuffer(1)]) {
      expect(() => ring.trySend(untyped(value))).toThrow(invalidType)
      expect(() => ring.sendSync(untyped(value))).toThrow(invalidType)
      await expect(ring.send(untyped(value))).rejects.toThrow(invalidType)
    }
    const long = Buffer.alloc(ring.maxMessageLength + 1)
    expect(() => ring.trySend(long)).toThrow(outOfRange)
    expect(() => ring.trySend(long.toString('latin1'))).toThrow(outOfRange)
    expect(() => ring.reserve(long.length)).toThrow(outOfRange)
    expect(() => ring.reserve(-1)).toThrow(outOfRange)
    expect(() => ring.reserve(untyped('1'))).toThrow(invalidType)
    expect(() => ring.receiveSync(untyped('1'))).toThrow(invalidType)
    await expect(ring.receive(untyped(1))).rejects.toThrow(invalidType)
    await expect(ring.receive(untyped({ signal: 1 }))).rejects.toThrow(invalidType)
    await expect(ring.send('a', untyped({ timeout: '1' }))).rejects.toThrow(invalidType)
    expect(() => Reflect.construct(MessageRing, [])).toThrow(
      expect.objectContaining({ code: 'ERR_ILLEGAL_CONSTRUCTOR' }),
    )
    expect(() => MessageRing.inherited('nothing')).toThrow(invalidValue)
    expect(ring.tryReceive()).toBeNull()
  })

  it('memory that is no ring', () => {
    for (const value of [undefined, {}, Buffer.alloc(100), mapAnonymous(4096)]) {
      expect(() => MessageRing.attach(untyped(value))).toThrow(invalidType)
    }
    using zeroed = SharedMemory.create(2 * pageSize)
    expect(() => MessageRing.attach(zeroed)).toThrow(layout)
    new Mutex(zeroed)
    expect(() => MessageRing.attach(zeroed)).toThrow(layout)
    using tiny = SharedMemory.create(10)
    expect(() => MessageRing.attach(tiny)).toThrow(layout)
    const ring = newRing(pageSize)
    expect(() => MessageRing.attach(ring.memory.readOnly())).toThrow(invalidValue)
  })

  it('a header that is another one, or damaged, and leaves nothing behind', () => {
    const ring = newRing(pageSize)
    const good = ring.memory.bytes(0, pageSize).slice()
    using memory = SharedMemory.create(2 * pageSize)
    const header = memory.view(Int32Array, 0, 16)
    const parameters = 6
    for (const [index, values] of [
      [0, [0, 1, -1]],
      [1, [0, 1, 4, -1]],
      [2, [0, 2, 99]],
      [4, [0, 1, pageSize, -1]],
      [5, [1, -1]],
      [parameters, [0, 1, -1, 64, 2 * pageSize, 4 * pageSize]],
      [parameters + 1, [0, 1, -1, 2 * pageSize, 2 ** 31 - pageSize]],
      [parameters + 2, [-1, 2]],
      [16, [1]],
      [32, [1]],
    ] as const) {
      for (const value of values) {
        memory.bytes().set(good)
        new Int32Array(header.buffer)[index] = value
        const before = traces()
        expect(() => MessageRing.attach(memory), `${index}: ${value}`).toThrow(layout)
        // By then the locks have a mapping of their own, which goes with the collector.
        if (index < 16) expectNothingNew(before)
      }
    }
  })

  it('everything after disposal, and after the memory is gone', async () => {
    const own = newRing(pageSize)
    const waiting = own.receive()
    await turn()
    own[Symbol.dispose]()
    own[Symbol.dispose]()
    expect(own.memory.closed).toBe(true)
    await expect(waiting).rejects.toThrow(mappingClosed)
    const ring = newRing(pageSize)
    const attached = MessageRing.attach(ring.memory)
    attached[Symbol.dispose]()
    expect(ring.memory.closed).toBe(false)
    const orphan = MessageRing.attach(ring.memory)
    orphan.memory.unmap()
    for (const closed of [own, attached, orphan]) {
      for (const use of [
        () => closed.trySend('a'),
        () => closed.sendSync('a'),
        () => closed.reserve(1),
        () => closed.commit(),
        () => closed.abort(),
        () => closed.tryReceive(),
        () => closed.receiveSync(),
        () => closed.release(),
        () => closed.close(),
        () => closed.closed,
        () => closed[Symbol.asyncIterator](),
      ]) {
        expect(use).toThrow(mappingClosed)
      }
      await expect(closed.send('a')).rejects.toThrow(mappingClosed)
      await expect(closed.receive()).rejects.toThrow(mappingClosed)
    }
    orphan[Symbol.dispose]()
  })
})
