import fs from 'node:fs'
import { type Mapping, MappingFaultError, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, thrownBy, untyped } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { everything } from '../support/mappings.js'

const scratch = scratchDirectory()
const size = 3 * pageSize + 100
const content = pattern(size)
const sample = scratch.file('sample', content)

/** Anonymous memory that holds the content. */
function filled(): Mapping {
  const mapping = mapAnonymous(size)
  mapping.bytes().set(content)
  return mapping
}

/** A copy with other bytes at `offset`. */
function patched(bytes: Uint8Array, offset: number, part: Uint8Array): Buffer {
  const changed = Buffer.from(bytes)
  changed.set(part, offset)
  return changed
}

describe('read', () => {
  it.each<[number | bigint, number | bigint]>([
    [0, size],
    [0, 0],
    [size, 0],
    [1, 1],
    [pageSize - 1, 2],
    [pageSize + 3, 2 * pageSize],
    [size - 1, 1],
    [5n, 6n],
  ])('at %s, %s bytes', (offset, length) => {
    using mapping = mapFile(sample)
    const bytes = mapping.read(offset, length)
    expect(bytes).toBeInstanceOf(Buffer)
    const start = Number(offset)
    expect(bytes.equals(content.subarray(start, start + Number(length)))).toBe(true)
  })

  it('gives a copy', () => {
    using mapping = filled()
    const bytes = mapping.read(0, 10)
    mapping.bytes().fill(0)
    expect(bytes.equals(content.subarray(0, 10))).toBe(true)
    bytes.fill(7)
    expect(mapping.bytes()[0]).toBe(0)
  })

  it.each([
    [size + 1, 0],
    [0, size + 1],
    [size, 1],
    [1, size],
    [2 ** 53 - 1, 2 ** 53 - 1],
  ])('past the end: at %s, %s bytes', (offset, length) => {
    using mapping = mapFile(sample)
    expect(() => mapping.read(offset, length)).toThrow(outOfRange)
  })
})

