// Every interleaving of producers and consumers of a small ring, with a death at any step. A message is
// known by its length, which is in its state.

import { describe, expect, it } from 'vitest'
import {
  again,
  closeAttempt,
  endRecord,
  finish,
  leaveReader,
  lockAt,
  notShown,
  readerOf,
  receiveAttempt,
  trySend,
} from '../../../dist/internals.js'
import { assert, type Call, type Context, explore, type World } from '../../sync/model/checker.js'

type Ring = Parameters<typeof readerOf>[0]

/** Where the words of a ring are. */
const producers = 16
const consumer = 32
const head = 36
const base = 52

const scratch = Buffer.alloc(4096)

function ringOf({ site, memory }: Context, single: boolean): Ring {
  const words = memory[0] as Int32Array
  const units = (words.length - base) / 2
  const user = {}
  const views = { words, shown: notShown, offset: 0, bytes: scratch, text: scratch }
  return { site, user, ...views, base, units, single }
}

const wordsOf = (units: number) => [Array.from({ length: base + 2 * units }, () => 0)]

const count = (world: World, name: string) => world.seen[name] ?? 0

/** Messages of one producer: 1 to 4, and of the other: 5 to 8. Each takes two units. */
const senderOf = (length: number) => (length <= 4 ? 1 : 5)

interface Options {
  single?: boolean
  /** The number of the agent that closes the ring, who may die before. */
  closer?: number
}

function program({ single = false, closer = 0 }: Options = {}) {
  const writerOf = (context: Context) => {
    const ring = ringOf(context, single)
    return { ring, lock: lockAt(ring, producers) }
  }
  // In the first note is where the record is; less than 0 when the ring was closed.
  const sent =
    (length: number) =>
    (world: World, { notes }: { notes: number[] }) => {
      if ((notes[0] ?? -1) >= 0) world.seen[`sent ${length}`] = 1
    }
  const send = (length: number): Call => ({
    run: (context) => {
      const message = scratch.subarray(0, length)
      const position = trySend(writerOf(context), length, message, context.sleep, true)
      if (typeof position === 'number') context.notes[0] = position
      return position
    },
    last: sent(length),
  })
  const reserve = (length: number): Call => ({
    run: (context) => {
      const position = trySend(writerOf(context), length, null, context.sleep, true)
      if (typeof position === 'number') context.notes[0] = position
      return position
    },
  })
  const end = (length: number, isComplete: boolean): Call => ({
    run: (context) => {
      const position = context.notes[0] ?? -1
      if (position >= 0) endRecord(ringOf(context, single), position, length, isComplete)
      return true
    },
    ...(isComplete ? { last: sent(length) } : {}),
  })
  const close: Call = { run: (context) => closeAttempt(writerOf(context))(context.sleep) }
  const readerIn = (context: Context) => {
    const { notes } = context
    const ring = ringOf(context, single)
    const reader = readerOf(ring, lockAt(ring, consumer))
    reader.holds = notes[0] === 1
    reader.position = notes[1] ?? 0
    reader.units = notes[2] ?? 0
    return reader
  }
  const receive: Call = {
    run: (context) => {
      const { notes, site, sleep } = context
      const reader = readerIn(context)
      const at = receiveAttempt(reader)(sleep)
      notes.splice(0, 4, Number(reader.holds), reader.position, reader.units, 0)
      if (at === again) return again
      // Nobody will close it.
      if (at === undefined) return site.isDead(closer + 1) && sleep.suspicious ? true : undefined
      notes[3] = at < 0 ? -1 : reader.length
      return true
    },
    last: (world, { notes }) => {
      const length = notes[3] ?? 0
      if (length > 0) received(world, length)
      if (length < 0) drained(world)
    },
  }
  const release: Call = {
    run: (context) => {
      const reader = readerIn(context)
      finish(reader)
      leaveReader(reader)
      context.notes.splice(0, 3, 0, 0, 0)
      return true
    },
  }
  return {
    send,
    release,
    reserve,
    complete: (n: number) => end(n, true),
    abort: end(1, false),
    close,
    receive,
  }
}

function received(world: World, length: number): void {
  if (count(world, `got ${length}`) > 0) {
    assert(count(world, 'consumers died') > 0, `${length} is received twice`)
    world.seen['consumers died'] = 0
    return
  }
  for (let later = length + 1; later < senderOf(length) + 4; later++) {
    assert(count(world, `got ${later}`) === 0, `${later} overtakes ${length}`)
  }
  for (let earlier = senderOf(length); earlier < length; earlier++) {
    const isLost = count(world, `sent ${earlier}`) > 0 && count(world, `got ${earlier}`) === 0
    assert(!isLost, `${earlier} is lost`)
  }
  world.seen[`got ${length}`] = 1
}

