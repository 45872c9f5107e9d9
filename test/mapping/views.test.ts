import fs from 'node:fs'
import vm from 'node:vm'
import {
  type MapFileOptions,
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
  SharedMemory,
  type TypedArrayConstructor,
} from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { invalidType, outOfRange } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { accesses } from '../support/mappings.js'

const scratch = scratchDirectory()
const content = pattern(4 * pageSize + 100)
const sample = scratch.file('sample', content)

type Elements = ArrayBufferView & { readonly length: number }
type ElementsConstructor = TypedArrayConstructor<Elements> & { readonly name: string }

const typedArrays: ElementsConstructor[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]

/** A view of the same type over a copy of the bytes, in which it is aligned. */
function expected(type: ElementsConstructor, bytes: Uint8Array) {
  const length = Math.floor(bytes.length / type.BYTES_PER_ELEMENT)
  return new type(Uint8Array.from(bytes).buffer, 0, length)
}

describe('a file offset that is not page aligned', () => {
  const offsets = [pageSize - 3, pageSize + 3, 2 * pageSize + 3]
  const cases = accesses.flatMap((access) => offsets.map((offset) => ({ access, offset })))

  it.each(cases)('$offset, access $access: every view starts there', ({ access, offset }) => {
    const length = pageSize + 10
    const part = content.subarray(offset, offset + length)
    using mapping = mapFile(sample, { access, offset, length })
    expect(Buffer.from(mapping.buffer).equals(part)).toBe(true)
    expect(Buffer.compare(mapping.bytes(), part)).toBe(0)
    expect(mapping.asBuffer().equals(part)).toBe(true)
    expect(mapping.read(0, length).equals(part)).toBe(true)
    expect(mapping.dataView().getUint32(1)).toBe(part.readUint32BE(1))
    for (const type of typedArrays) expect(mapping.view(type)).toEqual(expected(type, part))
    const at = pageSize - 1
    expect(mapping.bytes(at, 5)).toEqual(Uint8Array.from(part.subarray(at, at + 5)))
    expect(mapping.read(at, 5).equals(part.subarray(at, at + 5))).toBe(true)
    expect(mapping.dataView(at).getUint8(0)).toBe(part[at])
    expect(mapping.asBuffer(at)[0]).toBe(part[at])
  })

  const writable = cases.filter(({ access }) => access !== 'read')
  it.each(writable)('$offset, access $access: every way to write', ({ access, offset }) => {
    const file = scratch.file(`written-${access}-${offset}`, content)
    using mapping = mapFile(file, { access, offset })
    const changed = Buffer.from(content)
    mapping.write(0, 'first')
    changed.write('first', offset)
    mapping.bytes(pageSize - 1, 4).set([1, 2, 3, 4])
    changed.set([1, 2, 3, 4], offset + pageSize - 1)
    mapping.dataView(pageSize + 10).setUint16(0, 0x1234)
    changed.writeUint16BE(0x1234, offset + pageSize + 10)
    mapping.view(Uint32Array, 16)[1] = 0x01020304
    changed.set(new Uint8Array(Uint32Array.of(0x01020304).buffer), offset + 20)
    mapping.asBuffer(mapping.byteLength - 4).write('last')
    changed.write('last', content.length - 4)
    expect(mapping.read(0, mapping.byteLength).equals(changed.subarray(offset))).toBe(true)
    expect(fs.readFileSync(file).equals(access === 'read-write' ? changed : content)).toBe(true)
  })
})

describe('buffer', () => {
  it('is the whole mapping and the same object each time', () => {
    using mapping = mapFile(sample)
    const { buffer } = mapping
    expect(buffer).toBeInstanceOf(ArrayBuffer)
    expect(buffer.byteLength).toBe(content.length)
    expect(mapping.buffer).toBe(buffer)
    expect(mapping.bytes(5).buffer).toBe(buffer)
    expect(mapping.view(Int16Array).buffer).toBe(buffer)
    expect(mapping.dataView(7, 1).buffer).toBe(buffer)
    expect(mapping.asBuffer().buffer).toBe(buffer)
  })

  it('is one memory for all views', () => {
    using mapping = mapAnonymous(pageSize)
    mapping.dataView().setUint8(8, 1)
    mapping.bytes()[9] = 2
    mapping.asBuffer(10).writeUint8(3)
    mapping.view(Uint8ClampedArray, 11)[0] = 4
    mapping.write(12, Uint8Array.of(5))
    expect([...mapping.bytes(8, 5)]).toEqual([1, 2, 3, 4, 5])
  })

  it('is one memory for two mappings of a file', () => {
    const file = scratch.file('twice', content)
    const options: MapFileOptions = { access: 'read-write' }
    using first = mapFile(file, options)
    using second = mapFile(file, { ...options, offset: pageSize })
    first.bytes()[pageSize + 1] = 0
    expect(second.bytes()[1]).toBe(0)
  })
})

