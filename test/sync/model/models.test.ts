// Every interleaving of two or three agents, with a death at any step.

import { describe, expect, it } from 'vitest'
import {
  abandon,
  addSome,
  arrive,
  exclusiveAttempt,
  initialBit,
  type Lock,
  lockAttempt,
  notificationAttempt,
  notify,
  sharedAttempt,
  takeOne,
  unlockAttempt,
  unlockExclusive,
  unlockShared,
  withdraw,
} from '../../../dist/internals.js'
import {
  assert,
  type Call,
  type Context,
  done,
  explore,
  type Model,
  Violation,
  type World,
} from './checker.js'

const lockOf = ({ site, memory }: Context, array = 0): Lock => {
  return { site, words: memory[array] as Int32Array, offset: array }
}
const count = (world: World, name: string) => world.seen[name] ?? 0
const add = (world: World, name: string, by: number) => {
  world.seen[name] = count(world, name) + by
}
const inside = (agent: number) => `inside ${agent}`
const others = (world: World, me: number, ...kinds: string[]) =>
  world.agents.some(
    ({ status }, agent) =>
      agent !== me &&
      status !== 'dead' &&
      kinds.some((kind) => count(world, `${kind} ${agent}`) > 0),
  )

/** A death in the critical section is for the next one to hear of, and for no other. */
function taken(world: World, { agent, site }: Context): void {
  assert(!others(world, agent, 'inside', 'shares'), 'two hold the lock')
  assert(count(world, 'unreported') === 0 || site.inconsistent.size === 1, 'a death is not told of')
  assert(count(world, 'owners died') > 0 || site.inconsistent.size === 0, 'nobody died')
  world.seen['unreported'] = 0
  world.seen['owners died'] = 0
  world.seen[inside(agent)] = 1
}

function left(world: World, { agent }: Context): void {
  world.seen[inside(agent)] = 0
}

const lock: Call = { run: (context) => lockAttempt(lockOf(context))(context.sleep), last: taken }
const repair: Call = {
  run: ({ site }) => {
    site.inconsistent.clear()
    return true
  },
}
const unlock: Call = { run: (context) => unlockAttempt(lockOf(context)), first: left }

const onDeath = (world: World, agent: number) => {
  if (count(world, inside(agent)) === 1) world.seen['unreported'] = 1
  if (ownerIn(world) === agent + 1) world.seen['owners died'] = 1
  world.seen[inside(agent)] = 0
  world.seen[`shares ${agent}`] = 0
}

/** Who has the word of a lock. */
function ownerIn(world: World): number {
  return (world.memory[0]?.[1] ?? 0) & 0x3fffffff
}

const mutex = { words: [[0, 0]], onDeath }

describe('a mutex', { timeout: 600_000 }, () => {
  const once = [lock, unlock]
  const repairing = [lock, repair, unlock]

  it.each([
    ['2 agents, twice each', [...once, ...once], 2, false],
    ['3 agents', once, 3, false],
    ['3 agents, who want it handed over', once, 3, true],
  ])('loses no wake-up while nobody dies: %s', (_name, program, agents, starving) => {
    const programs = Array.from({ length: agents }, () => program)
    const explored = explore({ ...mutex, programs, deaths: 0, slices: false, starving })
    expect(explored.states).toBeGreaterThan(100)
  })

  it.each([
    ['2 agents, twice each', [...repairing, ...repairing], 2, 1, true],
    ['3 agents, one dies', repairing, 3, 1, false],
    ['3 agents, two die', repairing, 3, 2, false],
    ['3 agents, who want it handed over', repairing, 3, 1, true],
  ])('survives a death at any step: %s', (_name, program, agents, deaths, starving) => {
    const programs = Array.from({ length: agents }, () => program)
    const explored = explore({ ...mutex, programs, deaths, slices: true, starving })
    expect(explored.states).toBeGreaterThan(1000)
  })

  it('is unusable when nobody repairs, and says so to everybody', () => {
    const programs = [once, once, once]
    const explored = explore({ ...mutex, programs, deaths: 1, slices: true })
    expect(explored.finals).toBeGreaterThan(1)
  })

  it('the check finds a lost wake-up, a lock that two hold and a death that is not told of', () => {
    const silent: Call = {
      ...unlock,
      run: ({ memory }) => {
        Atomics.store(memory[0] as Int32Array, 1, 0)
        return true
      },
    }
    const greedy: Call = {
      ...lock,
      run: ({ memory, site }) => {
        const words = memory[0] as Int32Array
        if (Atomics.load(words, 1) === 0) Atomics.store(words, 1, site.owner)
        return true
      },
    }
    const forgetful: Call = {
      ...lock,
      run: (context) => {
        const result = lockAttempt(lockOf(context))(context.sleep)
        context.site.inconsistent.clear()
        return result
      },
    }
    const check = (program: Call[], more: Partial<Model>) => () =>
      explore({ ...mutex, programs: [program, program], deaths: 0, slices: false, ...more })
    expect(check([lock, silent], {})).toThrow(/nobody comes to the end/)
    expect(check([greedy, unlock], {})).toThrow(/two hold the lock/)
    expect(check([forgetful, unlock], { deaths: 1, slices: true })).toThrow(/not told of/)
    // Without slices nobody finds out that the owner is dead.
    expect(check(repairing, { deaths: 1 })).toThrow(Violation)
  })
})

