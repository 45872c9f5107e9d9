// Keys as they are hashed, stored and compared. A string is stored as its UTF-16 code units, one byte
// each where all are less than 256: no two strings are one key, and no string is one with bytes.

import { types } from 'node:util'
import { invalidArgType, outOfRange } from '../errors.js'

export const keyKinds = { bytes: 0, latin1: 1, utf16: 2 } as const
/** Bytes. */
export const longestKey = 65_535

/** Up to how many bytes a key is compared by words. */
const shortKey = 256

/** A key that is at work. Used again and again, since an object each time would cost more than a look. */
export class Key {
  kind: number = keyKinds.bytes
  /** In bytes, as stored. */
  byteLength = 0
  hash = 0
  text = ''
  bytes: Uint8Array = noBytes
  /** The stored form of a short key of latin1. */
  readonly #stored = new Uint8Array(shortKey)
  readonly #storedWords = new Int32Array(this.#stored.buffer)

  set(key: unknown, seed: number): void {
    if (typeof key === 'string') this.#setText(key, seed)
    else this.#setBytes(key, seed)
  }

  #setText(text: string, seed: number): void {
    const length = text.length
    const stored = this.#stored
    let hash = seed
    let all = 0
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      all |= unit
      // Nothing is stored after the end.
      stored[i] = unit
      hash = Math.imul(hash ^ unit, 0x01000193)
    }
    const wide = all > 0xff
    this.kind = wide ? keyKinds.utf16 : keyKinds.latin1
    this.byteLength = wide ? 2 * length : length
    if (this.byteLength > longestKey) throw tooLong(this.byteLength)
    this.hash = finish(hash ^ 1)
    this.text = text
  }

  #setBytes(key: unknown, seed: number): void {
    if (!types.isUint8Array(key)) {
      throw invalidArgType('key', 'of type string or an instance of Uint8Array', key)
    }
    const length = key.length
    if (length > longestKey) throw tooLong(length)
    let hash = seed
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (key[i] as number), 0x01000193)
    this.kind = keyKinds.bytes
    this.byteLength = length
    this.hash = finish(hash)
    this.bytes = key
  }

  /** The byte of the stored form. */
  byteAt(index: number): number {
    if (this.kind === keyKinds.latin1) return this.text.charCodeAt(index)
    if (this.kind === keyKinds.bytes) return this.bytes[index] as number
    const unit = this.text.charCodeAt(index >> 1)
    return (index & 1) === 0 ? unit & 0xff : unit >> 8
  }

  writeTo(target: Uint8Array, offset: number): void {
    for (let i = 0; i < this.byteLength; i++) target[offset + i] = this.byteAt(i)
  }

  /** The same as {@link equals} for what lies at a multiple of 4 bytes. */
  equalsAt(words: Int32Array, bytes: Uint8Array, word: number): boolean {
    const length = this.byteLength
    if (this.kind !== keyKinds.latin1 || length > shortKey) return this.equals(bytes, word * 4)
    const stored = this.#storedWords
    const whole = length >> 2
    for (let i = 0; i < whole; i++) {
      if (words[word + i] !== stored[i]) return false
    }
    const rest = (length & 3) << 3
    if (rest === 0) return true
    const different = (words[word + whole] as number) ^ (stored[whole] as number)
    return different << (32 - rest) === 0
  }

  equals(stored: Uint8Array, offset: number): boolean {
    const length = this.byteLength
    if (this.kind === keyKinds.latin1) {
      const { text } = this
      for (let i = 0; i < length; i++) {
        if (stored[offset + i] !== text.charCodeAt(i)) return false
      }
      return true
    }
    for (let i = 0; i < length; i++) {
      if (stored[offset + i] !== this.byteAt(i)) return false
    }
    return true
  }
}

const noBytes = new Uint8Array(0)

function tooLong(byteLength: number): RangeError {
  return outOfRange('key', `<= ${longestKey} bytes as stored`, byteLength)
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** A key from bytes that nobody else changes; undefined for what no key is stored as. */
export function decodeKey(kind: number, copy: Buffer): string | Uint8Array | undefined {
  if (kind === keyKinds.latin1) return copy.toString('latin1')
  if (kind === keyKinds.bytes) return copy
  return kind === keyKinds.utf16 && copy.length % 2 === 0 ? copy.toString('utf16le') : undefined
}
