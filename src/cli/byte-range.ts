// The option --range: which bytes of each file a command is about.

import { UsageError } from './command.js'
import { parseSize } from './units.js'

/** Bytes from `start` up to `end`, which is Infinity for the end of the file. */
export interface ByteRange {
  start: number
  end: number
}

/** Bytes of one file, all of which it has. */
export interface Extent {
  offset: number
  length: number
}

export const wholeFile: ByteRange = { start: 0, end: Number.POSITIVE_INFINITY }

/**
 * `START-END`, where either may be missing, or `END` alone, as vmtouch takes them; or `OFFSET,LENGTH`. The
 * byte at END is not part of the range.
 */
export function parseRange(text: string): ByteRange {
  const size = (part: string) => parseSize(part, '--range')
  const [offset = '', length] = text.split(',')
  if (length !== undefined && text.split(',').length === 2) {
    const start = size(offset)
    return { start, end: start + size(length) }
  }
  const [first = '', second, ...more] = text.split('-')
  if (length !== undefined || more.length > 0 || text === '') {
    throw new UsageError(`--range takes START-END or OFFSET,LENGTH, not '${text}'`)
  }
  if (second === undefined) return { start: 0, end: size(first) }
  const start = first === '' ? 0 : size(first)
  const end = second === '' ? Number.POSITIVE_INFINITY : size(second)
  if (start <= end) return { start, end }
  throw new UsageError(`--range ends before it starts: '${text}'`)
}

/** The part of a range that a file of `size` bytes has. */
export function extentIn(size: number, { start, end }: ByteRange): Extent {
  const offset = Math.min(start, size)
  return { offset, length: Math.min(end, size) - offset }
}
