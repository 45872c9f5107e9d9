// The calls that may block for long, on threads of the package instead of the event loop.

import { type RangeArguments, rangeWithin } from '../arguments.js'
import { checkedOnHandle, type Handle, type Job, native, type Result } from '../native.js'
import { canRunJobs, runJob } from './jobs.js'
import {
  flushSettings,
  lockSettings,
  populateSettings,
  type WatchSettings,
  watchSettings,
} from './range-options.js'
import type { RangeCall } from './ranges.js'
import { type Mapped, regionOf } from './region.js'

interface Work {
  range: RangeArguments
  watch: WatchSettings
  syscall: string
  start: (handle: Handle, offset: number, length: number) => Job | Result
  /** The same call on this thread, for runtimes without jobs. */
  sync: RangeCall
}

async function runOnRange(mapping: Mapped, work: Work): Promise<void> {
  const { handle, origin, byteLength } = regionOf(mapping)
  const { range, watch, syscall } = work
  const { offset, length } = rangeWithin(byteLength, range.offset, range.length, range.prefix)
  const start = () => (canRunJobs() ? work.start : work.sync)(handle, offset, length)
  checkedOnHandle(await runJob(start, length, watch), syscall, origin, length)
}

export async function flush(mapping: Mapped, options: unknown): Promise<void> {
  const { range, flags } = flushSettings(options)
  await runOnRange(mapping, {
    range,
    watch: watchSettings(options),
    syscall: 'msync',
    start: (...pages) => native.startFlush(...pages, flags),
    sync: (...pages) => native.msync(...pages, flags),
  })
}

export async function lock(mapping: Mapped, options: unknown): Promise<void> {
  const { range, onDemand } = lockSettings(options)
  await runOnRange(mapping, {
    range,
    watch: watchSettings(options),
    syscall: 'mlock2',
    start: (...pages) => native.startLock(...pages, onDemand),
    sync: (...pages) => native.mlock(...pages, onDemand),
  })
}

export async function populate(mapping: Mapped, options: unknown): Promise<void> {
  const { range, write } = populateSettings(options)
  await runOnRange(mapping, {
    range,
    watch: watchSettings(options),
    syscall: 'madvise',
    start: (...pages) => native.startPopulate(...pages, write),
    sync: (...pages) => native.populate(...pages, write),
  })
}
