// The two classes that users hold, each whole on this page; what a method does stands in the file of
// its topic. They stand in one module because they need each other: SharedMemory extends Mapping, and
// Mapping.attach() makes a SharedMemory of a handle of shared memory.

import type { Readable } from 'node:stream'
import type { InspectOptions, inspect } from 'node:util'
import { illegalConstructor, type MappingFault, notItsBytes } from './errors.js'
import type { Advice } from './kernel/advice.js'
import type { Access, Protection } from './kernel/protection.js'
import type { Seal } from './kernel/seals.js'
import * as background from './mapping/background.js'
import * as copies from './mapping/copies.js'
import { startListening } from './mapping/fault-delivery.js'
import * as faults from './mapping/faults.js'
import { type AttachOptions, attachedRegion, type MappingHandle, share } from './mapping/handle.js'
import { described, inspected, type MappingDescription } from './mapping/inspect.js'
import { type LinesOptions, lines } from './mapping/lines.js'
import type {
  AsyncFlushOptions,
  AsyncLockOptions,
  AsyncPopulateOptions,
  ByteRange,
  FlushOptions,
  LockOptions,
  PopulateOptions,
  SignalOptions,
} from './mapping/range-options.js'
import type { Residency } from './mapping/ranges.js'
import * as ranges from './mapping/ranges.js'
import * as readAhead from './mapping/read-ahead.js'
import { createReadStream, type ReadStreamOptions } from './mapping/read-stream.js'
import { grantAccess, type Region, regionOf } from './mapping/region.js'
import { resize } from './mapping/resize.js'
import * as search from './mapping/search.js'
import { releaseWhenCollected, unmap } from './mapping/unmap.js'
import type { TypedArrayConstructor } from './mapping/views.js'
import * as views from './mapping/views.js'
import { hasEventLoopOfNode, native } from './native.js'
import { isMainThread, markAsUncloneable } from './runtime/worker-threads.js'
import {
  type CreateSharedMemoryOptions,
  createSegment,
  fdOfSegment,
  inheritedSegment,
  nameOfSegment,
  type OpenOrCreateSharedMemoryOptions,
  type OpenSharedMemoryOptions,
  openOrCreateSegment,
  openSharedMemory,
  readOnlyRegion,
  sealsOfSegment,
  sealWrites,
  unlinkSegment,
} from './sharing/segment.js'

/** Only the package makes mappings; it proves itself with this. */
const construction = Symbol('posix-mmap construction')

/** The object for a region that was just mapped. */
export let createMapping: (region: Region) => Mapping

/**
 * Memory that the kernel mapped: a file's, or anonymous. {@link mapFile} and {@link mapAnonymous}
 * make one. A fault inside it (a file that somebody truncated, a write to a page that may only be
 * read) never ends the process; it is kept for {@link fault} and {@link check}.
 *
 * Ranges need not be page aligned. A call that keeps data acts on every page that its range touches; a
 * call that destroys data never changes a byte outside it, and no call reaches a page outside the
 * mapping. All methods throw `ERR_MAPPING_CLOSED` after {@link unmap}, `ERR_INVALID_ARG_TYPE`,
 * `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE` for arguments, and what the kernel refuses as an error
 * with its errno.
 */
export class Mapping implements Disposable {
  readonly #region: Region

