// Random commands on a SharedMap and on a Map, which have to agree.

import fc from 'fast-check'
import { SharedMap } from 'posix-mmap/shared'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { problemsOf } from './checker.js'
import { reusable } from './support.js'

const soak = Number(process.env['POSIX_MMAP_SOAK'] ?? 0)
const runs = soak > 0 ? soak * 20 : 150

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface Known {
  value: unknown
  expires: number
}

/** Of strings and bytes, which are never the same key. */
const name = (key: string | Uint8Array) =>
  typeof key === 'string' ? `text ${key}` : `bytes ${Buffer.from(key).toString('hex')}`

const keys = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ä', '€', '\ud800', 'k'.repeat(300)),
  fc.constantFrom(Buffer.from(''), Buffer.from('a'), Buffer.from('ä'), new Uint8Array([0xe4])),
  fc.integer({ min: 0, max: 30 }).map((n) => `key ${n}`),
)
const values = fc.oneof(
  fc.double(),
  fc.string({ unit: 'binary' }),
  fc.integer({ min: 0, max: 700 }).map((n) => 'x'.repeat(n)),
  fc.integer({ min: 0, max: 400 }).map((n) => '€'.repeat(n)),
  fc.integer({ min: 0, max: 3000 }).map((n) => ({ bytes: new Uint8Array(n).fill(n), n })),
  fc.constantFrom(null, true, new Map([[1, new Set(['x'])]]), 10n),
)
const commands = fc.array(
  fc.oneof(
    {
      arbitrary: fc.record({ do: fc.constant('set' as const), key: keys, value: values }),
      weight: 6,
    },
    {
      arbitrary: fc.record({
        do: fc.constant('expiring' as const),
        key: keys,
        value: values,
        ttl: fc.integer({ min: 1, max: 5000 }),
      }),
      weight: 2,
    },
    { arbitrary: fc.record({ do: fc.constant('get' as const), key: keys }), weight: 3 },
    { arbitrary: fc.record({ do: fc.constant('delete' as const), key: keys }), weight: 3 },
    {
      arbitrary: fc.record({ do: fc.constant('increment' as const), key: keys, by: fc.double() }),
      weight: 3,
    },
    { arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(3000) }), weight: 1 },
    { arbitrary: fc.record({ do: fc.constant('clear' as const) }), weight: 1 },
  ),
  { maxLength: 120 },
)

function model() {
  const map = new Map<string, Known>()
  const live = (key: string | Uint8Array): Known | undefined => {
    const known = map.get(name(key))
    return known !== undefined && known.expires > Date.now() ? known : undefined
  }
  return { map, live }
}

