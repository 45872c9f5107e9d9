// Litmus tests: what a few agents do to words that are 0 at first, each one once, and what none of them may
// have seen then. docs/shared-state.md says which step of which structure relies on which.

/**
 * Words to a step; its own, and not those of another one.
 * @typedef {{
 *   load(at: number): number, store(at: number, value: number): void,
 *   exchange(at: number, value: number): number,
 *   compareExchange(at: number, expected: number, replacement: number): number,
 *   or(at: number, bits: number): number, add(at: number, by: number): number,
 *   plainLoad(at: number): number, plainStore(at: number, value: number): void,
 *   fenceLoads(): void, fenceStores(at: number): void,
 * }} Accesses
 *
 * What an agent does; the result, 0 to 7, is what it has seen. Words are `at` and those a line, two
 * lines and three lines behind it.
 * @typedef {(memory: Accesses, at: number) => number} Step
 *
 * `never` tells the results that are forbidden. `reordered` is what a processor could make of the steps that orders
 * nothing, where it is not merely that stores become visible late and the last one first.
 * @typedef {{ name: string, agents: Step[], reordered?: Step[], never(...seen: number[]): boolean }} Shape
 */

/** Words from one to the next: they lie on cache lines of their own. */
export const line = 16

/** @param {number} first @param {number} second */
const both = (first, second) => first | (second << 1)

/** @type {Step} */
const readsAfterLoad = (memory, at) => both(memory.load(at + line), memory.plainLoad(at))

/** @type {Step} */
const loadsBoth = (memory, at) => both(memory.load(at + line), memory.load(at))

/** @type {Step} */
const storesOne = (memory, at) => {
  memory.store(at, 1)
  return 0
}

/** A plain store, and a store of another word that makes it known. @type {Step} */
const storesPlainFirst = (memory, at) => {
  memory.plainStore(at, 1)
  memory.store(at + line, 1)
  return 0
}

/** A plain store under a lock, which is given back. @type {Step} */
const givesBackLock = (memory, at) => {
  memory.plainStore(at, 1)
  memory.compareExchange(at + line, 0, 1)
  return 0
}

/** What was seen if the version was 0 before and after it, 4 if it was another before, and 5 if it changed. */
const versions = (
  /** @type {number} */ before,
  /** @type {number} */ after,
  /** @type {number} */ seen,
) => (before !== 0 ? 4 : after !== 0 ? 5 : seen)

/** The LB tests the other way round. @type {Step[]} */
const storesFirst = [
  (memory, at) => {
    memory.store(at + line, 1)
    return memory.load(at)
  },
  (memory, at) => {
    memory.store(at, 1)
    return memory.load(at + line)
  },
]

/**
 * @param {string} what
 * @param {(memory: Accesses, at: number) => unknown} publish
 * @returns {Shape}
 */
const loadBuffering = (what, publish) => ({
  name: `LB: plain loads before ${what}, plain stores after its load`,
  agents: [
    (memory, at) => {
      const seen = memory.plainLoad(at)
      publish(memory, at + line)
      return seen
    },
    (memory, at) => {
      const seen = memory.load(at + line)
      memory.plainStore(at, 1)
      return seen
    },
  ],
  reordered: storesFirst,
  never: (first, second) => first === 1 && second === 1,
})

