// A writer that dies before each of its stores, and what the others find then.

import { SharedMap } from 'posix-mmap/shared'
import { afterEach, describe, expect, it } from 'vitest'
import { mapState, setBeforeStore } from '../../../dist/internals.js'
import { problemsOf } from './checker.js'
import { reusable } from './support.js'

class Death extends Error {}

afterEach(() => setBeforeStore(undefined))

/** Runs `body` until it is about to make its store number `last`; whether it came so far. */
function dieBefore(last: number, body: () => void): boolean {
  let stores = 0
  setBeforeStore(() => {
    if (stores++ === last) throw new Death()
  })
  try {
    body()
    return false
  } catch (error) {
    if (!(error instanceof Death)) throw error
    return true
  } finally {
    setBeforeStore(undefined)
  }
}

type Contents = Record<string, unknown>

function contentsOf(map: SharedMap): Contents {
  return Object.fromEntries([...map.entries()].map(([key, value]) => [String(key), value]))
}

const long = 'x'.repeat(2000)

/** Free blocks that no long value fits in. */
function fragment(map: SharedMap): void {
  let count = 0
  try {
    for (;;) map.set(`piece ${count++}`, 'y'.repeat(120))
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_SHARED_FULL' })
  }
  for (let i = 0; i < count; i += 2) map.delete(`piece ${i}`)
}

interface Situation {
  name: string
  evict: 'lru' | 'none'
  maxEntries?: number
  prepare(map: SharedMap): void
  change(map: SharedMap): void
  /** Whether entries that are not the changed one may go. */
  evicts?: boolean
  /** Whether it adds to what there is. */
  counts?: boolean
  /** Changes that are several, which may have been made up to any of them. */
  severalSteps?: boolean
}

const situations: Situation[] = [
  { name: 'a new key', evict: 'none', prepare: () => {}, change: (map) => map.set('a', 'new') },
  {
    name: 'a key of a chain',
    evict: 'none',
    prepare: (map) => {
      for (let i = 0; i < 100; i++) map.set(`key ${i}`, i)
      map.set('a', 'old')
    },
    change: (map) => map.set('a', 'new'),
  },
  {
    name: 'a longer value',
    evict: 'none',
    prepare: (map) => {
      map.set('a', 'old')
      map.set('b', 'y')
      map.set('c', 'z')
      map.delete('b')
    },
    change: (map) => map.set('a', { long }),
  },
  {
    name: 'a value in many extents',
    evict: 'none',
    prepare: fragment,
    change: (map) => map.set('a', long),
  },
  {
    name: 'a value in many extents, replaced',
    evict: 'none',
    prepare: (map) => {
      fragment(map)
      map.set('a', long)
    },
    change: (map) => map.set('a', `${long}!`),
  },
  {
    name: 'a deletion',
    evict: 'none',
    prepare: (map) => {
      for (const key of ['a', 'b', 'c']) map.set(key, long)
      map.delete('a')
      map.delete('c')
    },
    change: (map) => map.delete('b'),
  },
  {
    name: 'a deletion of many extents',
    evict: 'none',
    prepare: (map) => {
      fragment(map)
      map.set('a', long)
    },
    change: (map) => map.delete('a'),
  },
  {
    name: 'a number',
    evict: 'none',
    prepare: (map) => map.set('n', 41),
    change: (map) => map.increment('n'),
    counts: true,
  },
  {
    name: 'a number that is new',
    evict: 'none',
    prepare: () => {},
    change: (map) => map.increment('n'),
    counts: true,
  },
  {
    name: 'an eviction for one',
    evict: 'lru',
    maxEntries: 4,
    prepare: (map) => {
      for (const key of ['a', 'b', 'c', 'd']) map.set(key, key)
    },
    change: (map) => map.set('e', 'e'),
    evicts: true,
  },
  {
    name: 'evictions for a long value',
    evict: 'lru',
    prepare: (map) => {
      for (let i = 0; i < 150; i++) map.set(`key ${i}`, 'x'.repeat(50))
    },
    change: (map) => map.set('long', long),
    evicts: true,
  },
  {
    name: 'a clearance',
    evict: 'none',
    prepare: (map) => {
      for (let i = 0; i < 10; i++) map.set(`key ${i}`, i)
    },
    change: (map) => map.clear(),
    severalSteps: true,
  },
]

describe.each(situations)('$name', (situation) => {
  const {
    evict,
    maxEntries,
    prepare,
    change,
    evicts = false,
    counts = false,
    severalSteps = false,
  } = situation
  const limits = maxEntries === undefined ? {} : { maxEntries }
  const make = reusable(16_384, { evict, ...limits }, prepare)
  const other = SharedMap.attach(make().memory)

  const agrees = (found: Contents, before: Contents, after: Contents) => {
    if (!evicts && !severalSteps) {
      expect([before, after]).toContainEqual(found)
      return
    }
    for (const [key, value] of Object.entries(found)) {
      expect([before[key], after[key]]).toContainEqual(value)
    }
    for (const key of Object.keys(before)) {
      if (key in after) expect(found).toHaveProperty([key])
    }
  }

  it('is whole after a death before each store', () => {
    const whole = make()
    const before = contentsOf(whole)
    change(whole)
    const after = contentsOf(whole)
    expect(after).not.toEqual(before)
    let deaths = 0
    for (; ; deaths++) {
      const map = make()
      if (!dieBefore(deaths, () => change(map))) break
      // At first those who only read, while nobody has repaired anything.
      agrees(contentsOf(other), before, after)
      const seen = contentsOf(other)
      // Then one who writes.
      other.delete('not there')
      expect(problemsOf(map.memory)).toEqual([])
      // What was complete but for the last stores is finished; what had been seen stays.
      agrees(contentsOf(other), seen, after)
      expect(other.size).toBe(Object.keys(contentsOf(other)).length)
      change(other)
      // Counted again, or with other evictions, it need not end as the first time.
      if (!evicts && !counts) expect(contentsOf(other)).toEqual(after)
      expect(problemsOf(map.memory)).toEqual([])
    }
    expect(deaths).toBeGreaterThan(2)
  })

  it('is whole when the one who repairs it dies as well', () => {
    const whole = make()
    change(whole)
    const after = contentsOf(whole)
    for (let first = 0; ; first += 5) {
      const map = make()
      if (!dieBefore(first, () => change(map))) break
      let seen = contentsOf(map)
      for (let second = 0; second < 40; second++) {
        if (!dieBefore(second, () => map.delete('not there'))) break
        const found = contentsOf(map)
        agrees(found, seen, after)
        seen = found
      }
      map.delete('not there')
      expect(problemsOf(map.memory)).toEqual([])
      agrees(contentsOf(map), seen, after)
    }
  })
})

it('would be found broken if nobody finished what was begun', () => {
  let broken = 0
  const make = reusable(8192, {}, (map) => {
    map.set('a', 'old')
    map.set('b', 'other')
  })
  for (let last = 0; ; last++) {
    const map = make()
    const other = SharedMap.attach(map.memory)
    if (!dieBefore(last, () => map.delete('a'))) break
    const words = map.memory.view(Int32Array)
    words[mapState.journalLength] = 0
    words[mapState.pending] = 0
    other.delete('b')
    if (problemsOf(map.memory).length > 0) broken++
  }
  expect(broken).toBeGreaterThan(3)
})