  static {
    createMapping = (region) => new Mapping(construction, region)
    grantAccess((value) => (#region in value ? value.#region : undefined))
  }

  /** @internal */
  protected constructor(key: typeof construction, region: Region) {
    if (key !== construction) throw illegalConstructor()
    this.#region = region
    releaseWhenCollected(region)
    // A clone would be `{}`.
    markAsUncloneable(this)
  }

  // What it is

  /** In bytes; 0 after {@link unmap}. */
  get byteLength(): number {
    return this.#region.byteLength
  }

  /** How the memory was mapped. {@link protection} says what may be done with it now. */
  get access(): Access {
    return this.#region.facts.access
  }

  /**
   * Of every page; where pages differ, as it was made or as {@link protect} last set it for all of it
   * in one call.
   */
  get protection(): Protection {
    return this.#region.protection
  }

  /** Where in the file the mapping starts, in bytes; null for anonymous memory. */
  get fileOffset(): number | null {
    return this.#region.facts.fileOffset
  }

  /** The path that was mapped; null for anonymous memory, for names and for descriptors. */
  get path(): string | null {
    return this.#region.facts.path
  }

  /** Whether {@link unmap} was called. */
  get closed(): boolean {
    return this.#region.closed !== undefined
  }

  // Views: the memory itself, never a copy. They stay valid until unmap(), and keep the memory alive
  // without the mapping object.

  /**
   * All of the memory; the same object each time. After a program has transferred the buffer, to a byte
   * stream for example, another one over the same pages.
   *
   * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE if the mapping is larger than an ArrayBuffer of this runtime can be
   *   ({@link Limits.maxBufferLength}); take parts with {@link bytes} then
   */
  get buffer(): ArrayBuffer {
    return regionOf(this).memory.buffers.whole()
  }

  /**
   * A view of bytes. Of a large mapping the view's `buffer` may cover a part only, so that a look at
   * little of it costs little: count from the view, or with its `byteOffset`, and take {@link buffer}
   * for all.
   *
   * @param offset in bytes from the start of the mapping, default 0
   * @param length in bytes, default the rest
   * @throws ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE for a range outside the
   *   mapping or longer than an ArrayBuffer · ERR_INVALID_ARG_TYPE
   */
  bytes(offset?: number | bigint, length?: number | bigint): Uint8Array<ArrayBuffer> {
    return views.bytes(this, offset, length)
  }

  /**
   * A typed array.
   *
   * @param type Int32Array, Float64Array, …
   * @param offset in bytes from the start of the mapping, a multiple of the element size; default 0
   * @param length in elements, default all that fit
   * @throws as {@link bytes}
   */
  view<T>(type: TypedArrayConstructor<T>, offset?: number | bigint, length?: number | bigint): T {
    return views.typedView(this, type, offset, length)
  }

  /** A DataView. Arguments and errors as for {@link bytes}. */
  dataView(offset?: number | bigint, length?: number | bigint): DataView<ArrayBuffer> {
    return views.dataView(this, offset, length)
  }

  /** A Node Buffer over the same memory. Arguments and errors as for {@link bytes}. */
  asBuffer(offset?: number | bigint, length?: number | bigint): Buffer<ArrayBuffer> {
    return views.asBuffer(this, offset, length)
  }

  /**
   * All of the memory as a SharedArrayBuffer, the same object each time: postMessage() gives it to
   * other threads, Atomics.wait() takes it. It cannot be detached: after unmap() it shows zeros, and
   * what is written goes nowhere, unless another thread has the memory attached. Without unmap() it
   * lives on with its last thread.
   *
   * On Node.js before 22.23.3, 24.16 and 26.1 only for sealed and writable {@link SharedMemory}, and
   * protect() and guard pages do not reach it there. It is growable there too, and V8 copies wrongly
   * between views that track the length of a growable buffer: take {@link sharedBytes}, or give a view
   * its length.
   *
   * @throws ERR_MAPPING_CLOSED · ERR_EXTERNAL_BUFFERS where the runtime cannot make one ·
   *   ERR_OUT_OF_RANGE as {@link buffer}
   */
  get sharedBuffer(): SharedArrayBuffer {
    return regionOf(this).memory.sharedBuffer.get()
  }

  /**
   * A view of bytes over {@link sharedBuffer}, always of fixed length.
   *
   * @param offset in bytes from the start of the mapping, default 0
   * @param length in bytes, default the rest
   * @throws as {@link sharedBuffer} · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE
   */
  sharedBytes(offset?: number | bigint, length?: number | bigint): Uint8Array<SharedArrayBuffer> {
    return views.sharedBytes(this, offset, length)
  }

  // Copies that check: exactly the file's bytes, or a MappingFaultError. The answer never depends on a
  // page that cannot be read or was replaced after a fault.

  /**
   * Copies bytes out: exactly the file's, or a MappingFaultError with the first offset that is gone.
   * Where a range ends with a zero and no byte and no page behind it shows that the file goes on, the
   * file is asked for its size, stat(2).
   *
   * @param offset in bytes from the start of the mapping
   * @param length in bytes
   * @throws MappingFaultError · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE
   */
  read(offset: number | bigint, length: number | bigint): Buffer {
    return copies.read(this, offset, length)
  }

  /**
   * {@link read} that does not wait for a disk on the event loop. Up to 256 KiB that mincore(2) finds in
   * memory are copied at once, the rest on a thread, 1 MiB at a time. (A page that goes within the
   * microsecond between the two is a fault on the loop all the same.) Of a file that the program may
   * not write to and does not own, the kernel does not tell what is in memory (Linux 5.2): then all is for the thread.
   *
   * The kernel is asked for what is wanted and no more, whatever the advice is; for reads that begin
   * where the last one ended, for up to 4 MiB behind them as well. After unmap() a read in flight still gives its
   * bytes, unless it has more than 1 MiB to go.
   *
   * @param offset in bytes from the start of the mapping
   * @param length in bytes
   * @throws the reason of `signal` · otherwise as {@link read}
   */
  readAsync(
    offset: number | bigint,
    length: number | bigint,
    options?: SignalOptions,
  ): Promise<Buffer> {
    return readAhead.readAsync(this, offset, length, options)
  }

  /**
   * Copies bytes into memory of the caller's, as {@link read} does, without an allocation.
   *
   * @param target is filled from its start; after a MappingFaultError its content is unspecified
   * @param offset in bytes from the start of the mapping, default 0
   * @returns how many bytes were copied: fewer than `target` has at the end of the mapping
   * @throws MappingFaultError · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE for an offset past the end ·
   *   ERR_INVALID_ARG_TYPE · ERR_INVALID_ARG_VALUE for a target that was detached
   */
  readInto(target: ArrayBufferView, offset?: number | bigint): number {
    return copies.readInto(this, target, offset)
  }

  /**
   * Text, decoded from a copy that is made as {@link read} makes it.
   *
   * @param offset in bytes from the start of the mapping, default 0
   * @param length in bytes, default the rest
   * @param encoding default `'utf8'`
   * @throws MappingFaultError · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE · ERR_STRING_TOO_LONG
   */
  text(offset?: number | bigint, length?: number | bigint, encoding?: BufferEncoding): string {
    return copies.text(this, offset, length, encoding)
  }

  /**
   * Copies bytes in; a string as UTF-8. Either the whole source fits, into the mapping and into the
   * file as it is now (stat(2)), or nothing is written; but a fault on the way leaves the part before it written,
   * and so does a file that is cut meanwhile.
   *
   * @param offset in bytes from the start of the mapping
   * @returns how many bytes were written: all of them
   * @throws MappingFaultError also when the memory may only be read · ERR_MAPPING_CLOSED ·
   *   ERR_OUT_OF_RANGE when the source reaches past the end · ERR_INVALID_ARG_TYPE
   */
  write(offset: number | bigint, source: ArrayBufferView | string): number {
    return copies.write(this, offset, source)
  }

  /**
   * memmem(3) — the first place, at `from` or behind it, where all of `needle` stands. A string is
   * looked for as UTF-8, a number as the byte that it is. An empty needle is found everywhere, as in
   * `Buffer.indexOf()`. Blocks the event loop while it searches.
   *
   * @param needle a number must be 0 to 255
   * @param from in bytes from the start of the mapping, default 0; may be past the end
   * @param end where a match must end at the latest, in bytes from the start of the mapping; default
   *   its end
   * @returns in bytes from the start of the mapping, also beyond 4 GiB; -1 if there is none
   * @throws MappingFaultError · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE ·
   *   ERR_INVALID_ARG_VALUE for a needle that was detached
   */
  indexOf(
    needle: string | number | Uint8Array,
    from?: number | bigint,
    end?: number | bigint,
  ): number {
    return search.indexOf(this, needle, from, end)
  }

  /**
   * {@link indexOf} that lets the event loop turn after every 4 MiB, and reads in on a thread what is not in
   * memory, as {@link populate} does.
   *
   * @param needle a number must be 0 to 255
   * @param from in bytes from the start of the mapping, default 0; may be past the end
   * @param end where a match must end at the latest, in bytes from the start of the mapping; default
   *   its end
   * @returns in bytes from the start of the mapping; -1 if there is none
   * @throws the reason of `signal` · otherwise as {@link indexOf}
   */
  indexOfAsync(
    needle: string | number | Uint8Array,
    from?: number | bigint,
    end?: number | bigint,
    options?: SignalOptions,
  ): Promise<number> {
    return readAhead.indexOfAsync(this, needle, from, end, options)
  }

  /**
   * memmem(3) from the end — the last place, at `from` or before it, where all of `needle` stands.
   *
   * @param from in bytes from the start of the mapping, default its end
   * @param start where a match may begin at the earliest, in bytes; default 0
   * @returns in bytes from the start of the mapping; -1 if there is none
   * @throws as {@link indexOf}
   */
  lastIndexOf(
    needle: string | number | Uint8Array,
    from?: number | bigint,
    start?: number | bigint,
  ): number {
    return search.lastIndexOf(this, needle, from, start)
  }

  /**
   * The lines of a range, without `'\n'` and a `'\r'` directly before it. A last line needs no
   * `'\n'`, and there is none behind a final `'\n'`; a `'\r'` elsewhere is part of its line. A range may
   * begin and end in the middle of a line. With `'utf16le'` the units count from `offset`; with `'hex'`
   * and `'base64'` each line is encoded for itself.
   *
   * With `encoding: null` lines are views, valid as {@link bytes} has it. Reads up to 32 KiB ahead,
   * and what it yields was read as {@link read} does. next() throws at the line that cannot be read.
   *
   * @throws ERR_OUT_OF_RANGE for a range outside the mapping · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE · ERR_MAPPING_CLOSED · next() throws MappingFaultError ·
   *   ERR_MAPPING_CLOSED after unmap(), ERR_MAPPING_DETACHED after resize() to less ·
   *   ERR_STRING_TOO_LONG for a line that no string can hold
   */
  lines(options: LinesOptions & { encoding: null }): IterableIterator<Uint8Array<ArrayBuffer>>
  /** The same, as strings. */
  lines(options?: LinesOptions & { encoding?: BufferEncoding }): IterableIterator<string>
  /** The same, where only the run knows which. */
  lines(options?: LinesOptions): IterableIterator<string | Uint8Array<ArrayBuffer>>
  lines(options?: LinesOptions): IterableIterator<string | Uint8Array> {
    return lines(this, options)
  }

  /**
   * A stream of the bytes of a range. Its chunks are views of the memory, as {@link asBuffer} gives
   * them, each looked at before it is handed out: a page that cannot be read or was replaced after a
   * fault, or the end of the file, destroys the stream with a MappingFaultError, and so does the loss
   * of what was handed out, before the stream ends or before its reader took the last chunk. With an `encoding` it gives strings. unmap()
   * destroys it with `ERR_MAPPING_CLOSED`; until then an unfinished stream keeps the mapping.
   *
   * With `dropBehind` pages that were read are given back, so that a pass over a file of any size
   * stays small: madvise(2) with MADV_DONTNEED for memory that is shared with its file, which loses
   * nothing, and MADV_PAGEOUT (Linux 5.4) for private memory. A chunk that a reader keeps stays as it
   * is.
   *
   * @throws ERR_OUT_OF_RANGE for a range outside the mapping, or a `highWaterMark` of 0 ·
   *   ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ERR_MAPPING_CLOSED · with `dropBehind` the stream
   *   ends with EINVAL on memory that is locked
   */
  createReadStream(options?: ReadStreamOptions): Readable {
    return createReadStream(this, options)
  }

  // The man pages

  /**
   * msync(2) — resolves when changes have reached the file. Takes 64 MiB at a time.
   *
   * This, {@link lock} and {@link populate} run on threads of the package, at most four in a process,
   * and never in libuv's pool. They keep the process alive until they have ended, and the memory
   * mapped: unmap() closes the mapping and detaches its buffers at once, and the memory goes when they
   * have ended. Their errors are rejections, of arguments too. On Bun and Deno they block as their
   * synchronous counterparts do.
   *
   * @throws the reason of `signal` · otherwise as {@link flushSync}
   */
  flush(options?: AsyncFlushOptions): Promise<void> {
    return background.flush(this, options)
  }

  /**
   * msync(2) — returns when changes have reached the file, or with mode `'async'` at once.
   *
   * @throws MappingFaultError, before and after it, for a range that holds a page which a fault made
   *   private, or that lies past the end of the file: what was stored there does not reach it · EIO, ENOSPC, EDQUOT when the device failed · EBUSY for `invalidate` of locked pages
   */
  flushSync(options?: FlushOptions): void {
    ranges.flushSync(this, options)
  }

  /**
   * madvise(2) — tells the kernel what is about to be done with pages. For `'willneed'` it begins to read no
   * more at a time than the device reads ahead; {@link prefetch} has it read all.
   *
   * `'auto'` is for files that may be larger than the memory: a thread of the package looks at what the
   * faults of the process bring, getrusage(2), 10 to 200 times a second. While they are
   * in no order, and the file does not stay in memory, it has `'random'`, otherwise `'normal'`, until
   * another advice for read-ahead is given. It keeps no descriptor.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   * @throws EINVAL where the kernel does not know the advice ({@link adviceSupported}) or has no use
   *   for it on this kind of memory · ERR_INVALID_ARG_VALUE for `'auto'` with a range
   */
  advise(advice: Advice | 'auto', offset?: number | bigint, length?: number | bigint): void {
    ranges.advise(this, advice, offset, length)
  }

  /**
   * mprotect(2) — sets what may be done with pages. An access that is not allowed does not end the
   * process: it becomes a fault ({@link fault}, {@link check}, `onFault`).
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   * @throws ENOMEM beyond `vm.max_map_count` · EACCES for `'read-write'` on a file that was opened for
   *   reading only
   */
  protect(protection: Protection, offset?: number | bigint, length?: number | bigint): void {
    ranges.protect(this, protection, offset, length)
  }

  /**
   * mlock2(2) — reads pages in and keeps them in memory, as {@link flush} runs. After an error, or when
   * it was stopped, the part of the range that it had locked is unlocked again.
   *
   * @throws the reason of `signal` · otherwise as {@link lockSync}
   */
  lock(options?: AsyncLockOptions): Promise<void> {
    return background.lock(this, options)
  }

  /**
   * mlock2(2) — reads pages in and keeps them in memory. Blocks while it reads; after an error of a
   * page, the pages that follow it are locked once they are touched.
   *
   * @throws ENOMEM, EAGAIN beyond {@link Limits.lockedBytes}, EPERM where that is 0 ·
   *   MappingFaultError for a page that the file or its file system has lost · ENOMEM for one that may
   *   not be read
   */
  lockSync(options?: LockOptions): void {
    ranges.lockSync(this, options)
  }

  /**
   * munlock(2) — lets the kernel take pages out of memory again.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   * @throws ENOMEM beyond `vm.max_map_count`
   */
  unlock(offset?: number | bigint, length?: number | bigint): void {
    ranges.unlock(this, offset, length)
  }

  /**
   * process_madvise(2) with MADV_WILLNEED — has the kernel begin to read many ranges, and does not wait
   * for them. A thread leaves out the pages that are in memory, and gives the kernel up to 1,024 ranges in
   * one call; where it may not (before Linux 6.13 without CAP_SYS_NICE, and in sandboxes), each in one
   * madvise(2). Runs as {@link flush} does.
   *
   * @param ranges in bytes from the start of the mapping
   * @throws the reason of `signal` · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE · EBADF for
   *   anonymous memory, which has nothing to read
   */
  prefetch(ranges: Iterable<ByteRange>, options?: SignalOptions): Promise<void> {
    return readAhead.prefetch(this, ranges, options)
  }

  /**
   * madvise(2) with MADV_POPULATE_READ or MADV_POPULATE_WRITE (Linux 5.14) — faults pages in, so that
   * later accesses find them in memory; runs as {@link flush} does. Takes 4 MiB at a time.
   *
   * @throws the reason of `signal` · otherwise as {@link populateSync}
   */
  populate(options?: AsyncPopulateOptions): Promise<void> {
    return background.populate(this, options)
  }

  /**
   * madvise(2) with MADV_POPULATE_READ or MADV_POPULATE_WRITE (Linux 5.14) — faults pages in before
   * they are needed. Blocks while it reads.
   *
   * @throws MappingFaultError for a page that the file or its file system has lost · EFAULT for a guard
   *   page · EINVAL on older kernels, and for pages that may not be accessed so
   */
  populateSync(options?: PopulateOptions): void {
    ranges.populateSync(this, options)
  }

  /**
   * mincore(2) — which pages are in memory now. For a guard page it tells what lies behind: the
   * file's page in the cache, or of anonymous memory nothing.
   *
   * The vector of a terabyte has 256 MiB (with pages of 4 KiB), and takes memory only where any of
   * 16,384 neighbouring pages is resident. The kernel looks at every page, and this call waits for
   * it: some 3 s for a terabyte that is not in memory, so ask for parts.
   *
   * @param offset in bytes, default 0
   * @param length in bytes, default the rest
   */
  residency(offset?: number | bigint, length?: number | bigint): Residency {
    return ranges.residency(this, offset, length)
  }

  /**
   * mremap(2) — makes the memory longer or shorter, and its file with it. Growth reserves blocks,
   * fallocate(2), so that a full disk is ENOSPC here and nothing has changed; shrinking cuts the file
   * off, ftruncate(2). Buffers given out before are detached: take views again. Mappings of other
   * threads and processes keep their length, and handles of share() are void. Protection, advice and
   * locks of the first page become those of all.
   *
   * The file is found by its path, or by the descriptor that was mapped if it is still open.
   *
   * @param byteLength in bytes
   * @throws ENOSPC · EPERM for sealed memory · EBADF, ENOENT, ESTALE when the file is not to be found
   *   any more · EBUSY, EINVAL for memory that cannot be moved · ENOMEM · ERR_INVALID_ARG_VALUE with
   *   access `'read'` or `'copy-on-write'` · ERR_MAPPING_CLOSED · ERR_OUT_OF_RANGE,
   *   ERR_INVALID_ARG_TYPE
   */
  resize(byteLength: number | bigint): void {
    resize(this, byteLength)
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
    ranges.discard(this, offset, length)
  }

  /**
   * madvise(2) with MADV_REMOVE — every byte of the range is zero, here and in the file, and the
   * blocks of the pages that it fills are free, as with fallocate(2) and FALLOC_FL_PUNCH_HOLE.
   *
   * @param offset in bytes
   * @param length in bytes
   * @throws EINVAL for locked pages · EINVAL, EACCES for memory that is not shared and writable ·
   *   ENOTSUP where the file system has no holes
   */
  punchHole(offset: number | bigint, length: number | bigint): void {
    ranges.punchHole(this, offset, length)
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
    ranges.installGuard(this, offset, length)
  }

  /**
   * madvise(2) with MADV_GUARD_REMOVE (Linux 6.13) — lifts {@link installGuard} again.
   *
   * @param offset in bytes
   * @param length in bytes
   * @throws EINVAL on older kernels
   */
  removeGuard(offset: number | bigint, length: number | bigint): void {
    ranges.removeGuard(this, offset, length)
  }

  // Faults

  /**
   * The faults since the mapping was made or {@link clearFault} was called, or null. Stays readable
   * after {@link unmap}.
   */
  get fault(): MappingFault | null {
    return faults.askFault(this.#region)
  }

  /**
   * Throws if a fault happened since the mapping was made or {@link clearFault} was called, or if the
   * file now ends inside a page of the mapping, whose rest shows zeros without a fault: that once. Where
   * the memory does not tell, the file is asked for its size, stat(2).
   *
   * @throws MappingFaultError · ERR_MAPPING_CLOSED
   */
  check(): void {
    faults.check(this)
  }

  /**
   * Forgets the faults so far and returns them. The pages that were replaced stay replaced: views
   * show their private content, read() and write() go on throwing.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  clearFault(): MappingFault | null {
    return faults.clearFault(this)
  }

  /**
   * Runs `body`, then {@link check}: a fault inside it becomes an exception. A promise is awaited
   * first. A fault from before counts as well, and so does, each time, a file that ends inside a page
   * of the mapping. When `body` itself throws after a fault, as a parser
   * does that was given zeros, the fault is thrown and has the other error as its `cause`.
   *
   * @returns what `body` returns
   * @throws what `body` throws · MappingFaultError · ERR_MAPPING_CLOSED
   */
  checked<R>(body: () => R): R {
    return faults.runChecked(this, body)
  }

  // Other threads, and the end

  /**
   * What {@link attach} takes in another thread of this process: plain data for postMessage() or
   * workerData. It does not keep the memory: this mapping must stay open, and not be resized, until
   * attach() has returned there. Of shared memory it keeps a descriptor, fcntl(2) with F_DUPFD_CLOEXEC.
   *
   * @throws ERR_MAPPING_CLOSED · EMFILE for shared memory
   */
  share(): MappingHandle {
    return share(this)
  }

  /**
   * The same memory in this thread: the same pages at the same addresses, with buffers of its own; a
   * {@link SharedMemory}, with a descriptor of its own (fcntl(2)), if that is what was shared. Each thread unmaps
   * for itself, and the last one gives the memory back. Faults and protection are those of the memory,
   * so all threads see them; after resize() in one thread the others keep what they have.
   *
   * @throws ERR_MAPPING_CLOSED when no thread has it mapped any more · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for anything that is not a handle of this process · EMFILE
   */
  static attach(handle: MappingHandle, options?: AttachOptions): Mapping {
    const region = attachedRegion(handle, options)
    return region.facts.segment === null ? createMapping(region) : createSharedMemory(region)
  }

  /**
   * munmap(2) — detaches every ArrayBuffer that this mapping gave out, so that its views have length
   * 0, and gives the memory back. Requests in flight on a view (fs.read, zlib, crypto) end
   * harmlessly. Idempotent. Afterwards every method but this one and `[Symbol.dispose]` throws
   * `ERR_MAPPING_CLOSED`, and so do `buffer` and `sharedBuffer`; the properties that describe the
   * mapping stay readable.
   */
  unmap(): void {
    unmap(this.#region)
  }

  /** {@link unmap}, for `using`. */
  [Symbol.dispose](): void {
    this.unmap()
  }

  /**
   * Throws, so that `Buffer.from(mapping)`, `new Uint8Array(mapping)` and loops over it are not empty.
   *
   * @internal
   */
  get length(): never {
    throw notItsBytes()
  }

  /**
   * What `JSON.stringify()` and `process.send()` make of it: a description, which is not the memory.
   * {@link share} gives that to another thread, withShared() to another process.
   */
  toJSON(): MappingDescription {
    return described(this.constructor.name, this.#region)
  }

  /** @internal */
  [Symbol.for('nodejs.util.inspect.custom')](
    depth: number,
    options: InspectOptions,
    show: typeof inspect,
  ): string {
    return inspected(this.constructor.name, this.#region, depth, options, show)
  }
}

let createSharedMemory: (region: Region) => SharedMemory

/**
 * A {@link Mapping} over memory that other processes can map as well. Keeps one descriptor, which is
 * closed with {@link unmap}.
 */
export class SharedMemory extends Mapping {
  static {
    createSharedMemory = (region) => new SharedMemory(construction, region)
  }

  /**
   * Makes shared memory, zeroed and with its blocks reserved. Without a name: memfd_create(2), sealed
   * against shrinking and growing, so that it cannot fault; nothing is left of it after a crash. With
   * one: shm_open(3) with O_CREAT and O_EXCL.
   *
   * @param byteLength in bytes, 1 to 2 ** 53 - 1; a length that the machine has no memory for is ENOMEM
   * @throws EEXIST when the name is taken · ENOSPC, ENOMEM, EMFILE, … of the calls named and of
   *   fallocate(2), mmap(2), madvise(2), mlock2(2) · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE,
   *   ERR_OUT_OF_RANGE
   */
  static create(byteLength: number | bigint, options?: CreateSharedMemoryOptions): SharedMemory {
    return createSharedMemory(createSegment(byteLength, options))
  }

  /**
   * shm_open(3) — maps the segment of a name, or makes it: zeroed, with its blocks reserved. All callers
   * with one name get one segment, never one that is half made: it is made without a name and linked
   * when it is complete, so that a maker that is killed leaves nothing. A segment without a size, which
   * {@link create} or another program is making, is waited for; after a second without a change it is
   * taken over. Opens first and creates only then: with fs.protected_regular, O_CREAT on another
   * user's segment is refused.
   *
   * @param byteLength in bytes, 1 to 2 ** 53 - 1
   * @throws ERR_INVALID_ARG_VALUE when the segment that exists has another length, with both · otherwise
   *   as {@link create} and {@link open}
   */
  static openOrCreate(
    name: string,
    byteLength: number | bigint,
    options?: OpenOrCreateSharedMemoryOptions,
  ): SharedMemory {
    return createSharedMemory(openOrCreateSegment(name, byteLength, options))
  }

  /**
   * Maps shared memory that exists: by its name, shm_open(3); by a path; or through a descriptor,
   * which stays the caller's.
   *
   * @param nameOrPath a name as shm_open(3) takes it, with or without the slash before it; a path,
   *   with a slash elsewhere; or a descriptor, 0 to 2 ** 31 - 1
   * @throws ENOENT · EACCES when it is another user's, or `'read-write'` of a descriptor for reading ·
   *   ENODATA while it has no size yet · ELOOP, EISDIR, ENODEV for anything that is not a file · EBADF,
   *   EMFILE, ENOMEM · ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
   */
  static open(nameOrPath: string | number, options?: OpenSharedMemoryOptions): SharedMemory {
    return createSharedMemory(openSharedMemory(nameOrPath, options))
  }

  /**
   * In a child process: what its parent passed on with withShared() under this key; mmap(2).
   *
   * @throws ERR_INVALID_ARG_VALUE for a key that was not passed on, with those that were · EBADF when
   *   the descriptor was closed · EACCES for write access to what was passed on for reading
   */
  static inherited(key: string, options?: OpenSharedMemoryOptions): SharedMemory {
    return createSharedMemory(inheritedSegment(key, options))
  }

  /**
   * shm_unlink(3) — removes a name. Processes that have it mapped keep the memory.
   *
   * @throws ENOENT when there is none · EACCES when it is another user's · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE for a text that cannot be a name
   */
  static unlink(name: string): void {
    unlinkSegment(name)
  }

  /** The descriptor, for those who pass it on themselves; -1 after {@link unmap}. */
  get fd(): number {
    return fdOfSegment(this)
  }

  /** The name that it was made or opened under, with its slash; null for memory without one. */
  get name(): string | null {
    return nameOfSegment(this)
  }

  /**
   * What nobody may do with it any more; fcntl(2), F_GET_SEALS. Named memory has `'seal'` alone: it
   * cannot be sealed.
   *
   * @throws ERR_MAPPING_CLOSED
   */
  get seals(): readonly Seal[] {
    return sealsOfSegment(this)
  }

  /**
   * The same memory over a descriptor for reading only, for receivers that only read: mmap(2) and
   * mprotect(2) refuse to make it writable. Protects a receiver against its own mistakes; the same user
   * can re-open it for writing, see {@link sealWrites}.
   *
   * @throws ERR_MAPPING_CLOSED · EMFILE, ENOMEM · ENOENT where /proc is not mounted
   */
  readOnly(): SharedMemory {
    return createSharedMemory(readOnlyRegion(this))
  }

  /**
   * fcntl(2) with F_SEAL_FUTURE_WRITE — this mapping, and those that exist, stay writable; nobody can
   * make another that is, or write to it by a descriptor. For good, and against everybody. What
   * withShared() passes on from then is for reading. {@link punchHole} is refused from then on as well.
   *
   * @throws EPERM for named memory, which cannot be sealed · ERR_MAPPING_CLOSED
   */
  sealWrites(): void {
    sealWrites(this)
  }
}

startListening()
if (hasEventLoopOfNode && !isMainThread()) native.watchForEnd()
