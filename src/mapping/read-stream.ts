// A mapping as a stream of views.

import type { Readable } from 'node:stream'
import {
  abortSignal,
  boolean,
  byteCount,
  optional,
  options as optionsObject,
  rangeNames,
  rangeOptions,
  rangeWithin,
} from '../arguments.js'
import { outOfRange } from '../errors.js'
import { maxBufferLength } from '../kernel/limits.js'
import { checkedOnHandle, type NativeFault, native, type Result } from '../native.js'
import { checkEncoding, copyOut } from './copies.js'
import { assertNoFault } from './faults.js'
import { contentPace, inPieces } from './pieces.js'
import type { RangeOptions } from './range-options.js'
import { type Mapped, type Region, regionOf } from './region.js'

/** How {@link Mapping.createReadStream} reads. */
export interface ReadStreamOptions extends RangeOptions {
  /** Have the stream give strings instead of views; as `Readable.setEncoding()`. */
  encoding?: BufferEncoding | undefined
  /** How long a chunk is, and how much waits for a reader, in bytes; default 64 KiB. */
  highWaterMark?: number | undefined
  /** Give pages back to the kernel once they were read; default false. */
  dropBehind?: boolean | undefined
  /** Destroys the stream with an AbortError; as in `new Readable()`. */
  signal?: AbortSignal | undefined
}

const defaultHighWaterMarkBytes = 64 << 10

// Pages are given back in steps of this length: each step is a system call.
const dropBytes = 1 << 20

/** What produces the chunks of one stream. */
class Reader {
  readonly #mapping: Mapped
  readonly #start: number
  readonly #end: number
  readonly #dropBehind: boolean
  readonly #isText: boolean
  /** What the text of each chunk is made of: a copy, which its decoder is done with when it is pushed. */
  #copy: Buffer | undefined
  #position: number
  #dropped: number

  constructor(
    mapping: Mapped,
    start: number,
    end: number,
    { dropBehind, isText }: { dropBehind: boolean; isText: boolean },
  ) {
    this.#mapping = mapping
    this.#isText = isText
    this.#start = start
    this.#position = start
    this.#dropped = start
    this.#end = end
    this.#dropBehind = dropBehind
  }

  // One chunk in each turn of the event loop: a reader that is always ready would block it otherwise.
  read(stream: Readable, size: number): void {
    setImmediate(() => {
      if (stream.destroyed) return
      try {
        this.#drop(this.#position - stream.readableLength, dropBytes)
        stream.push(this.#next(size))
      } catch (error) {
        stream.destroy(error as Error)
      }
    })
  }

  destroy(
    error: Error | null,
    { open, ended }: { open: boolean; ended: boolean },
    callback: (error?: Error | null) => void,
  ): void {
    let failure = error
    try {
      // A reader that takes its time has looked at the last chunk only now.
      if (open && ended && error === null) this.#assertWhole()
      if (open) this.#drop(this.#position, 1)
    } catch (lateError) {
      failure ??= lateError as Error
    }
    callback(failure)
  }

  /** Throws if anything that was given out has been lost since: its reader may have seen zeros. */
  #assertWhole(): void {
    const region = regionOf(this.#mapping)
    const length = this.#position - this.#start
    assertNoFault(native.stillThere(region.handle, this.#start, length), region, 'read')
  }

  #next(size: number): Buffer | null {
    const region = regionOf(this.#mapping)
    const length = Math.min(size, this.#end - this.#position, maxBufferLength)
    if (length === 0) {
      this.#assertWhole()
      return null
    }
    const chunk = this.#isText ? this.#copyOf(region, length) : this.#viewOf(region, length)
    this.#position += length
    return chunk
  }

  #copyOf(region: Region, length: number): Buffer {
    if (this.#copy === undefined || this.#copy.length < length) {
      this.#copy = Buffer.allocUnsafeSlow(length)
    }
    const target = this.#copy.subarray(0, length)
    copyOut(region, this.#position, target)
    return target
  }

  #viewOf(region: Region, length: number): Buffer {
    // A view of a page that is gone would show zeros in its place: it ends the stream instead.
    const { handle } = region
    const fault = inPieces<NativeFault | null | Result>(
      handle,
      this.#position,
      length,
      contentPace,
      null,
      (at, count) => native.probe(handle, at, count),
    )
    assertNoFault(fault, region, 'read')
    const { buffer, byteOffset } = region.memory.buffers.covering(this.#position, length)
    return Buffer.from(buffer, byteOffset, length)
  }

  /** Drops the pages before `position`, once they are at least so many bytes. */
  #drop(position: number, atLeast: number): void {
    const length = position - this.#dropped
    if (!this.#dropBehind || length < atLeast) return
    const region = regionOf(this.#mapping)
    checkedOnHandle(
      native.dropPages(region.handle, this.#dropped, length),
      'madvise',
      region.origin,
    )
    this.#dropped = position
  }
}

function chunkLength(value: unknown, name: string): number {
  const length = byteCount(value, name)
  if (length === 0) throw outOfRange(name, '>= 1', length)
  return length
}

/** Ends the streams whose chunks are about to be detached, or just were. */
export function endStreams(region: Region, error: () => Error): void {
  for (const stream of region.streams ?? []) stream.destroy(error())
}

const streamNames = [...rangeNames, 'encoding', 'highWaterMark', 'dropBehind', 'signal']

export function createReadStream(mapping: Mapped, options: unknown): Readable {
  const values = optionsObject(options, streamNames)
  const wanted = rangeOptions(values)
  const encoding = optional(values['encoding'], 'options.encoding', checkEncoding)
  const highWaterMark = optional(values['highWaterMark'], 'options.highWaterMark', chunkLength)
  const dropBehind = optional(values['dropBehind'], 'options.dropBehind', boolean) ?? false
  const signal = optional(values['signal'], 'options.signal', abortSignal)
  const region = regionOf(mapping)
  const { byteLength } = region
  const { offset, length } = rangeWithin(byteLength, wanted.offset, wanted.length, wanted.prefix)
  const isText = encoding !== undefined
  const reader = new Reader(mapping, offset, offset + length, { dropBehind, isText })
  // node:stream is loaded by the first stream: it would be a tenth of the import otherwise.
  const stream = new (process.getBuiltinModule('node:stream').Readable)({
    highWaterMark: highWaterMark ?? defaultHighWaterMarkBytes,
    ...(isText ? { encoding } : {}),
    ...(signal === undefined ? {} : { signal }),
    read(size) {
      reader.read(this, size)
    },
    destroy(error, callback) {
      const open = region.closed === undefined
      reader.destroy(error, { open, ended: this.readableEnded }, callback)
    },
  })
  region.streams ??= new Set()
  const { streams } = region
  streams.add(stream)
  stream.once('close', () => streams.delete(stream))
  return stream
}
