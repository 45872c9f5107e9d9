// The public interface of SharedMap: what it takes, what it refuses, and with which words.

import { execFile, fork } from 'node:child_process'
import { promisify } from 'node:util'
import { SharedMemory, withShared } from 'posix-mmap'
import { SharedMap } from 'posix-mmap/shared'
import { describe, expect, it } from 'vitest'
import { geometryFrom, MapKey, mapLayout, readHeader } from '../../../dist/internals.js'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  untyped,
} from '../../support/errors.js'
import { scratchDirectory } from '../../support/files.js'
import { runForJson } from '../../support/processes.js'
import { outputOf, programsIn } from '../../support/programs.js'
import { problemsOf } from './checker.js'

const layoutError = expect.objectContaining({ name: 'Error', code: 'ERR_SHARED_LAYOUT' })
const full = expect.objectContaining({ name: 'Error', code: 'ERR_SHARED_FULL' })

describe('arguments', () => {
  it.each([
    [undefined, undefined, invalidType],
    ['x', undefined, invalidType],
    [8191, undefined, outOfRange],
    [2 ** 32, undefined, outOfRange],
    [-1, undefined, outOfRange],
    [8192, 'x', invalidType],
    [8192, { evict: 'fifo' }, invalidValue],
    [8192, { evict: 1 }, invalidType],
    [8192, { values: 'xml' }, invalidValue],
    [8192, { ttl: -1 }, outOfRange],
    [8192, { ttl: Number.NaN }, outOfRange],
    [8192, { ttl: '1' }, invalidType],
    [8192, { maxEntries: 0 }, outOfRange],
    [8192, { maxEntries: 1.5 }, outOfRange],
    [8192, { maxEntries: 2 ** 31 }, outOfRange],
    [8192, { maxEntries: 'x' }, invalidType],
    [8192, { name: 1 }, invalidType],
  ])('create(%o, %o) is refused', (byteLength, options, error) => {
    expect(() => SharedMap.create(untyped(byteLength), untyped(options))).toThrow(error)
  })

  it.each([
    [untyped(undefined), invalidType],
    [untyped(1), invalidType],
    [untyped(null), invalidType],
    [untyped(new Uint16Array(1)), invalidType],
    ['x'.repeat(65_536), outOfRange],
    ['€'.repeat(32_768), outOfRange],
    [new Uint8Array(65_536), outOfRange],
  ])('a key that cannot be one, %#', async (key, error) => {
    using map = SharedMap.create(1 << 18)
    expect(() => map.get(key)).toThrow(error)
    expect(() => map.has(key)).toThrow(error)
    expect(() => map.set(key, 1)).toThrow(error)
    expect(() => map.delete(key)).toThrow(error)
    expect(() => map.increment(key)).toThrow(error)
    await expect(map.getOrSet(key, () => 1)).rejects.toThrow(error)
  })

  it('other arguments', async () => {
    using map = SharedMap.create(1 << 16)
    expect(() => map.set('a', 1, untyped(1))).toThrow(invalidType)
    expect(() => map.set('a', 1, { ttl: -1 })).toThrow(outOfRange)
    expect(() => map.set('a', 1, { ttl: untyped('1') })).toThrow(invalidType)
    expect(() => map.increment('a', untyped('1'))).toThrow(invalidType)
    await expect(map.getOrSet('a', untyped(1))).rejects.toThrow(invalidType)
    await expect(map.getOrSet('a', () => 1, { ttl: -1 })).rejects.toThrow(outOfRange)
    await expect(map.getOrSet('a', () => 1, { signal: untyped(1) })).rejects.toThrow(invalidType)
    await expect(map.getOrSet('a', () => 1, { signal: AbortSignal.abort('no') })).rejects.toBe('no')
    expect(map.size).toBe(0)
    expect(() => new (SharedMap as unknown as new () => unknown)()).toThrow(TypeError)
  })
})

