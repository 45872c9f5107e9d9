// The calls that may block for long, on threads of the package instead of the event loop.

import { type Range, type RangeArguments, rangeWithin } from '../arguments.js'
import { checkedOnHandle, type Handle, type Job, native, type Result } from '../native.js'
import { assertSyncable, resultOfLocking, resultOfReadingIn } from './faults.js'
import { canRunJobs, runJob } from './jobs.js'
import {
  flushSettings,
  lockSettings,
  populateSettings,
  type WatchSettings,
  watchNames,
  watchSettings,
} from './range-options.js'
import { flushPages, lockPages, populatePages, type RangeCall } from './ranges.js'
import { type Mapped, type Region, regionOf } from './region.js'

interface Work {
  range: RangeArguments
  watch: WatchSettings
  syscall: string
  start: (handle: Handle, offset: number, length: number) => Job | Result
  /** The same call on this thread, for runtimes without jobs. */
  sync: RangeCall
  /** Throws what stands in the way of the call. */
  before?: (region: Region, range: Range) => void
  /** What comes of the call's result, or throws what that does not say. */
  after: (region: Region, range: Range, result: Result) => Result
}

async function runOnRange(mapping: Mapped, work: Work): Promise<void> {
  const region = regionOf(mapping)
  const { handle, origin, byteLength } = region
  const { range: wanted, watch, syscall } = work
  const range = rangeWithin(byteLength, wanted.offset, wanted.length, wanted.prefix)
  const { offset, length } = range
  const start = () => {
    work.before?.(region, range)
    return (canRunJobs() ? work.start : work.sync)(handle, offset, length)
  }
  const result = work.after(region, range, await runJob(start, length, watch))
  checkedOnHandle(result, syscall, origin, length)
}

export async function flush(mapping: Mapped, options: unknown): Promise<void> {
  const { range, flags } = flushSettings(options, watchNames)
  await runOnRange(mapping, {
    range,
    watch: watchSettings(options),
    syscall: 'msync',
    start: (...pages) => native.startFlush(...pages, flags),
    sync: (...pages) => flushPages(...pages, flags),
    before: assertSyncable,
    after: (region, pages, result) => {
      if (result === 0) assertSyncable(region, pages)
      return result
    },
  })
}

export async function lock(mapping: Mapped, options: unknown): Promise<void> {
  const { range, onDemand } = lockSettings(options, watchNames)
  await runOnRange(mapping, {
    range,
    watch: watchSettings(options),
    syscall: 'mlock2',
    start: (...pages) => native.startLock(...pages, onDemand),
    sync: (...pages) => lockPages(...pages, onDemand),
    after: (region, { offset, length }, result) =>
      resultOfLocking(result, [region.handle, offset, length], region),
  })
}

export async function populate(mapping: Mapped, options: unknown): Promise<void> {
  const { range, write } = populateSettings(options, watchNames)
  await runOnRange(mapping, {
    range,
    watch: watchSettings(options),
    syscall: 'madvise',
    start: (...pages) => native.startPopulate(...pages, write),
    sync: (...pages) => populatePages(...pages, write),
    after: (region, { offset, length }, result) =>
      resultOfReadingIn(result, [region.handle, offset, length], write, region),
  })
}
