import fc from 'fast-check'
import { expect, it } from 'vitest'
import { byteCountOf, inPairs, within, without } from '../../dist/internals.js'

const most = 24

/** The ranges of the numbers that are in a set. */
function runsOf(set: ReadonlySet<number>): number[] {
  const runs: number[] = []
  for (let at = 0; at <= most; at++) {
    if (set.has(at) !== set.has(at - 1)) runs.push(at)
  }
  return runs
}

const sets = fc.uniqueArray(fc.nat({ max: most - 1 })).map((numbers) => new Set(numbers))

it('is the arithmetic of sets', () => {
  const property = fc.property(sets, sets, fc.nat(most), fc.nat(most), (one, other, start, end) => {
    const [runs, others] = [runsOf(one), runsOf(other)]
    const rest = [...one].filter((at) => !other.has(at))
    const inside = [...one].filter((at) => at >= start && at < end)
    expect(without(runs, others)).toEqual(runsOf(new Set(rest)))
    expect(within(runs, start, end)).toEqual(runsOf(new Set(inside)))
    expect(byteCountOf(runs)).toBe(one.size)
    const numbers = inPairs(runs).flatMap(([at, count]) =>
      Array.from({ length: count }, (_, i) => at + i),
    )
    expect(new Set(numbers)).toEqual(one)
  })
  fc.assert(property, { numRuns: 3000 })
})
