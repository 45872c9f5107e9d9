// The calls that may block for long, without blocking the event loop.

import { rangeWithin } from '../arguments.js'
import { type Handle, type Job, native, type Result } from '../native.js'
import { canRunJobs, runJob } from './jobs.js'
import { checked, regionOf } from './lifetime.js'
import {
  type AsyncFlushOptions,
  type AsyncLockOptions,
  type AsyncPopulateOptions,
  flushSettings,
  lockSettings,
  populateSettings,
  type WatchSettings,
  watchSettings,
} from './page-options.js'
import { PagedMemory } from './pages.js'

type RangeCall = (handle: Handle, offset: number, length: number) => Result | Job

interface Work {
  offset: number | undefined
  length: number | undefined
  watch: WatchSettings
  syscall: string
  start: RangeCall
  /** The same on this thread, for runtimes without jobs. */
  sync: RangeCall
}

async function runOnRange(memory: BackgroundMemory, work: Work): Promise<void> {
  const region = regionOf(memory)
  const { offset, length } = rangeWithin(region.byteLength, work.offset, work.length)
  const { handle, path } = region
  const start = () => (canRunJobs() ? work.start : work.sync)(handle, offset, length)
  checked(await runJob(start, length, work.watch), work.syscall, path)
}

/**
 * These run on threads of the package, at most four in a process, and never in libuv's pool. They
 * keep the process alive until they have ended, and the memory mapped: unmap() closes the mapping
 * and detaches its buffers at once, and the memory goes when they have ended. Their errors are
 * rejections, of arguments too.
 *
 * On Bun and Deno they block as their synchronous twins do.
 */
export abstract class BackgroundMemory extends PagedMemory {
  /**
   * msync(2) — resolves when changes have reached the file. Takes 64 MiB at a time.
   *
   * @throws the reason of `signal` · otherwise as {@link flushSync}
   */
  async flush(options?: AsyncFlushOptions): Promise<void> {
    const { offset, length, flags } = flushSettings(options)
    await runOnRange(this, {
      offset,
      length,
      watch: watchSettings(options),
      syscall: 'msync',
      start: (...range) => native.startFlush(...range, flags),
      sync: (...range) => native.msync(...range, flags),
    })
  }

  /**
   * mlock2(2) — reads pages in and keeps them in memory. After an error, or when it was stopped, the
   * part of the range that it had locked is unlocked again.
   *
   * @throws the reason of `signal` · otherwise as {@link lockSync}
   */
  async lock(options?: AsyncLockOptions): Promise<void> {
    const { offset, length, onFault } = lockSettings(options)
    await runOnRange(this, {
      offset,
      length,
      watch: watchSettings(options),
      syscall: 'mlock2',
      start: (...range) => native.startLock(...range, onFault),
      sync: (...range) => native.mlock(...range, onFault),
    })
  }

  /**
   * madvise(2) with MADV_POPULATE_READ or MADV_POPULATE_WRITE (Linux 5.14) — faults pages in, so that
   * later accesses find them in memory. Takes 4 MiB at a time.
   *
   * @throws the reason of `signal` · otherwise as {@link populateSync}
   */
  async populate(options?: AsyncPopulateOptions): Promise<void> {
    const { offset, length, write } = populateSettings(options)
    await runOnRange(this, {
      offset,
      length,
      watch: watchSettings(options),
      syscall: 'madvise',
      start: (...range) => native.startPopulate(...range, write),
      sync: (...range) => native.populate(...range, write),
    })
  }
}
