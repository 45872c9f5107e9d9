// The man pages: what the kernel does with ranges of a mapping.

import { type Advice, adviceValue, checkAdvice } from '../advice.js'
import { byteCount, optionalByteCount, rangeWithin } from '../arguments.js'
import { native, pageSize } from '../native.js'
import { checkProtection, type Protection, protectionBits } from '../protection.js'
import { checked, regionOf } from './lifetime.js'
import { onRange } from './on-range.js'
import {
  type FlushOptions,
  flushSettings,
  type LockOptions,
  lockSettings,
  type PopulateOptions,
  populateSettings,
} from './page-options.js'
import { StreamedMemory } from './read-stream.js'

/** Which pages of a range are in memory. */
export interface Residency {
  /** In bytes. */
  pageSize: number
  /** How many the range touches. */
  pages: number
  /** How many of them are in memory. */
  resident: number
  /** A byte a page: 1 in memory, 0 not. */
  bitmap: Uint8Array
}

/**
 * Ranges need not be page aligned. Calls that keep data act on every page that the range touches;
 * calls that destroy data never touch a byte outside it. No call reaches a page outside the
 * mapping.
 *
 * All throw `ERR_MAPPING_CLOSED`, `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_TYPE`,
 * `ERR_INVALID_ARG_VALUE`, and what the kernel refuses as an error with its errno.
 */
export abstract class PagedMemory extends StreamedMemory {
  /**
   * msync(2) — returns when changes have reached the file, or with mode `'async'` at once.
   *
   * @throws EIO, ENOSPC, EDQUOT when the device failed · EBUSY for `invalidate` of locked pages
   */
  flushSync(options?: FlushOptions): void {
    const { offset, length, flags } = flushSettings(options)
    onRange(this, offset, length, 'msync', (...range) => native.msync(...range, flags))
  }

  /**
   * madvise(2) — tells the kernel what is about to be done with pages.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   * @throws EINVAL where the kernel does not know the advice ({@link adviceSupported}) or has no use
   *   for it on this kind of memory
   */
  advise(advice: Advice, offset?: number | bigint, length?: number | bigint): void {
    const value = adviceValue(checkAdvice(advice, 'advice'))
    const start = optionalByteCount(offset, 'offset')
    const count = optionalByteCount(length, 'length')
    onRange(this, start, count, 'madvise', (...range) => native.madvise(...range, value))
  }

  /**
   * mprotect(2) — sets what may be done with pages. An access that is not allowed does not end the
   * process: it becomes a fault (`fault`, `check()`, `onFault`).
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   * @throws ENOMEM beyond `vm.max_map_count` · EACCES for `'read-write'` on a file that was opened for reading only
   */
  protect(protection: Protection, offset?: number | bigint, length?: number | bigint): void {
    const wanted = checkProtection(protection, 'protection')
    const start = optionalByteCount(offset, 'offset')
    const count = optionalByteCount(length, 'length')
    const range = onRange(this, start, count, 'mprotect', (...pages) =>
      native.mprotect(...pages, protectionBits(wanted)),
    )
    const region = regionOf(this)
    if (range.length === region.byteLength) region.protection = wanted
  }

  /**
   * mlock2(2) — reads pages in and keeps them in memory. Blocks while it reads.
   *
   * @throws ENOMEM, EAGAIN beyond {@link Limits.lockedBytes}, EPERM where that is 0 · ENOMEM for a
   *   page that cannot be had
   */
  lockSync(options?: LockOptions): void {
    const { offset, length, onFault } = lockSettings(options)
    onRange(this, offset, length, 'mlock2', (...range) => native.mlock(...range, onFault))
  }

  /**
   * munlock(2) — lets the kernel take pages out of memory again.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   */
  unlock(offset?: number | bigint, length?: number | bigint): void {
    const start = optionalByteCount(offset, 'offset')
    const count = optionalByteCount(length, 'length')
    onRange(this, start, count, 'munlock', native.munlock)
  }

  /**
   * madvise(2) with MADV_POPULATE_READ or MADV_POPULATE_WRITE (Linux 5.14) — faults pages in before
   * they are needed. Blocks while it reads.
   *
   * @throws EFAULT for a page that cannot be had, EINVAL on older kernels
   */
  populateSync(options?: PopulateOptions): void {
    const { offset, length, write } = populateSettings(options)
    onRange(this, offset, length, 'madvise', (...range) => native.populate(...range, write))
  }

  /**
   * mincore(2) — which pages are in memory now. Of a guarded page it tells what lies behind: the
   * file's page in the cache, or of anonymous memory nothing.
   *
   * The bitmap of a terabyte has 256 MiB (with pages of 4 KiB), and takes memory only where any of
   * 16,384 neighbouring pages is resident. The kernel looks at every page, and this call waits for
   * it: some 3 s for a terabyte that is not in memory, so ask for parts.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   */
  residency(offset?: number | bigint, length?: number | bigint): Residency {
    const start = optionalByteCount(offset, 'offset')
    const count = optionalByteCount(length, 'length')
    const region = regionOf(this)
    const range = rangeWithin(region.byteLength, start, count)
    const place = [region.handle, range.offset, range.length] as const
    const bitmap = new Uint8Array(checked(native.pageCount(...place), 'mincore', region.path))
    const resident = checked(native.mincore(...place, bitmap), 'mincore', region.path)
    return { pageSize, pages: bitmap.length, resident, bitmap }
  }

  /**
   * madvise(2) with MADV_DONTNEED — copy-on-write: pages that the range fills show the file again,
   * the rest of the range is left alone. Anonymous: every byte of the range is zero again.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   * @throws EINVAL for memory that is shared with its file, and for locked pages
   */
  discard(offset?: number | bigint, length?: number | bigint): void {
    const start = optionalByteCount(offset, 'offset')
    const count = optionalByteCount(length, 'length')
    onRange(this, start, count, 'madvise', native.discard)
  }

  /**
   * madvise(2) with MADV_REMOVE — every byte of the range is zero, here and in the file, and the
   * blocks of the pages that it fills are free, as with fallocate(2) and FALLOC_FL_PUNCH_HOLE.
   *
   * @param offset in bytes
   * @param length in bytes
   * @throws EINVAL for locked pages · EINVAL, EACCES for memory that is not shared and writable ·
   *   EOPNOTSUPP where the file system has no holes
   */
  punchHole(offset: number | bigint, length: number | bigint): void {
    const start = byteCount(offset, 'offset')
    const count = byteCount(length, 'length')
    onRange(this, start, count, 'madvise', native.punchHole)
  }

  /**
   * madvise(2) with MADV_GUARD_INSTALL (Linux 6.13) — an access to a page that the range fills
   * becomes a fault of kind `'no-access'`. What was private in these pages is lost.
   *
   * @param offset in bytes
   * @param length in bytes
   * @throws EINVAL on older kernels, and for locked pages
   */
  installGuard(offset: number | bigint, length: number | bigint): void {
    const start = byteCount(offset, 'offset')
    const count = byteCount(length, 'length')
    onRange(this, start, count, 'madvise', native.installGuard)
  }

  /**
   * madvise(2) with MADV_GUARD_REMOVE (Linux 6.13) — lifts {@link installGuard} again.
   *
   * @param offset in bytes
   * @param length in bytes
   * @throws EINVAL on older kernels
   */
  removeGuard(offset: number | bigint, length: number | bigint): void {
    const start = byteCount(offset, 'offset')
    const count = byteCount(length, 'length')
    onRange(this, start, count, 'madvise', native.removeGuard)
  }
}
