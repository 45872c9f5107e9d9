// Histories of a few keys, recorded by several processes at once: there must be one order of all their
// operations, within the times that each one took, in which a single map would have answered the same.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { withShared } from 'posix-mmap'
import { SharedMap } from 'posix-mmap/shared'
import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { programsIn } from '../../support/programs.js'

interface Operation {
  start: number
  end: number
  do: 'get' | 'set' | 'delete' | 'increment'
  /** What was set, or returned. */
  value: number | boolean | null
}

/** Whether the operations of one key have an order that a single value explains. */
function isLinearizable(history: Operation[]): boolean {
  const all = history.toSorted((a, b) => a.start - b.start)
  const seen = new Set<string>()
  /** `done` up to `first`, and those of `more` after it; `now` is the value then. */
  const search = (done: boolean[], first: number, now: number | null): boolean => {
    let from = first
    while (done[from]) from++
    if (from === all.length) return true
    const state = `${from} ${all.flatMap((_, i) => (i > from && done[i] ? [i] : []))} ${now}`
    if (seen.has(state)) return false
    seen.add(state)
    let earliestEnd = Number.POSITIVE_INFINITY
    for (let i = from; i < all.length; i++) {
      const one = all[i] as Operation
      // What starts after another one has ended comes after it.
      if (one.start > earliestEnd) break
      if (done[i]) continue
      earliestEnd = Math.min(earliestEnd, one.end)
      const next = applied(one, now)
      if (next === undefined) continue
      done[i] = true
      if (search(done, from, next)) return true
      done[i] = false
    }
    return false
  }
  return search(Array(all.length).fill(false), 0, null)
}

/** The value after an operation, or undefined if it cannot have answered so. */
function applied({ do: what, value }: Operation, now: number | null): number | null | undefined {
  if (what === 'set') return value as number
  if (what === 'get') return value === now ? now : undefined
  if (what === 'delete') return value === (now !== null) ? null : undefined
  return value === (now ?? 0) + 1 ? (value as number) : undefined
}

describe('the check', () => {
  const at = (start: number, end: number, what: Operation['do'], value: Operation['value']) => ({
    start,
    end,
    do: what,
    value,
  })
  it('accepts what overlaps', () => {
    expect(isLinearizable([at(0, 9, 'set', 1), at(1, 2, 'get', 1), at(3, 4, 'get', 1)])).toBe(true)
    expect(isLinearizable([at(0, 9, 'set', 1), at(1, 2, 'get', null)])).toBe(true)
  })
  it('finds a value that comes back, one that is lost and one that is counted twice', () => {
    const old = [at(0, 1, 'set', 1), at(2, 9, 'set', 2), at(3, 4, 'get', 2), at(5, 6, 'get', 1)]
    expect(isLinearizable(old)).toBe(false)
    expect(isLinearizable([at(0, 1, 'set', 1), at(2, 3, 'get', null)])).toBe(false)
    expect(isLinearizable([at(0, 3, 'increment', 1), at(0, 3, 'increment', 1)])).toBe(false)
  })
})

const program = programsIn(scratchDirectory())
const worker = `
  import { SharedMap } from 'posix-mmap/shared'
  const map = SharedMap.inherited('map')
  const place = Number(process.argv[2])
  const now = () => Number(process.hrtime.bigint())
  const random = (below) => Math.floor(Math.random() * below)
  process.on('disconnect', () => process.exit())
  process.send('ready')
  process.once('message', (until) => {
    const history = [[], [], []]
    let number = 1000 * (place + 1)
    while (Date.now() < until);
    for (let i = 0; i < 120; i++) {
      const key = random(3)
      const what = ['get', 'get', 'set', 'delete', 'increment'][random(5)]
      const before = now()
      let value = null
      if (what === 'get') value = map.get('key ' + key) ?? null
      else if (what === 'set') map.set('key ' + key, (value = 10000 * ++number))
      else if (what === 'delete') value = map.delete('key ' + key)
      else value = map.increment('key ' + key)
      history[key].push({ start: before, end: now(), do: what, value })
    }
    process.send(history)
  })`

it('of what several processes did is one', { timeout: 120_000 }, async () => {
  const file = program('worker.mjs', worker)
  for (let round = 0; round < 3; round++) {
    using map = SharedMap.create<number>(1 << 16)
    const options = withShared({ map: map.memory })
    const children = [0, 1, 2].map((place) => fork(file, [String(place)], options))
    await Promise.all(children.map((child) => once(child, 'message')))
    const answers = children.map((child) => once(child, 'message'))
    for (const child of children) child.send(Date.now() + 50)
    const histories = (await Promise.all(answers)).map(([history]) => history as Operation[][])
    for (const child of children) child.disconnect()
    for (let key = 0; key < 3; key++) {
      const history = histories.flatMap((one) => one[key] ?? [])
      expect(isLinearizable(history)).toBe(true)
    }
  }
})
