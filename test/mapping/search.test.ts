import fs from 'node:fs'
import fc from 'fast-check'
import { type Mapping, MappingFaultError, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { invalidValue, outOfRange, thrownBy } from '../support/errors.js'
import { pattern, scratchDirectory, withDescriptor } from '../support/files.js'
import { guardPagesSupported } from '../support/kernel-view.js'
import { runForJson } from '../support/processes.js'

const scratch = scratchDirectory()
const GiB = 2 ** 30

function filled(content: Uint8Array): Mapping {
  const mapping = mapAnonymous(content.length)
  mapping.write(0, content)
  return mapping
}

function search(hay: Uint8Array, needle: Uint8Array, from: number, step: 1 | -1): number {
  const last = hay.length - needle.length
  const start = step === 1 ? from : Math.min(from, last)
  for (let at = start; at >= 0 && at <= last; at += step) {
    if (needle.every((byte, index) => hay[at + index] === byte)) return at
  }
  return -1
}

const bytes = (letters: number, maxLength: number) =>
  fc.uint8Array({ minLength: 1, maxLength, max: letters - 1 })

describe.each([1, 2, 3, 256])('as a byte by byte search, %i different bytes', (letters) => {
  it('in the whole mapping', () => {
    const hay = fc.oneof(
      bytes(letters, 60),
      fc.uint8Array({ minLength: pageSize - 4, maxLength: pageSize + 40, max: letters - 1 }),
    )
    fc.assert(
      fc.property(hay, bytes(letters, 9), fc.nat(70), (content, needle, from) => {
        using mapping = filled(content)
        expect(mapping.indexOf(needle)).toBe(search(content, needle, 0, 1))
        expect(mapping.indexOf(needle, from)).toBe(search(content, needle, from, 1))
        expect(mapping.lastIndexOf(needle)).toBe(search(content, needle, content.length, -1))
        expect(mapping.lastIndexOf(needle, from)).toBe(search(content, needle, from, -1))
      }),
      { numRuns: 150 },
    )
  })

  it('in a part', () => {
    const part = fc.tuple(bytes(letters, 60), bytes(letters, 5), fc.nat(70), fc.nat(70))
    fc.assert(
      fc.property(part, ([content, needle, from, bound]) => {
        using mapping = filled(content)
        const head = content.subarray(0, bound)
        expect(mapping.indexOf(needle, from, bound)).toBe(search(head, needle, from, 1))
        const tail = content.subarray(bound)
        const found = bound > from ? -1 : search(tail, needle, from - bound, -1)
        const expected = found < 0 ? -1 : found + bound
        expect(mapping.lastIndexOf(needle, from, bound)).toBe(expected)
      }),
      { numRuns: 150 },
    )
  })

  it('for needles taken from the content', () => {
    const part = fc.tuple(bytes(letters, 80), fc.nat(), fc.nat())
    fc.assert(
      fc.property(part, ([content, at, length]) => {
        using mapping = filled(content)
        const start = at % content.length
        const needle = content.subarray(start, start + 1 + (length % (content.length - start)))
        expect(mapping.indexOf(needle)).toBe(search(content, needle, 0, 1))
        expect(mapping.lastIndexOf(needle)).toBe(search(content, needle, content.length, -1))
      }),
      { numRuns: 150 },
    )
  })
})

describe('a needle', () => {
  const text = Buffer.from('a\0b ünder a\0b €uro\n')
  const mapping = filled(text)

  it.each<[string | number | Uint8Array, number, number]>([
    ['a\0b', 0, 11],
    ['ünder', 4, 4],
    ['€', 15, 15],
    [0, 1, 12],
    [10, text.length - 1, text.length - 1],
    [255, -1, -1],
    [text, 0, 0],
    [Buffer.concat([text, text]), -1, -1],
    ['no', -1, -1],
    [new Uint8Array(new SharedArrayBuffer(1)), 1, 12],
  ])('%j', (needle, first, last) => {
    expect(mapping.indexOf(needle)).toBe(first)
    expect(mapping.lastIndexOf(needle)).toBe(last)
  })

  it('that is empty is found everywhere', () => {
    const { byteLength } = mapping
    for (const needle of ['', new Uint8Array()]) {
      for (const from of [0, 3, byteLength, byteLength + 1, 2 ** 53 - 1]) {
        expect(mapping.indexOf(needle, from)).toBe(Math.min(from, byteLength))
        expect(mapping.lastIndexOf(needle, from)).toBe(Math.min(from, byteLength))
      }
      expect([mapping.indexOf(needle), mapping.lastIndexOf(needle)]).toEqual([0, byteLength])
    }
  })

  it('that is a number must be a byte', () => {
    for (const needle of [-1, 256, 1.5, Number.NaN]) {
      expect(() => mapping.indexOf(needle)).toThrow(outOfRange)
      expect(() => mapping.lastIndexOf(needle)).toThrow(outOfRange)
    }
  })

  it('can be searched from past the end, and from a bigint', () => {
    const { byteLength } = mapping
    for (const from of [byteLength, byteLength + 1, 2 ** 53 - 1]) {
      expect(mapping.indexOf('a', from)).toBe(-1)
      expect(mapping.lastIndexOf('a', from)).toBe(11)
    }
    expect(mapping.indexOf('a', 1n)).toBe(11)
    expect(mapping.lastIndexOf('a', 10n)).toBe(0)
    expect(mapping.lastIndexOf('\0', 0)).toBe(-1)
  })

  it('is not in an empty mapping, unless it is empty', () => {
    using empty = mapAnonymous(0)
    expect([empty.indexOf('a'), empty.lastIndexOf('a'), empty.indexOf('', 5)]).toEqual([-1, -1, 0])
  })

  it('of a subclass that lies about its bytes is searched by its real bytes', () => {
    const liar = Object.defineProperties(Buffer.from('ünder'), {
      length: { value: 2 ** 40 },
      byteLength: { value: 2 ** 40 },
    })
    expect(mapping.indexOf(liar)).toBe(4)
  })

  it('can be a part of the mapping itself', () => {
    expect(mapping.indexOf(mapping.bytes(11, 3))).toBe(0)
    expect(mapping.lastIndexOf(mapping.bytes(0, 3))).toBe(11)
  })

  it('that was detached is refused', () => {
    const other = mapAnonymous(4)
    const needle = other.bytes()
    other.unmap()
    expect(() => mapping.indexOf(needle)).toThrow(invalidValue)
    expect(() => mapping.lastIndexOf(needle)).toThrow(invalidValue)
  })
})

describe('files larger than 4 GiB', () => {
  const size = 5 * GiB
  const sparse = scratch.hole('sparse', size)
  const needle = Buffer.from('needle')
  const places = [2 * GiB - 1, 2 * GiB, 2 * GiB + 1, 4 * GiB - 1, 4 * GiB, 4 * GiB + 1]
  places.push(size - needle.length)

  it.each(places)('a needle at %i', (place) => {
    withDescriptor(sparse, 'r+', (fd) => fs.writeSync(fd, needle, 0, needle.length, place))
    using mapping = mapFile(sparse)
    const near = place - 3 * pageSize
    expect(mapping.indexOf(needle, near)).toBe(place)
    expect(mapping.indexOf('n'.charCodeAt(0), near)).toBe(place)
    expect(mapping.indexOf(needle, place)).toBe(place)
    expect(mapping.lastIndexOf(needle, place + 3 * pageSize)).toBe(place)
    expect(mapping.lastIndexOf(needle, place)).toBe(place)
    expect(mapping.lastIndexOf('e', place + 3 * pageSize)).toBe(place + 5)
    withDescriptor(sparse, 'r+', (fd) => fs.writeSync(fd, Buffer.alloc(6), 0, 6, place))
    const end = Math.min(place + pageSize, size)
    expect(mapping.indexOf(needle, size - pageSize)).toBe(-1)
    expect(mapping.read(place, end - place)[0]).toBe(0)
  })

  it('the last byte of 64 GiB', () => {
    const huge = scratch.hole('huge', 64 * GiB)
    withDescriptor(huge, 'r+', (fd) => fs.writeSync(fd, 'x', 64 * GiB - 1))
    using mapping = mapFile(huge)
    expect(mapping.indexOf('x', 64 * GiB - 2 * pageSize)).toBe(64 * GiB - 1)
    expect(mapping.lastIndexOf(120)).toBe(64 * GiB - 1)
    expect(mapping.lastIndexOf('\0x')).toBe(64 * GiB - 2)
  })
})

describe('a page that is gone', () => {
  function truncated(name: string) {
    const file = scratch.file(name, pattern(4 * pageSize))
    const mapping = mapFile(file)
    fs.truncateSync(file, 2 * pageSize)
    return { file, mapping }
  }
  const fault = { kind: 'truncated', offset: 2 * pageSize, count: 1 }

  it('is a MappingFaultError if the answer depends on it, and is not replaced', () => {
    const { file, mapping } = truncated('truncated')
    const error = thrownBy(() => mapping.indexOf('\0'))
    expect(error).toBeInstanceOf(MappingFaultError)
    expect(error).toMatchObject({ code: 'ERR_MAPPING_FAULT', fault, path: file })
    expect(mapping.fault).toEqual(fault)
    expect(thrownBy(() => mapping.lastIndexOf('\0'))).toMatchObject({ fault })
    expect(mapping.fault).toEqual({ ...fault, count: 2 })
    fs.truncateSync(file, 4 * pageSize)
    expect(mapping.indexOf('\0')).toBe(2 * pageSize)
    mapping.unmap()
  })

  it('does not matter elsewhere', () => {
    const { mapping } = truncated('elsewhere')
    const part = mapping.read(pageSize + 5, 300)
    expect(mapping.indexOf(part, pageSize)).toBe(pageSize + 5)
    expect(mapping.lastIndexOf(part, pageSize + 200)).toBe(pageSize + 5)
    expect(mapping.fault).toBeNull()
    mapping.unmap()
  })

  it('is still one after a view has read its zeros', () => {
    const { file, mapping } = truncated('replaced')
    expect(mapping.bytes(2 * pageSize, 1)[0]).toBe(0)
    fs.truncateSync(file, 4 * pageSize)
    mapping.clearFault()
    for (let round = 0; round < 2; round++) {
      expect(thrownBy(() => mapping.indexOf('\0'))).toMatchObject({ fault })
      expect(thrownBy(() => mapping.lastIndexOf('\0', 2 * pageSize + 9))).toMatchObject({ fault })
    }
    expect(mapping.fault).toBeNull()
    expect(mapping.lastIndexOf('\0')).toBe(4 * pageSize - 1)
    mapping.unmap()
  })

  it('is one in the needle too', () => {
    const { mapping } = truncated('needle')
    using hay = filled(pattern(4 * pageSize))
    const needle = mapping.bytes(2 * pageSize - 10, 20)
    for (const method of ['indexOf', 'lastIndexOf'] as const) {
      expect(thrownBy(() => hay[method](needle))).toMatchObject({
        code: 'ERR_MAPPING_FAULT',
        fault,
      })
      expect(thrownBy(() => mapping[method](needle))).toMatchObject({ fault })
    }
    expect(hay.fault).toBeNull()
    expect(mapping.fault).toEqual({ ...fault, count: 4 })
    mapping.unmap()
  })

  it('is one if it is protected', () => {
    using mapping = filled(pattern(3 * pageSize))
    const protections = guardPagesSupported ? ['none', 'guard'] : ['none']
    for (const protection of protections) {
      mapping.clearFault()
      if (protection === 'none') mapping.protect('none', pageSize, pageSize)
      else mapping.installGuard(pageSize, pageSize)
      const expected = { kind: 'no-access', offset: pageSize, count: 1 }
      expect(thrownBy(() => mapping.indexOf('\0'))).toMatchObject({ fault: expected })
      expect(thrownBy(() => mapping.lastIndexOf('\0'))).toMatchObject({ fault: expected })
      expect(mapping.fault).toEqual({ ...expected, count: 2 })
      mapping.protect('read-write')
    }
  })

  it('is one in the middle of a search, while another process truncates and grows the file', async () => {
    const file = scratch.file('racing', Buffer.alloc(600 * pageSize, 1))
    const rival = scratch.file(
      'rival.cjs',
      `const fs = require('node:fs')
      const ones = Buffer.alloc(${300 * pageSize}, 1)
      const fd = fs.openSync('${file}', 'r+')
      process.on('disconnect', () => process.exit())
      setImmediate(function turn() {
        fs.ftruncateSync(fd, ones.length)
        fs.writeSync(fd, ones, 0, ones.length, ones.length)
        setImmediate(turn)
      })
      process.send('ready')`,
    )
    const result = await runForJson(`
      import { fork } from 'node:child_process'
      import { mapFile } from 'posix-mmap'
      const mapping = mapFile('${file}')
      const child = fork('${rival}', { execArgv: [] })
      await new Promise((resolve) => child.once('message', resolve))
      const seen = { nothing: 0, fault: 0, zeros: 0 }
      for (let round = 0; round < 500; round++) {
        try {
          seen[mapping[round % 2 ? 'indexOf' : 'lastIndexOf'](0) === -1 ? 'nothing' : 'zeros']++
        } catch (error) {
          if (error.code !== 'ERR_MAPPING_FAULT') throw error
          seen.fault++
        }
      }
      child.disconnect()
      console.log(JSON.stringify(seen))`)
    expect(result).toMatchObject({
      zeros: 0,
      fault: expect.toSatisfy((count: number) => count > 0),
    })
  })
})
