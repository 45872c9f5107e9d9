// A record: a header of 32 bytes in its first extent, then the key, then the value at a multiple of 8,
// through all of its extents. What is read here may be changed at any time, by the next owner of the
// blocks or by a hostile process: nothing is followed out of the memory, and nothing without an end.

import { aboutToStore } from './map-journal.js'
import type { Key } from './map-keys.js'
import { damaged, state, unitBytes, unitWords, type Views } from './map-layout.js'
import { extentHeaderBytes, nextExtent, recordHeaderBytes, type Space } from './map-space.js'
import { bytesOf, type Encoded, numberBytes, valueKinds } from './map-values.js'

/** Words of a record. */
export const record = {
  /** The next record of the bucket. */
  next: 2,
  hash: 3,
  valueLength: 4,
  /** Bits 0-2: kind of the value, 3: which place of a number counts, 4-5: kind of the key, 8-: its length. */
  form: 5,
  /** A float64, in milliseconds since 1970; 0 for never. */
  expires: 6,
} as const

/** The bit of the form that says which place of a number counts. */
export const placeBit = 8

export function keyFormOf(key: Key): number {
  return (key.kind << 4) | (key.byteLength << 8)
}

export function keyRoom(byteLength: number): number {
  return (byteLength + 7) & ~7
}

export function payloadOf(key: Key, value: Encoded): number {
  return keyRoom(key.byteLength) + value.byteLength
}

/**
 * Calls `each` with the parts of a record's payload from `from` on, by their offsets in the memory.
 * False if there are not so many bytes.
 */
export function eachPart(
  views: Views,
  block: number,
  from: number,
  length: number,
  each: (offset: number, length: number) => void,
): boolean {
  const { words, units, unitsWord } = views
  let extent = block
  let headerBytes = recordHeaderBytes
  let skip = from
  let rest = length
  const most = (from + length) / (unitBytes - extentHeaderBytes) + 2
  for (let i = 0; i < most; i++) {
    if (rest === 0) return true
    if (extent < 1 || extent >= units) return false
    const at = unitsWord + extent * unitWords
    const extentUnits = (words[at] as number) >>> 3
    if (extentUnits < 1 || extentUnits > units - extent) return false
    const room = extentUnits * unitBytes - headerBytes
    if (skip < room) {
      const part = Math.min(room - skip, rest)
      each(at * 4 + headerBytes + skip, part)
      rest -= part
      skip = 0
    } else {
      skip -= room
    }
    extent = words[at + nextExtent] as number
    headerBytes = extentHeaderBytes
  }
  return rest === 0
}

/** Up to which a loop over words is faster than a call that copies bytes. */
const shortBytes = 512

/** Copies a part of a record's payload. `target` has words of the same memory, if it is aligned. */
export function copyPayload(
  views: Views,
  block: number,
  from: number,
  length: number,
  target: Uint8Array,
): boolean {
  const { bytes } = views
  let copied = 0
  return eachPart(views, block, from, length, (offset, part) => {
    target.set(bytes.subarray(offset, offset + part), copied)
    copied += part
  })
}

/** Copies whole words, for short values. Reads up to three bytes more than there are. */
export function copyWords(
  views: Views,
  from: number,
  length: number,
  target: Int32Array,
  to: number,
) {
  const { words } = views
  const count = (length + 3) >> 2
  for (let i = 0; i < count; i++) target[to + i] = words[from + i] as number
}

/** Where the value begins, in words, if the record is in one piece and the value short; otherwise 0. */
export function shortValueAt(views: Views, block: number, length: number): number {
  const { words, units, unitsWord } = views
  if (length > shortBytes) return 0
  const at = unitsWord + block * unitWords
  if (words[at + nextExtent] !== 0) return 0
  const start = recordHeaderBytes + keyRoom((words[at + record.form] as number) >>> 8)
  const end = block * unitBytes + start + length
  return end <= units * unitBytes ? at + (start >> 2) : 0
}

/** Writes a record into the blocks that are pending, which no reader sees yet. */
export function writeRecord(views: Views, space: Space, key: Key, value: Encoded, expires: number) {
  const { words, floats } = views
  const block = words[state.pending] as number
  const at = space.wordOf(block)
  aboutToStore()
  words[at + record.hash] = key.hash
  words[at + record.valueLength] = value.byteLength
  words[at + record.form] = keyFormOf(key) | value.kind
  aboutToStore()
  floats[(at + record.expires) >> 1] = expires
  aboutToStore()
  const payload = payloadOf(key, value)
  const whole =
    words[at + nextExtent] === 0 && space.lengthOf(block) * unitBytes - recordHeaderBytes >= payload
  if (whole) writeWhole(views, at * 4 + recordHeaderBytes, key, value)
  else writeSpread(views, block, key, value)
  aboutToStore()
  return block
}

function writeWhole({ bytes, floats }: Views, offset: number, key: Key, value: Encoded): void {
  key.writeTo(bytes, offset)
  const start = offset + keyRoom(key.byteLength)
  const { kind, source } = value
  if (kind === valueKinds.number) floats[start >> 3] = source as number
  else if (typeof source === 'string') writeText(bytes, start, source, value.byteLength)
  else bytes.set(source as Uint8Array, start)
}

/** Up to which a loop is faster than a call. */
const shortText = 64

function writeText(bytes: Uint8Array, start: number, text: string, byteLength: number): void {
  if (byteLength !== text.length || byteLength > shortText) {
    bytes.set(Buffer.from(text, byteLength === text.length ? 'latin1' : 'utf16le'), start)
    return
  }
  for (let i = 0; i < byteLength; i++) bytes[start + i] = text.charCodeAt(i)
}

function writeSpread(views: Views, block: number, key: Key, value: Encoded): void {
  const image = new Uint8Array(payloadOf(key, value))
  key.writeTo(image, 0)
  image.set(bytesOf(value), keyRoom(key.byteLength))
  let written = 0
  const complete = eachPart(views, block, 0, image.length, (offset, part) => {
    aboutToStore()
    views.bytes.set(image.subarray(written, written + part), offset)
    written += part
  })
  if (!complete) throw damaged('a block has a wrong length')
}

/** The number that is a record's value; undefined if there is none. */
export function numberOf(views: Views, block: number): number | undefined {
  const { words, floats, unitsWord } = views
  const start = shortValueAt(views, block, numberBytes)
  const form = words[unitsWord + block * unitWords + record.form] as number
  const place = (form & placeBit) === 0 ? 0 : 1
  if (start !== 0) return floats[(start >> 1) + place]
  const copy = new Float64Array(2)
  const bytes = new Uint8Array(copy.buffer)
  return copyPayload(views, block, keyRoom(form >>> 8), numberBytes, bytes)
    ? copy[place]
    : undefined
}