describe('a SharedMap does what a Map does', () => {
  it.each([8192, 16_384, 1 << 18])('in %i bytes, which evict nothing', (byteLength) => {
    const make = reusable(byteLength, { evict: 'none' })
    const other = SharedMap.attach(make().memory)
    fc.assert(
      fc.property(commands, (list) => {
        const shared = make()
        // All see the same, so each may take its turn.
        const both = [shared, other]
        const { map, live } = model()
        let turn = 0
        for (const command of list) {
          const one = both[turn++ % 2] as SharedMap
          if (command.do === 'set' || command.do === 'expiring') {
            const ttl = command.do === 'expiring' ? command.ttl : 0
            const expires = ttl === 0 ? Number.POSITIVE_INFINITY : Date.now() + ttl
            try {
              one.set(command.key, command.value, { ttl })
              map.set(name(command.key), { value: command.value, expires })
            } catch (error) {
              // Nothing of it may have happened.
              expect(error).toMatchObject({
                code: expect.stringMatching(/^ERR_(SHARED_FULL|OUT_OF_RANGE)$/),
              })
            }
          } else if (command.do === 'get') {
            const known = live(command.key)
            expect(one.get(command.key)).toEqual(known?.value)
            expect(one.has(command.key)).toBe(known !== undefined)
          } else if (command.do === 'delete') {
            expect(one.delete(command.key)).toBe(live(command.key) !== undefined)
            map.delete(name(command.key))
          } else if (command.do === 'increment') {
            const known = live(command.key)
            if (known !== undefined && typeof known.value !== 'number') {
              expect(() => one.increment(command.key, command.by)).toThrow(
                expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
              )
              continue
            }
            const sum = known === undefined ? command.by : (known.value as number) + command.by
            try {
              expect(one.increment(command.key, command.by)).toBe(sum)
              const expires = known?.expires ?? Number.POSITIVE_INFINITY
              map.set(name(command.key), { value: sum, expires })
            } catch (error) {
              expect(error).toMatchObject({ code: 'ERR_SHARED_FULL' })
            }
          } else if (command.do === 'pass') {
            vi.setSystemTime(Date.now() + command.ms)
          } else {
            one.clear()
            map.clear()
          }
        }
        expect(problemsOf(shared.memory)).toEqual([])
        const expected = [...map].filter(([, { expires }]) => expires > Date.now())
        const found = new Map([...shared.entries()].map(([key, value]) => [name(key), value]))
        expect(found).toEqual(new Map(expected.map(([key, { value }]) => [key, value])))
        expect(shared.size).toBeGreaterThanOrEqual(expected.length)
        expect(shared.size).toBeLessThanOrEqual(map.size)
      }),
      { numRuns: runs },
    )
  })

  it('or has forgotten what it had to evict', () => {
    fc.assert(
      fc.property(commands, fc.integer({ min: 1, max: 40 }), (list, maxEntries) => {
        using shared = SharedMap.create(16_384, { maxEntries })
        const map = new Map<string, unknown>()
        for (const command of list) {
          if (command.do === 'set') {
            try {
              shared.set(command.key, command.value)
              map.set(name(command.key), command.value)
              expect(shared.get(command.key)).toEqual(command.value)
            } catch (error) {
              expect(error).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
            }
          } else if (command.do === 'get') {
            const found = shared.get(command.key)
            if (found !== undefined) expect(found).toEqual(map.get(name(command.key)))
            else if (shared.stats.evictions === 0) expect(map.has(name(command.key))).toBe(false)
          } else if (command.do === 'delete') {
            shared.delete(command.key)
            map.delete(name(command.key))
          }
          expect(shared.size).toBeLessThanOrEqual(maxEntries)
        }
        expect(problemsOf(shared.memory)).toEqual([])
      }),
      { numRuns: runs },
    )
  })
})

describe('churn', () => {
  /** Numbers that are the same in each run. */
  function numbers(seed: number) {
    let state = seed
    return (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      return (state >>> 8) % below
    }
  }

  it('of values of all sizes never fragments a map to failure', () => {
    const next = numbers(1)
    using shared = SharedMap.create(1 << 18, { evict: 'none', values: 'bytes' })
    const map = new Map<string, number>()
    // What fits in at least, were each unit an extent of its own.
    let stored = 0
    const most = (1 << 18) * 0.5
    for (let i = 0; i < 60_000; i++) {
      const key = `key ${next(400)}`
      const length = next(10) === 0 ? next(20_000) : next(300)
      const before = map.get(key) ?? 0
      if (next(3) === 0) {
        expect(shared.delete(key)).toBe(map.delete(key))
        stored -= before
      } else if (stored + 64 + length < most) {
        shared.set(key, Buffer.alloc(length, i))
        const takes = 64 + length
        stored += takes - before
        map.set(key, takes)
      }
    }
    expect(shared.size).toBe(map.size)
    for (const [key, takes] of map) {
      expect((shared.get(key) as Uint8Array).length).toBe(takes - 64)
    }
    expect(problemsOf(shared.memory)).toEqual([])
    shared.clear()
    expect(problemsOf(shared.memory)).toEqual([])
  })

  it('of a cache takes any value that can fit', () => {
    const next = numbers(2)
    using shared = SharedMap.create(1 << 17, { values: 'bytes' })
    for (let i = 0; i < 30_000; i++) {
      const length = next(50) === 0 ? next(80_000) : next(500)
      const value = Buffer.alloc(length, i)
      shared.set(`key ${next(2000)}`, value)
    }
    expect(problemsOf(shared.memory)).toEqual([])
    expect(shared.stats.evictions).toBeGreaterThan(1000)
  })

  it('keeps what is used', () => {
    using shared = SharedMap.create(1 << 18)
    shared.set('used', 'x')
    for (let i = 0; i < 20_000; i++) {
      shared.set(`other ${i}`, 'y'.repeat(100))
      if (i % 100 === 0) expect(shared.get('used')).toBe('x')
    }
  })
})