describe.each(typedArrays.map((type) => ({ name: type.name, type })))('view($name)', ({ type }) => {
  const size = type.BYTES_PER_ELEMENT
  const odd = 10 * size + (size - 1)

  it('counts its length in elements, by default all that fit', () => {
    using mapping = mapFile(sample, { length: odd })
    expect(mapping.view(type)).toBeInstanceOf(type)
    expect(mapping.view(type)).toEqual(expected(type, content.subarray(0, odd)))
    expect(mapping.view(type)).toHaveLength(size === 1 ? odd : 10)
    const part = mapping.view(type, 2 * size, 3)
    expect(part).toEqual(expected(type, content.subarray(2 * size, 5 * size)))
    expect(part.byteOffset).toBe(2 * size)
    expect(mapping.view(type, BigInt(2 * size), 3n)).toEqual(part)
    expect(mapping.view(type, 10 * size, 0)).toHaveLength(0)
  })

  it('must not reach past the end', () => {
    using mapping = mapFile(sample, { length: odd })
    const most = Math.floor(odd / size)
    expect(mapping.view(type, 0, most)).toHaveLength(most)
    expect(() => mapping.view(type, 0, most + 1)).toThrow(outOfRange)
    expect(() => mapping.view(type, size, most)).toThrow(outOfRange)
    expect(() => mapping.view(type, 0, 2 ** 53 - 1)).toThrow(outOfRange)
    expect(() => mapping.view(type, 100 * size)).toThrow(outOfRange)
  })
})

const aligned = typedArrays.filter((type) => type.BYTES_PER_ELEMENT > 1)
it.each(aligned)('view(%o) needs an offset that is a multiple of its elements', (type) => {
  using mapping = mapFile(sample)
  for (let offset = 1; offset < type.BYTES_PER_ELEMENT; offset++) {
    expect(() => mapping.view(type, offset)).toThrow(outOfRange)
  }
})

it('view() makes subclasses of typed arrays', () => {
  class Samples extends Float32Array {}
  using mapping = mapAnonymous(pageSize)
  expect(mapping.view(Samples, 4, 2)).toBeInstanceOf(Samples)
})

describe('view() with a constructor of another realm', () => {
  const names = typedArrays.map(({ name }) => name)

  it.each(names)('%s of a vm context, as Jest has one for each test file', (name) => {
    const Foreign = vm.runInNewContext(name)
    using mapping = mapAnonymous(pageSize)
    const { BYTES_PER_ELEMENT: size } = Foreign
    const view = mapping.view<Elements>(Foreign, size, 3)
    expect(view).toBeInstanceOf(Foreign)
    expect(view).toMatchObject({ byteOffset: size, length: 3 })
    mapping.bytes()[size] = 1
    expect(new Uint8Array(view.buffer, size, size).includes(1)).toBe(true)
  })

  it('also of a class that extends one', () => {
    using mapping = mapAnonymous(pageSize)
    const Extended = vm.runInNewContext('class Extended extends Int16Array {}; Extended')
    expect(mapping.view<Elements>(Extended, 0, 2)).toBeInstanceOf(Extended)
  })

  it.each([
    'DataView',
    'ArrayBuffer',
    'Array',
    'Object.getPrototypeOf(Int8Array)',
    'class Fake { static BYTES_PER_ELEMENT = 1 }; Fake',
    '(() => { const f = function () {}; f.BYTES_PER_ELEMENT = 4; return f })()',
    '({ BYTES_PER_ELEMENT: 1 })',
    'Math.max',
    'Object.setPrototypeOf(function () {}, Object.defineProperty(function () {}, "prototype", { value: null }))',
  ])('but not %s', (source) => {
    using mapping = mapAnonymous(pageSize)
    expect(() => mapping.view(vm.runInNewContext(source))).toThrow(invalidType)
  })
})

describe('ranges', () => {
  const views: [string, (...args: Parameters<Mapping['bytes']>) => [number, ArrayBufferView]][] = [
    ['bytes', (...args) => withOffset(sampleMapping.bytes(...args))],
    ['dataView', (...args) => withOffset(sampleMapping.dataView(...args))],
    ['asBuffer', (...args) => withOffset(sampleMapping.asBuffer(...args))],
  ]
  const sampleMapping = mapFile(sample)
  const whole = content.length

  function withOffset(view: ArrayBufferView): [number, ArrayBufferView] {
    return [view.byteOffset, view]
  }

  describe.each(views)('%s', (_name, take) => {
    it.each([
      [[], 0, whole],
      [[0], 0, whole],
      [[5], 5, whole - 5],
      [[pageSize - 1, 2], pageSize - 1, 2],
      [[undefined, 7], 0, 7],
      [[3n, 4n], 3, 4],
      [[whole - 1, 1], whole - 1, 1],
      [[whole], whole, 0],
      [[whole, 0], whole, 0],
      [[0, 0], 0, 0],
    ] as [Parameters<Mapping['bytes']>, number, number][])('%o', (args, offset, length) => {
      const [byteOffset, view] = take(...args)
      expect([byteOffset, view.byteLength]).toEqual([offset, length])
      const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
      expect(bytes.equals(content.subarray(offset, offset + length))).toBe(true)
    })

    it.each([
      [[whole + 1]],
      [[0, whole + 1]],
      [[1, whole]],
      [[whole, 1]],
      [[2 ** 53 - 1, 2 ** 53 - 1]],
      [[BigInt(whole), 1n]],
    ] as [Parameters<Mapping['bytes']>][])('past the end: %o', (args) => {
      expect(() => take(...args)).toThrow(outOfRange)
    })
  })
})

describe('sharedBytes', () => {
  it('has a fixed length, so that copies between overlapping views are right', () => {
    using memory = SharedMemory.create(4)
    const bytes = memory.sharedBytes()
    expect(bytes).toHaveLength(4)
    bytes.set([1, 2, 3, 4])
    bytes.set(memory.sharedBytes(0, 2), 1)
    expect([...bytes]).toEqual([1, 1, 2, 4])
    expect(bytes.buffer).toBe(memory.sharedBuffer)
    expect(memory.sharedBytes(1, 2)).toMatchObject({ byteOffset: 1, length: 2 })
    expect(() => memory.sharedBytes(0, 5)).toThrow(outOfRange)
    expect(() => memory.sharedBytes(5)).toThrow(outOfRange)
  })
})
