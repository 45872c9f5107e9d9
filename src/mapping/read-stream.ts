// A mapping as a stream of views.

import type { Readable } from 'node:stream'
import {
  boolean,
  byteCount,
  optional,
  optionalByteCount,
  options as optionsObject,
  rangeBetween,
} from '../arguments.js'
import { mappingClosed, outOfRange } from '../errors.js'
import { maxBufferLength } from '../limits.js'
import { native } from '../native.js'
import { assertCopied } from './copies.js'
import { checked, openRegionOf, regionOf } from './lifetime.js'
import { LinedMemory } from './lines.js'

/** How {@link Mapping.createReadStream} reads. */
export interface ReadStreamOptions {
  /** In bytes from the start of the mapping, default 0. */
  start?: number | bigint
  /** Exclusive, default the end of the mapping. */
  end?: number | bigint
  /** How long a chunk is, and how much waits for a reader, in bytes; default 64 KiB. */
  highWaterMark?: number
  /** Give pages back to the kernel once they were read; default false. */
  dropBehind?: boolean
}

const defaultHighWaterMark = 64 << 10

// As much as is dropped at once.
const dropLength = 1 << 20

/** What stands behind one stream. */
class Reader {
  readonly #memory: StreamedMemory
  readonly #end: number
  readonly #dropBehind: boolean
  #position: number
  #dropped: number

  constructor(memory: StreamedMemory, start: number, end: number, dropBehind: boolean) {
    this.#memory = memory
    this.#position = start
    this.#dropped = start
    this.#end = end
    this.#dropBehind = dropBehind
  }

  // Once a turn of the event loop, or a reader that is always ready would keep it from turning.
  read(stream: Readable, size: number): void {
    setImmediate(() => {
      if (stream.destroyed) return
      try {
        this.#drop(this.#position - stream.readableLength, dropLength)
        stream.push(this.#next(size))
      } catch (error) {
        stream.destroy(error as Error)
      }
    })
  }

  destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    let failure = error
    try {
      if (openRegionOf(this.#memory) !== null) this.#drop(this.#position, 1)
    } catch (dropError) {
      failure ??= dropError as Error
    }
    callback(failure)
  }

  #next(size: number): Buffer | null {
    const region = regionOf(this.#memory)
    const length = Math.min(size, this.#end - this.#position, maxBufferLength)
    if (length === 0) return null
    // So that nobody is handed the zeros that stand in for a page that is gone.
    assertCopied(native.probe(region.handle, this.#position, length), region, 'read')
    const { buffer, byteOffset } = region.buffers.covering(this.#position, length)
    this.#position += length
    return Buffer.from(buffer, byteOffset, length)
  }

  /** Drops what lies before `position`, once that is `atLeast` so many bytes. */
  #drop(position: number, atLeast: number): void {
    const length = position - this.#dropped
    if (!this.#dropBehind || length < atLeast) return
    const region = regionOf(this.#memory)
    checked(native.dropPages(region.handle, this.#dropped, length), 'madvise', region.path)
    this.#dropped = position
  }
}

function chunkLength(value: unknown, name: string): number {
  const length = byteCount(value, name)
  if (length === 0) throw outOfRange(name, '>= 1', length)
  return length
}

/** Ends the streams whose chunks are about to be detached, or just were. */
export let endStreams: (memory: StreamedMemory, error: () => Error) => void

export abstract class StreamedMemory extends LinedMemory {
  readonly #streams = new Set<Readable>()

  static {
    endStreams = (memory, error) => {
      for (const stream of memory.#streams) stream.destroy(error())
    }
  }

  /**
   * A stream of the bytes of a range. Its chunks are views of the memory, as {@link asBuffer} gives
   * them, each looked at before it is handed out: a page that cannot be read or was replaced after a
   * fault destroys the stream with a MappingFaultError. unmap() destroys it with
   * `ERR_MAPPING_CLOSED`; until then an unfinished stream keeps the mapping.
   *
   * With `dropBehind` pages that were read are given back, so that a pass over a file of any size
   * stays small: madvise(2) with MADV_DONTNEED for memory that is shared with its file, which loses
   * nothing, and MADV_PAGEOUT (Linux 5.4) for private memory. A chunk that somebody holds on to stays
   * as it is.
   *
   * @throws ERR_OUT_OF_RANGE for a range outside the mapping, or a `highWaterMark` of 0 ·
   *   ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED · with `dropBehind` the stream ends with EINVAL on
   *   memory that is locked
   */
  createReadStream(options?: ReadStreamOptions): Readable {
    const values = optionsObject(options)
    const first = optionalByteCount(values['start'], 'options.start')
    const last = optionalByteCount(values['end'], 'options.end')
    const highWaterMark = optional(values['highWaterMark'], 'options.highWaterMark', chunkLength)
    const dropBehind = optional(values['dropBehind'], 'options.dropBehind', boolean) ?? false
    const { offset, length } = rangeBetween(regionOf(this).byteLength, first, last)
    const reader = new Reader(this, offset, offset + length, dropBehind)
    // Loaded by the first of them: it is a tenth of the import otherwise.
    const stream = new (process.getBuiltinModule('node:stream').Readable)({
      highWaterMark: highWaterMark ?? defaultHighWaterMark,
      read(size) {
        reader.read(this, size)
      },
      destroy: (error, callback) => reader.destroy(error, callback),
    })
    this.#streams.add(stream)
    stream.once('close', () => this.#streams.delete(stream))
    return stream
  }

  override unmap(): void {
    endStreams(this, mappingClosed)
    super.unmap()
  }
}