describe('values', () => {
  it('that are cloned', () => {
    using map = SharedMap.create(1 << 18)
    const value = {
      date: new Date(0),
      map: new Map([['a', new Set([1])]]),
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from('x'),
      big: 2n ** 100n,
      pattern: /x/g,
      nothing: undefined,
    }
    map.set('object', value)
    expect(map.get('object')).toEqual(value)
    for (const one of [undefined, null, true, 0, -0, Number.NaN, 1.5, '', 'ä', '€', '\ud800', 1n]) {
      map.set('one', one)
      expect(map.get('one')).toBe(one)
      expect(map.has('one')).toBe(true)
    }
    expect(() => map.set('f', () => {})).toThrow(/could not be cloned/)
  })

  it('that are copies, each for itself', () => {
    using map = SharedMap.create(1 << 18)
    map.set('a', { bytes: new Uint8Array([1]) })
    const first = map.get('a') as { bytes: Uint8Array }
    first.bytes[0] = 9
    map.set('b', { bytes: new Uint8Array([7]) })
    expect(map.get('b')).toEqual({ bytes: new Uint8Array([7]) })
    expect(map.get('a')).toEqual({ bytes: new Uint8Array([1]) })
    expect(first.bytes[0]).toBe(9)
  })

  it('of JSON', () => {
    using map = SharedMap.create<unknown>(1 << 18, { values: 'json' })
    for (const one of [null, true, 1, 'x', '€', [1, { a: 'ä' }], Number.NaN, new Date(0)]) {
      map.set('one', one)
      expect(map.get('one')).toEqual(JSON.parse(JSON.stringify(one)))
    }
    for (const one of [undefined, () => {}, Symbol('x')]) {
      expect(() => map.set('one', one)).toThrow(invalidType)
    }
    map.set('n', 3)
    expect(map.increment('n', 2)).toBe(5)
  })

  it('of text and bytes alone', () => {
    using text = SharedMap.create<string>(1 << 18, { values: 'string' })
    text.set('a', '€')
    expect(text.get('a')).toBe('€')
    expect(() => text.set('a', untyped(1))).toThrow(invalidType)
    using bytes = SharedMap.create<Uint8Array>(1 << 18, { values: 'bytes' })
    for (const length of [0, 1, 100, 500, 5000, 100_000]) {
      const value = new Uint8Array(length).fill(length)
      bytes.set('a', value)
      expect(bytes.get('a')).toEqual(Buffer.from(value))
    }
    expect(() => bytes.set('a', untyped('x'))).toThrow(invalidType)
  })

  it('that are copies of bytes, however many, and whatever is done to one', () => {
    using map = SharedMap.create<Uint8Array>(1 << 18, { values: 'bytes' })
    const lengths = Array.from({ length: 600 }, (_, length) => length)
    const contentOf = (length: number) =>
      Buffer.from(lengths.map((i) => i ^ length)).subarray(0, length)
    for (const length of lengths) map.set(`${length}`, contentOf(length))
    const all = lengths.map((length) => map.get(`${length}`) as Uint8Array<ArrayBuffer>)
    for (const [length, value] of all.entries()) expect(value).toEqual(contentOf(length))
    const one = all[100] as Uint8Array<ArrayBuffer>
    expect(one.byteOffset % 8).toBe(0)
    // Node 20 makes a copy of such a buffer, and later ones refuse.
    try {
      structuredClone(one.buffer, { transfer: [one.buffer] })
    } catch (error) {
      expect(error).toMatchObject({ name: 'DataCloneError' })
    }
    expect(all[101]).toEqual(contentOf(101))
    one.fill(0)
    expect(all[99]).toEqual(contentOf(99))
    expect(all[101]).toEqual(contentOf(101))
    expect(map.get('100')).toEqual(contentOf(100))
  })

  it('that are larger than what there is', () => {
    for (const evict of ['lru', 'none'] as const) {
      using map = SharedMap.create<Uint8Array>(1 << 16, { values: 'bytes', evict })
      expect(() => map.set('a', new Uint8Array(1 << 16))).toThrow(outOfRange)
      map.set('a', new Uint8Array(50_000))
      expect(map.get('a')?.length).toBe(50_000)
      expect(problemsOf(map.memory)).toEqual([])
    }
  })
})