describe('write', () => {
  const bytes = pattern(48, 100)
  const memory = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
  const shared = new SharedArrayBuffer(48)
  new Uint8Array(shared).set(bytes)

  it.each<[string, ArrayBufferView]>([
    ['Buffer', bytes],
    ['Int8Array', new Int8Array(memory)],
    ['Uint8Array', new Uint8Array(memory)],
    ['Uint8ClampedArray', new Uint8ClampedArray(memory)],
    ['Int16Array', new Int16Array(memory)],
    ['Uint16Array', new Uint16Array(memory)],
    ['Int32Array', new Int32Array(memory)],
    ['Uint32Array', new Uint32Array(memory)],
    ['Float32Array', new Float32Array(memory)],
    ['Float64Array', new Float64Array(memory)],
    ['BigInt64Array', new BigInt64Array(memory)],
    ['BigUint64Array', new BigUint64Array(memory)],
    ['DataView', new DataView(memory)],
    ['Uint8Array of a SharedArrayBuffer', new Uint8Array(shared)],
  ])('from a %s', (_name, source) => {
    using mapping = filled()
    const offset = pageSize - 20
    expect(mapping.write(offset, source)).toBe(48)
    expect(everything(mapping).equals(patched(content, offset, bytes))).toBe(true)
  })

  it.each<[string, ArrayBufferView]>([
    ['Uint8Array', new Uint8Array(memory, 5, 3)],
    ['Uint16Array', new Uint16Array(memory, 6, 2)],
    ['DataView', new DataView(memory, 7, 9)],
  ])('from a %s of part of its buffer', (_name, source) => {
    using mapping = filled()
    expect(mapping.write(1, source)).toBe(source.byteLength)
    const part = bytes.subarray(source.byteOffset, source.byteOffset + source.byteLength)
    expect(everything(mapping).equals(patched(content, 1, part))).toBe(true)
  })

  it.each(['', 'ascii', 'ü€😀', 'a\0b', '\ud800', 'x'.repeat(2 * pageSize)])(
    'of the string %j is UTF-8',
    (text) => {
      using mapping = filled()
      const encoded = Buffer.from(text, 'utf8')
      expect(mapping.write(3n, text)).toBe(encoded.length)
      expect(everything(mapping).equals(patched(content, 3, encoded))).toBe(true)
    },
  )

  it.each<[number, string | Uint8Array]>([
    [size, 'x'],
    [size - 1, 'ü'],
    [size - 1, Uint8Array.of(1, 2)],
    [0, Buffer.alloc(size + 1)],
    [size + 1, ''],
    [2 ** 53 - 1, 'x'],
  ])('at %s, past the end, writes nothing', (offset, source) => {
    using mapping = filled()
    expect(() => mapping.write(offset, source)).toThrow(outOfRange)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('reaches the file of a read-write mapping', () => {
    const file = scratch.file('written', content)
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.write(pageSize - 2, 'four')
    const changed = patched(content, pageSize - 2, Buffer.from('four'))
    expect(fs.readFileSync(file).equals(changed)).toBe(true)
  })

  const page = pageSize
  it.each<[to: number, from: number, length: number]>([
    [0, 0, size],
    [1, 0, 100],
    [0, 1, 100],
    [7, 0, 3 * page],
    [0, 7, 3 * page],
    [17, 1, 3 * page],
    [1, 17, 3 * page],
    [page, 0, 2 * page + 100],
    [0, page, 2 * page + 100],
    [page + 1, 0, 2 * page],
    [0, page + 1, 2 * page],
    [size - 1, 0, 1],
    [1, 0, size - 1],
    [0, 1, size - 1],
  ])('to %s of the mapping itself from %s, %s bytes', (to, from, length) => {
    using mapping = filled()
    expect(mapping.write(to, mapping.bytes(from, length))).toBe(length)
    const moved = Buffer.from(content)
    moved.copyWithin(to, from, from + length)
    expect(everything(mapping).equals(moved)).toBe(true)
  })

  it('from another mapping', () => {
    using source = mapFile(sample)
    using target = mapAnonymous(size)
    expect(target.write(0, source.bytes())).toBe(size)
    expect(everything(target).equals(content)).toBe(true)
  })
})

describe('an access that the protection forbids is a MappingFaultError', () => {
  it('write() to a mapping for reading', () => {
    const file = scratch.file('unwritten', content)
    using mapping = mapFile(file)
    const fault = { kind: 'read-only', offset: pageSize - 1, count: 1 }
    const error = thrownBy(() => mapping.write(pageSize - 1, 'xyz'))
    expect(error).toBeInstanceOf(MappingFaultError)
    expect(error).toMatchObject({
      name: 'MappingFaultError',
      code: 'ERR_MAPPING_FAULT',
      fault,
      path: file,
    })
    expect(mapping.fault).toEqual(fault)
    expect(fs.readFileSync(file).equals(content)).toBe(true)
    expect(everything(mapping).equals(content)).toBe(true)
  })

  it('read() and write() of a page with protection none', () => {
    using mapping = filled()
    mapping.protect('none', pageSize, pageSize)
    const fault = { kind: 'no-access', offset: pageSize, count: 1 }
    for (const call of [
      () => mapping.read(pageSize - 10, 20),
      () => mapping.write(pageSize - 10, content.subarray(pageSize - 10, pageSize + 10)),
      () => mapping.write(0, mapping.bytes(pageSize, 20)),
    ]) {
      expect(thrownBy(call)).toMatchObject({ code: 'ERR_MAPPING_FAULT', fault })
    }
    mapping.protect('read-write')
    expect(everything(mapping).equals(content)).toBe(true)
  })
})

describe('readInto', () => {
  it.each<[string, () => ArrayBufferView]>([
    ['a Uint8Array', () => new Uint8Array(10)],
    ['part of an Int32Array', () => new Int32Array(8).subarray(2, 5)],
    ['a DataView', () => new DataView(new ArrayBuffer(20), 3, 10)],
    ['an empty view', () => new Uint8Array(0)],
  ])('fills %s and nothing beside it', (_name, make) => {
    using mapping = mapFile(sample)
    const target = make()
    const { byteLength, byteOffset } = target
    expect(mapping.readInto(target, 7)).toBe(byteLength)
    const around = Buffer.alloc(target.buffer.byteLength)
    content.copy(around, byteOffset, 7, 7 + byteLength)
    expect(Buffer.from(target.buffer).equals(around)).toBe(true)
  })

  it('copies fewer bytes at the end of the mapping', () => {
    using mapping = mapFile(sample)
    const target = new Uint8Array(100).fill(255)
    expect(mapping.readInto(target, size - 30)).toBe(30)
    expect(Buffer.from(target.subarray(0, 30)).equals(content.subarray(size - 30))).toBe(true)
    expect(target.subarray(30).every((byte) => byte === 255)).toBe(true)
    expect(mapping.readInto(target, size)).toBe(0)
    expect(() => mapping.readInto(target, size + 1)).toThrow(outOfRange)
  })

  it('refuses a view that was detached', () => {
    using mapping = mapFile(sample)
    for (const target of [undefined, null, 10, 'text', {}, new ArrayBuffer(4)]) {
      expect(() => mapping.readInto(untyped(target))).toThrow(invalidType)
    }
    const detached = new Uint8Array(4)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    expect(() => mapping.readInto(detached)).toThrow(invalidValue)
  })
})

describe('readInto() of bytes into bytes of the same mapping', () => {
  // The last lengths are copied in several pieces.
  it.each([
    [0, 5, 30],
    [5, 0, 30],
    [7, 7, 30],
    [0, 1, 3 * pageSize],
    [1, 0, 3 * pageSize],
    [0, 1000, 5 << 20],
    [1000, 0, 5 << 20],
  ])('is memmove(3): from %i to %i, %i bytes', (from, to, length) => {
    using mapping = mapAnonymous(6 << 20)
    const bytes = mapping.bytes()
    bytes.set(pattern(bytes.length))
    const expected = Buffer.from(bytes)
    expected.copyWithin(to, from, from + length)
    expect(mapping.readInto(mapping.bytes(to, length), from)).toBe(length)
    expect(expected.equals(bytes)).toBe(true)
  })
})

describe('text', () => {
  const words = 'zwölf Boxkämpfer 😀 jagen'
  const file = scratch.file('words', words)
  const bytes = Buffer.from(words)

  it('decodes all of it as UTF-8 by default', () => {
    using mapping = mapFile(file)
    expect(mapping.text()).toBe(words)
    expect(mapping.text(bytes.length)).toBe('')
  })

  it.each<BufferEncoding>(['utf8', 'latin1', 'hex', 'base64', 'ascii', 'utf16le'])(
    'in %s',
    (encoding) => {
      using mapping = mapFile(file)
      expect(mapping.text(2, 9, encoding)).toBe(bytes.toString(encoding, 2, 11))
    },
  )

  it('refuses a range outside, and an encoding that Buffer does not know', () => {
    using mapping = mapFile(file)
    expect(() => mapping.text(0, bytes.length + 1)).toThrow(outOfRange)
    expect(() => mapping.text(0, 1, untyped('latin2'))).toThrow(invalidValue)
    expect(() => mapping.text(0, 1, untyped(8))).toThrow(invalidType)
  })

  it('is a MappingFaultError where a page is gone', () => {
    using mapping = mapFile(scratch.file('text-cut', pattern(2 * pageSize)))
    fs.truncateSync(mapping.path ?? '', pageSize)
    expect(() => mapping.text()).toThrow(MappingFaultError)
    expect(mapping.text(0, pageSize, 'latin1')).toHaveLength(pageSize)
  })
})