describe('a readers-writer lock', { timeout: 600_000 }, () => {
  // Two readers at most.
  const words = [[0, 0, 0, 0, 0, 0]]
  const write: Call = {
    run: (context) => exclusiveAttempt(lockOf(context))(context.sleep),
    last: (world, context) => taken(world, context),
  }
  const unwrite: Call = { run: (context) => unlockExclusive(lockOf(context)), first: left }
  const read: Call = {
    run: (context) => sharedAttempt(lockOf(context))(context.sleep),
    last: (world, context) => {
      const { agent, site } = context
      if (site.shares.get(0)?.at(-1) === -1) {
        taken(world, context)
        return
      }
      assert(!others(world, agent, 'inside'), 'a reader and a writer')
      assert(count(world, 'unreported') === 0, 'a reader sees what was not repaired')
      world.seen[`shares ${agent}`] = 1
    },
  }
  const unread: Call = {
    run: (context) => unlockShared(lockOf(context)),
    first: (world, { agent }) => {
      world.seen[`shares ${agent}`] = 0
      world.seen[inside(agent)] = 0
    },
  }
  const writer = [write, repair, unwrite]
  const reader = [read, repair, unread]

  it.each([
    ['2 writers, 1 reader', [writer, writer, reader], false],
    ['1 writer, 2 readers', [writer, reader, reader], false],
    ['2 writers, 1 reader, who want it handed over', [writer, writer, reader], true],
    ['1 writer, 2 readers, who want it handed over', [writer, reader, reader], true],
    ['3 readers for 2 places', [reader, reader, reader], false],
  ])('loses no wake-up while nobody dies: %s', (name, programs, starving) => {
    // Whoever finds no place looks again after a slice.
    const slices = name.startsWith('3 readers')
    explore({ words, programs, deaths: 0, slices, starving, onDeath })
  })

  it.each([
    ['2 writers, 1 reader', [writer, writer, reader], false],
    ['1 writer, 2 readers', [writer, reader, reader], false],
    [
      'a writer and a reader, twice',
      [
        [...writer, ...writer],
        [...reader, ...reader],
      ],
      true,
    ],
  ])('survives a death at any step: %s', (_name, programs, starving) => {
    const explored = explore({ words, programs, deaths: 1, slices: true, starving, onDeath })
    expect(explored.states).toBeGreaterThan(1000)
  })

  it('giving up at any sleep leaves nothing behind', () => {
    /** Gives up at the first sleep. */
    const impatient = (call: Call): Call => ({
      run: (context) => {
        if (context.notes[0] !== 1) {
          const result = call.run(context)
          if (result !== undefined) return result
          context.notes[0] = 1
        }
        const result = abandon(lockOf(context), context.sleep)
        if (result !== undefined) return result
        throw done
      },
      ...(call.last === undefined ? {} : { last: call.last }),
    })
    const programs = [
      [impatient(write), repair, unwrite],
      [impatient(read), repair, unread],
      writer,
    ]
    explore({ words, programs, deaths: 0, slices: false, onDeath })
  })
})