function drained(world: World): void {
  for (let length = 1; length <= 8; length++) {
    const isLost = count(world, `sent ${length}`) > 0 && count(world, `got ${length}`) === 0
    assert(!isLost, `${length} is lost at the end`)
  }
}

/** Larger programs, which take minutes. */
const thorough = process.env['POSIX_MMAP_SOAK'] !== undefined

const times = (number: number, call: Call) => Array.from({ length: number }, () => call)

describe('a ring', { timeout: 600_000 }, () => {
  const { send, reserve, complete, abort, close, receive, release } = program()
  const one = program({ single: true })

  it.each([
    ['with room for one message', 4, [[send(1), send(2), send(3)], times(3, receive)]],
    ['of a single producer', 4, [[one.send(1), one.send(2), one.send(3)], times(3, one.receive)]],
    ['in place', 4, [[reserve(1), complete(1), reserve(2), complete(2)], times(2, receive)]],
    ['given up', 4, [[reserve(1), abort, send(2)], [receive]]],
    ['of two producers', 6, [[send(1), send(2)], [send(5)], times(3, receive)]],
    ['in place and not', 8, [[reserve(1), complete(1)], [send(5)], times(2, receive)]],
    ['until the end', 6, [[send(1), close], times(2, receive)]],
    ['until the end, without room', 4, [[send(1), send(2)], [close], times(3, receive)]],
  ] as [string, number, Call[][]][])(
    'loses no message and no wake-up while nobody dies: %s',
    (name, units, programs) => {
      // What is sent after the end is not received: then a consumer waits for what does not come.
      const isEndless = name.includes('two of')
      const explored = explore({
        words: wordsOf(units),
        programs,
        deaths: 0,
        slices: false,
        finishes: !isEndless,
      })
      expect(explored.states).toBeGreaterThan(100)
    },
  )

  const onDeath = (consumers: number[]) => (world: World, agent: number) => {
    if (consumers.includes(agent)) world.seen['consumers died'] = 1
  }

  it.each([
    [
      'a producer, or the consumer',
      10,
      [[send(1), reserve(2), complete(2), close], times(3, receive)],
      [1],
    ],
    ['one of two producers', 10, [[close], [reserve(1), complete(1)], times(2, receive)], [2]],
    ['one of two consumers', 4, [[close], [receive], [receive]], [1, 2]],
    ...(thorough
      ? [
          ['two', 10, [[send(5), close], [reserve(1), complete(1)], times(3, receive)], [2]],
          [
            'two',
            8,
            [
              [send(1), send(2)],
              [receive, release],
              [receive, release],
            ],
            [1, 2],
          ],
        ]
      : []),
  ] as [string, number, Call[][], number[]][])(
    'goes on after a death at any step: %s',
    (_name, units, programs, consumers) => {
      const explored = explore({
        words: wordsOf(units),
        programs,
        deaths: 1,
        slices: true,
        onDeath: onDeath(consumers),
      })
      expect(explored.states).toBeGreaterThan(1000)
    },
  )

  it('the check finds a lost wake-up, a record that is passed over and one that blocks', () => {
    const words = wordsOf(4)
    const silent: Call = {
      ...receive,
      run: (context) => {
        // Forgets who waits for room.
        const ring = ringOf(context, false)
        ring.words[head] = (ring.words[head] ?? 0) & 0xffff
        return receive.run(context)
      },
    }
    const check =
      (programs: Call[][], deaths = 0, slices = false) =>
      () =>
        explore({ words, programs, deaths, slices })
    expect(check([[send(1), send(2), send(3)], times(3, silent)])).toThrow(
      /nobody comes to the end/,
    )
    const greedy: Call = {
      ...receive,
      run: (context) => {
        const result = receive.run(context)
        context.notes[2] = (context.notes[2] ?? 0) + 2
        return result
      },
    }
    expect(check([[send(1), send(2), send(3)], times(3, greedy)])).toThrow()
    // Without slices nobody finds out that the owner of a record is dead.
    expect(check([[reserve(1), complete(1)], [send(5)], [receive]], 1)).toThrow(
      /nobody comes to the end/,
    )
  })
})
