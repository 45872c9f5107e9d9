// Goes through every order in which a few agents can make the steps of a primitive, with a death after
// any of them. What is run is the package's own code: between two instructions of an agent that read or
// write the words, atomic or plain, nothing that others see happens, so its calls are run again from their
// start with what the instructions gave before, as far as the next one.

import { again, native, plain, Sleep } from '../../../dist/internals.js'

/** What an agent is to locks, as the package's Site is. */
export interface ModelOwner {
  owner: number
  held: number
  inconsistent: Set<number>
  shares: Map<number, number[]>
  isDead(owner: number): boolean
}

export interface Context {
  readonly agent: number
  readonly site: ModelOwner
  readonly sleep: Sleep
  readonly memory: readonly Int32Array[]
  /** What earlier calls of this agent have left for later ones. */
  readonly notes: number[]
}

/** One call of an agent. */
export interface Call {
  /** A result, `again`, or undefined to sleep. May throw `done` to end the agent's program. */
  run(context: Context): unknown
  /** What an onlooker notes when the call returns, in one step with its last instruction. */
  last?(world: World, context: Context): void
  /** What is noted in one step with the first instruction. */
  first?(world: World, context: Context): void
  /** Whether the agent goes on in the middle of this if the time of a sleep is over. */
  gaveUp?(context: Context): unknown
}

export interface Model {
  /** Lengths of the arrays of words. */
  words: readonly (readonly number[])[]
  programs: readonly (readonly Call[])[]
  /** How many agents may die. */
  deaths: number
  /** Whether sleeping ends by itself, as after a slice. */
  slices: boolean
  /** Whether whoever has slept asks for the lock to be handed over. */
  starving?: boolean
  /** Whether everybody who lives must be able to finish. */
  finishes?: boolean
  onDeath?(world: World, agent: number): void
}

interface AgentState {
  pc: number
  status: 'runs' | 'falls-asleep' | 'sleeps' | 'done' | 'dead'
  /** What the instructions of the current call gave so far. */
  results: number[]
  sleep: [
    slept: boolean,
    suspicious: boolean,
    starving: boolean,
    phase: number,
    index: number,
    expected: number,
  ]
  held: number
  inconsistent: number[]
  shares: [number, number[]][]
  notes: number[]
}

/** Everything there is; the onlooker's notes are in `seen`. */
export interface World {
  memory: number[][]
  /** Who sleeps where, the first first. */
  queue: [agent: number, array: number, index: number][]
  agents: AgentState[]
  deaths: number
  seen: Record<string, number>
}

const pause = Symbol('pause')
/** Thrown by a call to end the program of its agent. */
export const done: unique symbol = Symbol('done')

export class Violation extends Error {
  /** The steps that lead to it. */
  set trail(steps: readonly string[]) {
    this.message += `\nafter: ${steps.join(', ')}`
  }
}

export function assert(condition: boolean, message: string): void {
  if (!condition) throw new Violation(message)
}

type AtomicName = 'load' | 'store' | 'add' | 'exchange' | 'compareExchange'

export interface Explored {
  states: number
  finals: number
}