/** @type {Shape[]} */
export const shapes = [
  {
    name: 'MP: plain stores before a store',
    agents: [storesPlainFirst, readsAfterLoad],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'MP: plain store before a store, both loaded atomically',
    agents: [storesPlainFirst, loadsBoth],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'MP: two stores',
    agents: [
      (memory, at) => {
        memory.store(at, 1)
        memory.store(at + line, 1)
        return 0
      },
      loadsBoth,
    ],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'MP: a lock that is given back and taken',
    agents: [
      givesBackLock,
      (memory, at) => {
        const found = memory.compareExchange(at + line, 1, 2)
        return both(found, memory.plainLoad(at))
      },
    ],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'MP: a word that was loaded plainly before, and again after a load',
    agents: [
      storesPlainFirst,
      (memory, at) => {
        const before = memory.plainLoad(at)
        const found = memory.load(at + line)
        return before === 1 ? 7 : both(found, memory.plainLoad(at))
      },
    ],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'MP: a word that was loaded plainly before, and again under a lock',
    agents: [
      givesBackLock,
      (memory, at) => {
        const before = memory.plainLoad(at)
        const found = memory.compareExchange(at + line, 1, 2)
        return before === 1 ? 7 : both(found, memory.plainLoad(at))
      },
    ],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'SB: a store, and a load of what the other stores',
    agents: [
      (memory, at) => {
        memory.store(at, 1)
        return memory.load(at + line)
      },
      (memory, at) => {
        memory.store(at + line, 1)
        return memory.load(at)
      },
    ],
    never: (first, second) => first === 0 && second === 0,
  },
  {
    name: 'SB: a store and a load; an exchange and a load',
    agents: [
      (memory, at) => {
        memory.store(at, 1)
        return memory.load(at + line)
      },
      (memory, at) => {
        memory.exchange(at + line, 1)
        return memory.load(at)
      },
    ],
    never: (first, second) => first === 0 && second === 0,
  },
  {
    name: 'RMW: a mark is set, or what it would mark is exchanged first',
    agents: [
      (memory, at) => (memory.compareExchange(at, 0, 1) === 0 ? 1 : 0),
      (memory, at) => memory.exchange(at, 2),
    ],
    never: (marked, found) => marked === 1 && found === 0,
  },
  loadBuffering('a store', (memory, at) => memory.store(at, 1)),
  loadBuffering('an exchange', (memory, at) => memory.exchange(at, 1)),
  {
    name: 'WRC: what was seen is there for whoever sees what was stored then',
    agents: [
      storesPlainFirst,
      (memory, at) => {
        const seen = memory.load(at + line)
        memory.store(at + 2 * line, seen)
        return seen
      },
      (memory, at) => both(memory.load(at + 2 * line), memory.plainLoad(at)),
    ],
    never: (_first, _second, seen) => seen === 1,
  },
  {
    name: 'IRIW: two stores, seen in one order by all',
    agents: [
      storesOne,
      (memory, at) => {
        memory.store(at + line, 1)
        return 0
      },
      (memory, at) => both(memory.load(at), memory.load(at + line)),
      loadsBoth,
    ],
    never: (_first, _second, one, other) => one === 1 && other === 1,
  },
  {
    name: 'CoRR: a plain load, and a load of the same word',
    agents: [storesOne, (memory, at) => both(memory.plainLoad(at), memory.load(at))],
    reordered: [
      storesOne,
      (memory, at) => {
        const second = memory.load(at)
        return both(memory.load(at), second)
      },
    ],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'CoWR: own stores, read another way than they were made',
    agents: [
      (memory, at) => {
        memory.plainStore(at, 1)
        const first = memory.load(at)
        memory.store(at + line, 1)
        const second = memory.plainLoad(at + line)
        const third = memory.exchange(at, 2)
        return both(first, second) | (third === 1 && memory.plainLoad(at) === 2 ? 4 : 0)
      },
    ],
    never: (seen) => seen !== 7,
  },
  {
    name: 'SharedMap: a version that is exchanged, plain stores; a version, plain loads, a version',
    agents: [
      (memory, at) => {
        memory.exchange(at, 1)
        // As between a record's end and the use of its blocks: the journal, and what frees them.
        memory.store(at + 3 * line, 1)
        memory.exchange(at + 3 * line, 2)
        memory.plainStore(at + line, 1)
        memory.plainStore(at + 2 * line, 1)
        return 0
      },
      (memory, at) => {
        const before = memory.load(at)
        const seen = both(memory.plainLoad(at + 2 * line), memory.plainLoad(at + line))
        memory.fenceLoads()
        return versions(before, memory.load(at), seen)
      },
    ],
    never: (_, seen) => seen > 0 && seen < 4,
  },
  {
    name: 'SharedMap: a version that is added to, a plain store; a version, a plain load, a version',
    agents: [
      (memory, at) => {
        memory.add(at, 1)
        memory.fenceStores(at)
        memory.plainStore(at + line, 1)
        return 0
      },
      (memory, at) => {
        const before = memory.load(at)
        const seen = memory.plainLoad(at + line)
        memory.fenceLoads()
        return versions(before, memory.load(at), seen)
      },
    ],
    never: (_, seen) => seen === 1,
  },
  {
    name: 'Broadcast: a store and a fence of stores, plain stores; plain loads, a read-modify-write',
    agents: [
      (memory, at) => {
        memory.store(at, 1)
        memory.fenceStores(at)
        memory.plainStore(at + line, 1)
        memory.plainStore(at + 2 * line, 1)
        return 0
      },
      (memory, at) => {
        const seen = both(memory.plainLoad(at + 2 * line), memory.plainLoad(at + line))
        return versions(0, memory.or(at, 0), seen)
      },
    ],
    never: (_, seen) => seen > 0 && seen < 4,
  },
]