describe('keys', () => {
  it('of bytes and text are never the same, nor are any two strings', () => {
    using map = SharedMap.create<number>(1 << 18)
    const all = ['', 'a', 'ä', '\u00e4\u0000', '€', '\ud800', '\udfff', '\ufffd', 'a\0']
    for (const [i, key] of all.entries()) map.set(key, i)
    const bytes = all.map((key) => Buffer.from(key, 'utf8'))
    for (const key of bytes) expect(map.get(key)).toBeUndefined()
    map.set(Buffer.from('ä', 'latin1'), -1)
    for (const [i, key] of all.entries()) expect(map.get(key)).toBe(i)
    expect(new Set(map.keys())).toEqual(new Set([...all, Buffer.from([0xe4])]))
  })

  it('of one hash are two keys', () => {
    using map = SharedMap.create<string>(1 << 18)
    const { seed } = geometryFrom(readHeader(map.memory, mapLayout), map.memory.byteLength)
    const key = new MapKey()
    const seen = new Map<number, string>()
    const pairs: [string, string][] = []
    // Two of 2 ** 32 hashes are the same among 400,000 keys about 18 times.
    for (let i = 0; i < 400_000; i++) {
      const [first, second] = [0x9e3779b1, 0x85ebca6b].map(
        (by) => Math.imul(i ^ 0x5bd1e995, by) >>> 0,
      )
      const text = `${first?.toString(16).padStart(8, '0')}${second?.toString(16).padStart(8, '0')}`
      key.set(text, seed)
      const other = seen.get(key.hash)
      if (other !== undefined) pairs.push([other, text])
      seen.set(key.hash, text)
    }
    expect(pairs.length).toBeGreaterThan(0)
    for (const [one, other] of pairs) {
      map.set(one, one)
      expect(map.get(other)).toBeUndefined()
      map.set(other, other)
      expect([map.get(one), map.get(other)]).toEqual([one, other])
    }
  })

  it('of every length, the same but for one place', () => {
    using map = SharedMap.create<number>(1 << 20)
    const key = new MapKey()
    const bytes = new Uint8Array(1024)
    const words = new Int32Array(bytes.buffer)
    for (let length = 0; length < 300; length++) {
      const text = 'x'.repeat(length)
      key.set(text, 1)
      bytes.fill(0xff)
      key.writeTo(bytes, 0)
      expect(key.equalsAt(words, bytes, 0)).toBe(true)
      for (let i = 0; i < length; i++) {
        bytes[i] = 'y'.charCodeAt(0)
        expect(key.equalsAt(words, bytes, 0)).toBe(false)
        bytes[i] = 'x'.charCodeAt(0)
      }
      map.set(text, length)
    }
    for (let length = 0; length < 300; length++) expect(map.get('x'.repeat(length))).toBe(length)
  })

  it('may be a view of bytes that change afterwards', async () => {
    using map = SharedMap.create<string>(1 << 18)
    const key = new Uint8Array([1, 2, 3])
    const later = map.getOrSet(key, async () => 'x')
    key[0] = 9
    await later
    expect(map.get(new Uint8Array([1, 2, 3]))).toBe('x')
  })

  it('of the longest kind', () => {
    using map = SharedMap.create<string>(1 << 20)
    const long = 'x'.repeat(65_535)
    map.set(long, 'y')
    expect(map.get(long)).toBe('y')
    expect([...map.entries()]).toEqual([[long, 'y']])
    expect(map.delete(long)).toBe(true)
  })
})

describe('room', () => {
  it('a full map without eviction loses nothing', () => {
    using map = SharedMap.create<string>(1 << 16, { evict: 'none' })
    let count = 0
    const fill = () => {
      for (;;) map.set(`key ${count}`, 'x'.repeat(100 + (count++ % 50)))
    }
    expect(fill).toThrow(full)
    const there = count - 1
    expect(map.size).toBe(there)
    for (let i = 0; i < there; i++) expect(map.get(`key ${i}`)?.length).toBe(100 + (i % 50))
    // What is there already can be replaced all the same.
    for (let i = 0; i < there; i++) map.set(`key ${i}`, 'y'.repeat(100 + (i % 50)))
    expect(map.delete('key 0') && map.delete('key 1')).toBe(true)
    map.set('more', 'x')
    expect(map.stats.evictions).toBe(0)
    expect(problemsOf(map.memory)).toEqual([])
  })

  it('expired entries make room in it', async () => {
    using map = SharedMap.create<string>(1 << 16, { evict: 'none', ttl: 1 })
    const fill = () => {
      for (let i = 0; i < 3000; i++) map.set(`key ${Math.random()}`, 'x'.repeat(100))
    }
    // A slow machine may let all of them expire on the way.
    try {
      fill()
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_SHARED_FULL' })
    }
    await new Promise((resolve) => setTimeout(resolve, 1100))
    map.set('last', 'x', { ttl: Number.POSITIVE_INFINITY })
    expect(map.get('last')).toBe('x')
    expect([...map.keys()]).toEqual(['last'])
  })

  it('as many entries as were wanted', () => {
    using some = SharedMap.create<number>(1 << 16, { maxEntries: 3, evict: 'none' })
    for (const key of ['a', 'b', 'c', 'a']) some.set(key, 1)
    expect(() => some.set('d', 1)).toThrow(full)
    expect(() => some.increment('d')).toThrow(full)
    expect(some.size).toBe(3)
    using cache = SharedMap.create<number>(1 << 16, { maxEntries: 3 })
    for (let i = 0; i < 100; i++) cache.set(`${i}`, i)
    expect(cache.size).toBe(3)
    expect(cache.stats.evictions).toBe(97)
    expect(cache.get('99')).toBe(99)
  })

  it('ends after the time of each entry', async () => {
    using map = SharedMap.create<number>(1 << 16, { ttl: 30 })
    map.set('short', 1)
    map.set('long', 1, { ttl: 60_000 })
    map.set('endless', 1, { ttl: 0 })
    map.increment('short')
    expect(map.increment('new')).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(map.get('short')).toBeUndefined()
    expect(map.has('new')).toBe(false)
    expect(map.delete('short')).toBe(false)
    expect(new Set(map.keys())).toEqual(new Set(['long', 'endless']))
    expect(map.increment('new')).toBe(1)
    expect(map.get('long')).toBe(1)
  })
})