/** Explores a model; throws a {@link Violation} with the steps that lead to it. */
export function explore(model: Model, limit = 3_000_000): Explored {
  const memory = model.words.map((initial) => Int32Array.from(initial))
  let world: World
  let current = 0
  let cursor = 0
  let performed = false

  const instruction = (perform: () => number): number => {
    const { results } = agentOf(current)
    if (cursor < results.length) return results[cursor++] as number
    if (performed) throw pause
    performed = true
    const result = perform()
    results.push(result)
    cursor++
    return result
  }
  const agentOf = (index: number): AgentState => world.agents[index] as AgentState

  const wakeUp = (index: number) => {
    const agent = agentOf(index)
    world.queue = world.queue.filter(([sleeper]) => sleeper !== index)
    agent.status = 'runs'
    agent.sleep[0] = true
    agent.sleep[2] = model.starving ?? false
  }

  const kept = new Map<AtomicName, unknown>()
  const atomics = Atomics as unknown as Record<AtomicName, (...args: unknown[]) => number>
  const keptWake = native.futexWake
  const keptPlain = { ...plain }
  const patch = () => {
    for (const name of ['load', 'store', 'add', 'exchange', 'compareExchange'] as const) {
      const original = atomics[name]
      kept.set(name, original)
      atomics[name] = (...args) => instruction(() => Reflect.apply(original, Atomics, args))
    }
    plain.load = (words, at) => instruction(() => keptPlain.load(words, at))
    plain.store = (words, at, value) => {
      instruction(() => {
        keptPlain.store(words, at, value)
        return value
      })
    }
    native.futexWake = (words, index, count) =>
      instruction(() => {
        // A lock in the middle of others has a view of its own.
        const array = memory.findIndex(({ buffer }) => buffer === words.buffer)
        const place = words.byteOffset / 4 + index
        const woken = world.queue
          .filter(([, where, at]) => where === array && at === place)
          .slice(0, count)
        for (const [agent] of woken) {
          wakeUp(agent)
          agentOf(agent).sleep[1] = false
        }
        return woken.length
      })
  }
  const restore = () => {
    for (const [name, original] of kept) Reflect.set(Atomics, name, original)
    native.futexWake = keptWake
    Object.assign(plain, keptPlain)
  }

  /** One instruction of an agent, and what it does by itself up to the next. */
  const advance = (index: number) => {
    const agent = agentOf(index)
    const call = model.programs[index]?.[agent.pc]
    if (call === undefined) {
      agent.status = 'done'
      return
    }
    const sleep = new Sleep(false)
    ;[sleep.slept, sleep.suspicious, sleep.starving, sleep.phase, sleep.index, sleep.expected] =
      agent.sleep
    const site: ModelOwner = {
      owner: index + 1,
      held: agent.held,
      inconsistent: new Set(agent.inconsistent),
      shares: new Map(agent.shares.map(([offset, list]) => [offset, [...list]])),
      isDead: (owner) => instruction(() => Number(agentOf(owner - 1).status === 'dead')) === 1,
    }
    const context: Context = { agent: index, site, sleep, memory, notes: [...agent.notes] }
    current = index
    cursor = 0
    performed = false
    const begins = agent.results.length === 0
    let result: unknown
    let ended = false
    try {
      result = call.run(context)
    } catch (error) {
      if (error === pause) {
        if (begins) call.first?.(world, context)
        return
      }
      if (error !== done && (error as { code?: string }).code !== 'ERR_MUTEX_INCONSISTENT') {
        throw error
      }
      ended = true
    }
    if (begins) call.first?.(world, context)
    agent.results = []
    agent.held = site.held
    agent.inconsistent = [...site.inconsistent]
    agent.shares = [...site.shares]
    agent.notes = context.notes
    const { slept, suspicious, starving, phase } = sleep
    agent.sleep = [slept, suspicious, starving, phase, sleep.index, sleep.expected]
    if (ended) {
      agent.status = 'done'
    } else if (result === again) {
      // The same call once more.
    } else if (result === undefined) {
      agent.status = 'falls-asleep'
      const array = arrayOf(call, index)
      agent.sleep.push(array as never)
    } else {
      agent.pc++
      agent.sleep = [false, false, false, 0, 0, 0]
      call.last?.(world, context)
    }
  }
  const arrayOf = (call: Call, _index: number) => (call as { array?: number }).array ?? 0

  const fallAsleep = (index: number) => {
    const agent = agentOf(index)
    const [, , , , at, expected, array = 0] = agent.sleep as unknown as number[]
    agent.sleep.length = 6
    if (memory[array as number]?.[at as number] !== expected) {
      agent.status = 'runs'
      agent.sleep[0] = true
      agent.sleep[1] = false
      agent.sleep[2] = model.starving ?? false
      return
    }
    agent.status = 'sleeps'
    world.queue.push([index, array as number, at as number])
  }

  const load = (text: string) => {
    world = JSON.parse(text)
    for (const [i, values] of world.memory.entries()) memory[i]?.set(values)
  }
  const save = () => {
    world.memory = memory.map((words) => [...words])
    return JSON.stringify(world)
  }

  world = {
    memory: [],
    queue: [],
    agents: model.programs.map(() => ({
      pc: 0,
      status: 'runs',
      results: [],
      sleep: [false, false, false, 0, 0, 0],
      held: 0,
      inconsistent: [],
      shares: [],
      notes: [],
    })),
    deaths: 0,
    seen: {},
  }

  const start = save()
  const numbers = new Map<string, number>([[start, 0]])
  const texts = [start]
  const parents: [number, string][] = [[-1, 'start']]
  /** Where a step that is no death comes from. */
  const before: number[][] = [[]]
  const finals: number[] = []
  const trailTo = (state: number) => {
    const steps: string[] = []
    for (let at = state; at > 0; at = parents[at]?.[0] ?? 0) steps.unshift(parents[at]?.[1] ?? '')
    return steps
  }

  patch()
  try {
    for (let state = 0; state < texts.length; state++) {
      const text = texts[state] as string
      load(text)
      const statuses = world.agents.map(({ status }) => status)
      if (statuses.every((status) => status === 'done' || status === 'dead')) finals.push(state)
      const steps: [string, () => void][] = []
      for (const [index, status] of statuses.entries()) {
        const name = String.fromCharCode(65 + index)
        if (status === 'runs') steps.push([name, () => advance(index)])
        if (status === 'falls-asleep') steps.push([`${name} sleeps`, () => fallAsleep(index)])
        if (status === 'sleeps' && model.slices) {
          steps.push([
            `${name} looks`,
            () => {
              wakeUp(index)
              agentOf(index).sleep[1] = true
            },
          ])
        }
        if (status !== 'done' && status !== 'dead' && world.deaths < model.deaths) {
          steps.push([
            `${name} dies`,
            () => {
              wakeUp(index)
              const agent = agentOf(index)
              agent.status = 'dead'
              world.deaths++
              model.onDeath?.(world, index)
              agent.results = []
              agent.sleep = [false, false, false, 0, 0, 0]
            },
          ])
        }
      }
      for (const [name, step] of steps) {
        load(text)
        try {
          step()
        } catch (error) {
          if (error instanceof Violation) error.trail = [...trailTo(state), name]
          throw error
        }
        const next = save()
        let number = numbers.get(next)
        if (number === undefined) {
          number = texts.length
          if (number >= limit) throw new Error(`more than ${limit} states`)
          numbers.set(next, number)
          texts.push(next)
          parents.push([state, name])
          before.push([])
        }
        if (!name.endsWith('dies')) before[number]?.push(state)
      }
    }
  } finally {
    restore()
  }

  if (model.finishes ?? true) {
    const reaches = new Set(finals)
    const open = [...finals]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (const earlier of before[state] ?? []) {
        if (reaches.has(earlier)) continue
        reaches.add(earlier)
        open.push(earlier)
      }
    }
    const stuck = texts.findIndex((_, state) => !reaches.has(state))
    if (stuck >= 0) {
      const violation = new Violation(`nobody comes to the end from here: ${texts[stuck]}`)
      violation.trail = trailTo(stuck)
      throw violation
    }
  }
  return { states: texts.length, finals: finals.length }
}
