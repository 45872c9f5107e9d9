// Finds what a call leaves behind: descriptors, regions, kernel mappings.

import { inspect } from 'node:util'
import { expect } from 'vitest'
import { native } from '../../dist/internals.js'
import { untyped } from './errors.js'
import { mapsOf, openDescriptors } from './kernel-view.js'

/**
 * How many mappings of the package have addresses now. Closed and dropped ones lose theirs when the
 * collector runs, so the number may fall at any time.
 */
export function liveRegions(): number {
  return native.regionCounts()[0]
}

interface Traces {
  /** The directory of the files whose mappings are counted. */
  directory: string | null
  descriptors: number
  regions: number
  maps: number
}

/** The things that a call could leave behind. */
export function traces(directory: string | null = null): Traces {
  return {
    directory,
    descriptors: openDescriptors(),
    regions: liveRegions(),
    maps: directory === null ? 0 : mapsOf(directory).length,
  }
}

/**
 * Expects that nothing is open or mapped that was not before. Dropped mappings may have been
 * collected.
 */
export function expectNothingNew(before: Traces, label = ''): void {
  const now = traces(before.directory)
  expect(now.regions, label).toBeLessThanOrEqual(before.regions)
  expect({ ...now, regions: 0 }, label).toEqual({ ...before, regions: 0 })
}

/**
 * Expects of calls that they throw and leave nothing behind, not even a mapping of a file below
 * `directory`.
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