describe('a semaphore', { timeout: 600_000 }, () => {
  const take: Call = {
    run: ({ memory, sleep }) => takeOne(memory[0] as Int32Array, sleep),
    last: (world) => {
      add(world, 'taken', 1)
      assert(count(world, 'taken') <= count(world, 'given'), 'more were taken than there are')
    },
  }
  const give = (amount: number): Call => ({
    run: ({ memory }) => addSome(memory[0] as Int32Array, amount),
    first: (world) => add(world, 'given', amount),
  })
  const words = [[0, initialBit]]

  it.each([
    ['2 take what 1 gives at once', [[take], [take], [give(2)]], false],
    ['2 take what 1 gives one by one', [[take], [take], [give(1), give(1)]], false],
    [
      '2 take what 1 gives one by one, and want it handed over',
      [[take], [take], [give(1), give(1)]],
      true,
    ],
    ['3 pass on', [[give(1), take], [take, give(1)], [give(1)]], false],
  ])('loses no permit and no wake-up: %s', (_name, programs, starving) => {
    explore({ words, programs, deaths: 0, slices: false, starving })
  })

  it('whoever dies costs the others nothing but what it took', () => {
    const programs = [[take], [give(1), give(1)], [give(1), take]]
    explore({ words, programs, deaths: 1, slices: true, finishes: false })
  })
})

describe('a condition', { timeout: 600_000 }, () => {
  // The mutex, and the condition with what it is about.
  const words = [
    [0, 0],
    [0, 0, 0],
  ]
  const remember: Call = {
    run: ({ memory, notes }) => {
      const condition = memory[1] as Int32Array
      if (Atomics.load(condition, 2) !== 0) return true
      notes[0] = 1
      notes[1] = Atomics.load(condition, 1)
      return true
    },
  }
  const ifWaiting = (call: Call, array = 0): Call & { array: number } => ({
    ...call,
    run: (context) => (context.notes[0] === 1 ? call.run(context) : true),
    array,
  })
  const waits = ifWaiting(
    {
      run: ({ memory, notes, sleep }) =>
        notificationAttempt(memory[1] as Int32Array, notes[1] ?? 0)(sleep),
    },
    1,
  )
  const plainLock: Call = { run: lock.run }
  const plainUnlock: Call = { run: unlock.run }
  const set: Call = {
    run: ({ memory }) => {
      Atomics.store(memory[1] as Int32Array, 2, 1)
      return true
    },
  }
  const tell = (number: number): Call => ({
    run: ({ memory }) => {
      notify(memory[1] as Int32Array, number)
      return true
    },
  })
  const waiter = [
    plainLock,
    remember,
    ifWaiting(plainUnlock),
    waits,
    ifWaiting(plainLock),
    plainUnlock,
  ]

  it.each([
    ['one', [waiter, [plainLock, set, plainUnlock, tell(1)]]],
    ['all', [waiter, waiter, [plainLock, set, plainUnlock, tell(9)]]],
  ])('misses no notification of %s', (_name, programs) => {
    explore({ words, programs, deaths: 0, slices: false })
  })
})

describe('a barrier', { timeout: 600_000 }, () => {
  const reach = (round: number): Call => ({
    run: ({ memory, sleep }) => arrive(memory[0] as Int32Array, sleep),
    first: (world, { agent, sleep }) => {
      if (sleep.phase === 0) world.seen[`${round} ${agent}`] = 1
    },
    last: (world) => {
      const arrived = world.agents.filter((_, agent) => count(world, `${round} ${agent}`) === 1)
      assert(arrived.length === world.agents.length, 'opened before all were there')
    },
  })

  it.each([2, 3])(
    'opens when all %i have arrived, and closes again',
    { timeout: 600_000 },
    (parties) => {
      const words = [[0, 0, parties]]
      const rounds = parties === 2 ? [reach(0), reach(1), reach(2)] : [reach(0), reach(1)]
      const programs = Array.from({ length: parties }, () => rounds)
      explore({ words, programs, deaths: 0, slices: false })
    },
  )

  it('an arrival that is taken back does not count', () => {
    const impatient: Call = {
      run: ({ memory, sleep, notes }) => {
        if (notes[0] !== 1) {
          const result = arrive(memory[0] as Int32Array, sleep)
          if (result !== undefined) return result
          notes[0] = 1
        }
        const result = withdraw(memory[0] as Int32Array, sleep)
        if (result !== undefined) return result
        throw done
      },
    }
    const late: Call = {
      run: ({ memory, sleep }) => arrive(memory[0] as Int32Array, sleep),
      last: (world) => add(world, 'through', 1),
    }
    const programs = [[impatient], [late], [late]]
    // The first may be one of the two, or not.
    explore({ words: [[0, 0, 2]], programs, deaths: 0, slices: false, finishes: false })
  })
})
