// What a call leaves behind: descriptors, regions, kernel mappings.

import { inspect } from 'node:util'
import { expect } from 'vitest'
import { native } from '../../dist/internals.js'
import { untyped } from './errors.js'
import { mapsOf, openDescriptors } from './kernel-view.js'

/**
 * Mappings of the package that have addresses now. Those that are closed or were dropped go when the
 * collector gets to them, so it may be less than before at any time.
 */
export function liveRegions(): number {
  return native.regionCounts()[0]
}

interface Traces {
  /** Whose files' mappings are counted. */
  directory: string | null
  descriptors: number
  regions: number
  maps: number
}

/** What a call may leave behind. */
export function traces(directory: string | null = null): Traces {
  return {
    directory,
    descriptors: openDescriptors(),
    regions: liveRegions(),
    maps: directory === null ? 0 : mapsOf(directory).length,
  }
}

/** Nothing is open or mapped that was not before; what was dropped may have been collected since. */
export function expectNothingNew(before: Traces, label = ''): void {
  const now = traces(before.directory)
  expect(now.regions, label).toBeLessThanOrEqual(before.regions)
  expect({ ...now, regions: 0 }, label).toEqual({ ...before, regions: 0 })
}

/**
 * Expectations of calls that throw and leave nothing behind, no mapping of a file below `directory`
 * either.
 */
export function refusals(directory: string) {
  function expectThrown(call: () => unknown, error: unknown, label = ''): void {
    const before = traces(directory)
    expect(call, label).toThrow(error as Error)
    expectNothingNew(before, label)
  }

  /** {@link expectThrown} for each of many values that the types may forbid. */
  function expectEachThrown(use: (value: never) => unknown, values: unknown[], error: unknown) {
    for (const value of values) expectThrown(() => use(untyped(value)), error, inspect(value))
  }

  return { expectThrown, expectEachThrown }
}
