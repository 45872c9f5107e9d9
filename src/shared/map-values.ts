// Values as they are stored, and back. Text is latin1 where that is enough, numbers are a float64 of
// their own, so that neither costs a serialisation.

import { types } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { invalidArgType, invalidArgValue } from '../errors.js'
import { damaged, type ValueForm } from './map-layout.js'

/** 0 to 7, since a record has three bits for it. */
export const valueKinds = {
  bytes: 0,
  latin1: 1,
  utf16: 2,
  number: 3,
  clone: 4,
  jsonLatin1: 5,
  jsonUtf16: 6,
} as const

/** A number has two places, and a bit of the record says which one counts. */
export const numberBytes = 16

export interface Encoded {
  readonly kind: number
  readonly byteLength: number
  /** What is stored: bytes, or text of one or two bytes a unit. */
  readonly source: Uint8Array | string | number
}

const wide = /[^\0-\xff]/

function encodedText(text: string, json: boolean): Encoded {
  if (wide.test(text)) {
    const kind = json ? valueKinds.jsonUtf16 : valueKinds.utf16
    return { kind, byteLength: 2 * text.length, source: text }
  }
  const kind = json ? valueKinds.jsonLatin1 : valueKinds.latin1
  return { kind, byteLength: text.length, source: text }
}

export function encodedNumber(value: number): Encoded {
  return { kind: valueKinds.number, byteLength: numberBytes, source: value }
}

function encodedJson(value: unknown): Encoded {
  if (typeof value === 'number' && Number.isFinite(value)) return encodedNumber(value + 0)
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw invalidArgType('value', 'something that JSON can express', value)
  return encodedText(text, true)
}

function encodedClone(value: unknown): Encoded {
  if (typeof value === 'string') return encodedText(value, false)
  if (typeof value === 'number') return encodedNumber(value)
  const bytes = serialize(value)
  return { kind: valueKinds.clone, byteLength: bytes.length, source: bytes }
}

export function encodeValue(value: unknown, form: ValueForm): Encoded {
  if (form === 'clone') return encodedClone(value)
  if (form === 'json') return encodedJson(value)
  if (form === 'string') {
    if (typeof value !== 'string') throw invalidArgType('value', 'of type string', value)
    return encodedText(value, false)
  }
  if (!types.isUint8Array(value)) {
    throw invalidArgType('value', 'an instance of Uint8Array', value)
  }
  return { kind: valueKinds.bytes, byteLength: value.byteLength, source: value }
}

/** The bytes of an encoded value, where they are to be stored in pieces. */
export function bytesOf({ kind, byteLength, source }: Encoded): Uint8Array {
  if (typeof source === 'string') {
    return Buffer.from(source, byteLength === source.length ? 'latin1' : 'utf16le')
  }
  if (typeof source === 'number') return Buffer.from(new Float64Array([source, source]).buffer)
  return kind === valueKinds.clone || kind === valueKinds.bytes ? source : Buffer.from(source)
}

/** A value from bytes that nobody else changes; numbers are read elsewhere. */
export function decodeValue(kind: number, copy: Buffer, length: number): unknown {
  if (kind === valueKinds.latin1) return copy.toString('latin1', 0, length)
  if (kind === valueKinds.utf16) return copy.toString('utf16le', 0, length)
  try {
    if (kind === valueKinds.clone) return deserialize(copy.subarray(0, length))
    if (kind === valueKinds.jsonLatin1) return JSON.parse(copy.toString('latin1', 0, length))
    if (kind === valueKinds.jsonUtf16) return JSON.parse(copy.toString('utf16le', 0, length))
  } catch {
    throw damaged('a value cannot be decoded')
  }
  throw damaged('a value is of an unknown kind')
}

/** What increment() finds that it cannot count on. */
export function notANumber(): TypeError {
  return invalidArgValue('key', 'of that entry', 'must have a number as its value')
}