describe('counting', () => {
  it('is refused on anything that is not a number', () => {
    using map = SharedMap.create(1 << 16)
    map.set('a', 'x')
    expect(() => map.increment('a')).toThrow(invalidValue)
    expect(map.get('a')).toBe('x')
    expect(map.increment('b', 0.5)).toBe(0.5)
    expect(map.increment('b', -2)).toBe(-1.5)
    expect(map.increment('b')).toBe(-0.5)
    map.set('b', 7)
    expect(map.increment('b')).toBe(8)
  })

  it('of hits and misses', async () => {
    using map = SharedMap.create(1 << 16)
    map.set('a', 1)
    map.get('a')
    map.get('b')
    map.has('a')
    await map.getOrSet('b', () => 1)
    for (let i = 0; i < 1000; i++) map.get('a')
    expect(map.stats).toEqual({ hits: 1001, misses: 2, evictions: 0, recoveries: 0 })
    const other = SharedMap.attach(map.memory)
    expect(other.stats.hits).toBe(1001)
  })
})

describe('memory', () => {
  const program = programsIn(scratchDirectory())

  it('of a map, opened in each way', async () => {
    const name = `/posix-mmap-map-${process.pid}`
    using map = SharedMap.create<string>(1 << 16, { name, values: 'string', evict: 'none' })
    try {
      map.set('from', 'parent')
      using other = SharedMap.open<string>(name)
      expect(other.get('from')).toBe('parent')
      expect(() => other.set('x', untyped(1))).toThrow(invalidType)
      expect(() => SharedMap.create(1 << 16, { name })).toThrow(
        expect.objectContaining({ code: 'EEXIST' }),
      )
      const child = program(
        'child.mjs',
        `import { SharedMap } from 'posix-mmap/shared'
         const map = process.argv[2] ? SharedMap.open(process.argv[2]) : SharedMap.inherited('map')
         map.set('to', map.get('from') + ' and child')
         console.log('done')`,
      )
      const { stdout } = await promisify(execFile)(process.execPath, [child, name])
      expect(stdout).toBe('done\n')
      expect(map.get('to')).toBe('parent and child')
      map.set('from', 'again')
      const options = withShared({ map: map.memory }, { silent: true })
      expect(await outputOf(fork(child, [], options))).toBe('done\n')
      expect(map.get('to')).toBe('again and child')
    } finally {
      SharedMemory.unlink(name)
    }
  })

  it('that is closed', async () => {
    const memory = SharedMap.create(1 << 16).memory
    const map = SharedMap.attach(memory)
    const other = SharedMap.attach(memory)
    map[Symbol.dispose]()
    expect(memory.closed).toBe(false)
    expect(() => map.get('a')).toThrow(mappingClosed)
    expect(() => map.set('a', 1)).toThrow(mappingClosed)
    expect(() => map.size).toThrow(mappingClosed)
    const going = other.entries()
    other.set('a', 1)
    memory.unmap()
    expect(() => other.get('a')).toThrow(mappingClosed)
    expect(() => other.has('a')).toThrow(mappingClosed)
    expect(() => other.set('a', 1)).toThrow(mappingClosed)
    expect(() => other.delete('a')).toThrow(mappingClosed)
    expect(() => other.increment('a')).toThrow(mappingClosed)
    expect(() => other.clear()).toThrow(mappingClosed)
    expect(() => other.size).toThrow(mappingClosed)
    expect(() => other.stats).toThrow(mappingClosed)
    expect(() => going.next()).toThrow(mappingClosed)
    expect(() => [...other.keys()]).toThrow(mappingClosed)
    await expect(other.getOrSet('a', () => 1)).rejects.toThrow(mappingClosed)
    other[Symbol.dispose]()
    expect(() => SharedMap.attach(memory)).toThrow(mappingClosed)
  })

  it('that the map opened itself is closed by it', () => {
    const map = SharedMap.create(1 << 16)
    map[Symbol.dispose]()
    map[Symbol.dispose]()
    expect(map.memory.closed).toBe(true)
  })

  it('that is given back at once', async () => {
    const script = `
      import fs from 'node:fs'
      import { SharedMemory } from './dist/index.js'
      import { SharedMap } from './dist/shared.js'
      const open = () => [
        fs.readdirSync('/proc/self/fd').length,
        fs.readFileSync('/proc/self/maps', 'utf8').split('given-back').length,
      ]
      const use = (map) => {
        map.set('key', 'x')
        return map.getOrSet('other', () => 'y')
      }
      const make = () => SharedMap.create(1 << 16, { name: '/given-back-' + process.pid })
      const unlink = () => SharedMemory.unlink('/given-back-' + process.pid)
      const codeOf = (promise) => promise.then(() => 'none', (error) => error.code)
      // What is opened once for all comes first.
      const first = make()
      await use(first)
      unlink()
      first[Symbol.dispose]()
      const before = open()
      for (let i = 0; i < 20; i++) {
        const map = make()
        const other = SharedMap.attach(map.memory)
        unlink()
        await use(map)
        await use(other)
        other[Symbol.dispose]()
        other[Symbol.dispose]()
        if (map.get('other') !== 'y') throw new Error('not its own any more')
        map[Symbol.dispose]()
      }
      const after = open()
      // One that fills, and one that waits for it.
      const map = make()
      unlink()
      let fill
      const filling = codeOf(map.getOrSet('slow', () => new Promise((resolve) => { fill = resolve })))
      const waiting = codeOf(map.getOrSet('slow', () => 'never'))
      await new Promise((resolve) => setTimeout(resolve, 20))
      map[Symbol.dispose]()
      const waited = await waiting
      fill('late')
      const filled = await filling
      await new Promise((resolve) => setTimeout(resolve, 20))
      console.log(JSON.stringify({ before, after, end: open(), waited, filled }))`
    const { before, after, end, waited, filled } = (await runForJson(script)) as Record<
      string,
      unknown
    >
    expect({ after, end }).toEqual({ after: before, end: before })
    expect({ waited, filled }).toEqual({
      waited: 'ERR_MAPPING_CLOSED',
      filled: 'ERR_MAPPING_CLOSED',
    })
  })

  it('that holds something else', () => {
    expect(() => SharedMap.attach(untyped({}))).toThrow(invalidType)
    using empty = SharedMemory.create(1 << 16)
    expect(() => SharedMap.attach(empty)).toThrow(layoutError)
    using small = SharedMemory.create(32)
    expect(() => SharedMap.attach(small)).toThrow(layoutError)
    using map = SharedMap.create(1 << 16)
    expect(() => SharedMap.attach(map.memory.readOnly())).toThrow(invalidValue)
  })

  it.each([
    ['magic', 0],
    ['kind', 1],
    ['version', 2],
    ['length', 4],
    ['length', 5],
    ['buckets', 6],
    ['units', 7],
    ['evict', 8],
    ['values', 9],
    ['maxEntries', 10],
    ['ttl', 12],
    ['lock', 16],
  ])('with a damaged %s (word %i)', (_name, word) => {
    using map = SharedMap.create(1 << 16)
    const words = map.memory.view(Int32Array)
    const before = words[word] ?? 0
    for (const value of [-1, 0x7fffffff, before + 77]) {
      words[word] = value
      // A limit of entries, and the seconds of a time, may be anything that is not negative.
      if ((word === 10 && value > 0) || (word === 12 && value === before + 77)) continue
      expect(() => SharedMap.attach(map.memory)).toThrow(layoutError)
    }
    words[word] = before
    SharedMap.attach(map.memory)
  })
})
