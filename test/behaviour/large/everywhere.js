// node everywhere.js FILE: reads and writes a file that is larger than an ArrayBuffer can be,
// through each kind of view and copy, and compares with read(2) and write(2) at the same offset.
// Prints a JSON line that says how much was checked.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { limits, mapFile, pageSize } from 'posix-mmap'

/** @typedef {import('posix-mmap').Mapping} Mapping */

const [file = ''] = process.argv.slice(2)
const { maxBufferLength } = limits()
const fd = fs.openSync(file, 'r+')
const { size } = fs.fstatSync(fd)
const gibibyte = 2 ** 30

// The places at which 32-bit arithmetic ends, those at which buffers end, and the last byte.
const places = [2 * gibibyte, 4 * gibibyte, maxBufferLength / 2, maxBufferLength, size / 2]
  .flatMap((place) => [place - 1, place, place + 1])
  .concat(size - 1)
  .map(Math.floor)
  .filter((place) => place < size)
const offsets = [...new Set(places)]

/** @param {number} at @param {number} length */
function inFile(at, length) {
  const bytes = Buffer.alloc(length)
  assert.equal(fs.readSync(fd, bytes, 0, length, at), length)
  return bytes
}

/** @type {Record<string, (mapping: Mapping, at: number) => number | undefined>} */
const loads = {
  bytes: (mapping, at) => mapping.bytes(at, 1)[0],
  'bytes, bigint': (mapping, at) => mapping.bytes(BigInt(at), 1n)[0],
  view: (mapping, at) => mapping.view(Uint8Array, at, 1)[0],
  dataView: (mapping, at) => mapping.dataView(at, 1).getUint8(0),
  asBuffer: (mapping, at) => mapping.asBuffer(at, 1).readUInt8(0),
  read: (mapping, at) => mapping.read(at, 1)[0],
  'read, bigint': (mapping, at) => mapping.read(BigInt(at), 1n)[0],
}

/** @type {Record<string, (mapping: Mapping, at: number, value: number) => void>} */
const stores = {
  bytes: (mapping, at, value) => mapping.bytes(at, 1).fill(value),
  view: (mapping, at, value) => mapping.view(Uint8Array, at, 1).set([value]),
  dataView: (mapping, at, value) => mapping.dataView(at, 1).setUint8(0, value),
  asBuffer: (mapping, at, value) => void mapping.asBuffer(at, 1).writeUInt8(value),
  write: (mapping, at, value) => void mapping.write(at, Uint8Array.of(value)),
  'write, bigint': (mapping, at, value) => void mapping.write(BigInt(at), Uint8Array.of(value)),
}

let value = 0
function nextValue() {
  value = (value % 255) + 1
  return value
}

/** @param {Mapping} mapping @param {number} at @param {number} from where the mapping starts */
function checkByte(mapping, at, from) {
  for (const [name, load] of Object.entries(loads)) {
    const written = nextValue()
    fs.writeSync(fd, Uint8Array.of(written), 0, 1, from + at)
    assert.equal(load(mapping, at), written, `${name} at ${from} + ${at}`)
  }
  for (const [name, store] of Object.entries(stores)) {
    const stored = nextValue()
    store(mapping, at, stored)
    assert.equal(inFile(from + at, 1)[0], stored, `${name} to ${from} + ${at}`)
  }
}

/** Ranges that lie on both sides of a place. @param {Mapping} mapping @param {number} at */
function checkAround(mapping, at) {
  const start = at - (at % 8) - 8
  if (start + 24 > size) return
  const words = mapping.view(BigUint64Array, start, 3)
  assert.equal(words.length, 3)
  words.set([1n, 0x0102030405060708n, BigInt(at)])
  assert.deepEqual(inFile(start, 24), Buffer.from(words.slice().buffer))
  assert.deepEqual(mapping.read(start, 24), inFile(start, 24))
  assert.deepEqual(mapping.asBuffer(start, 24), inFile(start, 24))
  const unaligned = start + 5
  assert.equal(
    mapping.dataView(unaligned, 8).getBigUint64(0),
    inFile(unaligned, 8).readBigUInt64BE(),
  )
  // Buffer.indexOf() counts from the start of its view.
  assert.equal(mapping.bytes(start, 24).indexOf(7), 9)
  const text = 'from one side to the other'
  mapping.write(at - 10, text)
  assert.equal(inFile(at - 10, text.length).toString(), text)
  assert.equal(mapping.asBuffer(at - 10, text.length).toString(), text)
}

/** @param {() => unknown} call */
function expectRangeError(call) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof RangeError)
    assert.match(error.message, /bytes\(\)|for one view/)
    return true
  })
}

/** @param {Mapping} mapping */
function checkWhole(mapping) {
  if (size > maxBufferLength) {
    assert.throws(() => mapping.buffer, { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
    assert.throws(() => mapping.buffer, /bytes\(\)/)
    for (const call of [() => mapping.bytes(), () => mapping.bytes(1), () => mapping.dataView()]) {
      expectRangeError(call)
    }
    return 'a RangeError'
  }
  const { buffer } = mapping
  assert.equal(buffer.byteLength, size)
  assert.equal(mapping.buffer, buffer)
  for (const at of offsets) {
    const whole = mapping.bytes()
    whole[at] = nextValue()
    assert.equal(inFile(at, 1)[0], value)
    assert.equal(new Uint8Array(buffer, at, 1)[0], value)
  }
  return 'works'
}

/** A mapping that starts past 4 GiB, at an offset that is not page aligned. */
function checkPart() {
  for (const { offset, length } of [
    { offset: 4 * gibibyte + 1, length: 3 },
    { offset: 4 * gibibyte + 3 * pageSize + 1234, length: 5 * pageSize },
    { offset: size - 2 * pageSize - 7, length: 2 * pageSize + 7 },
  ]) {
    for (const place of [
      { offset, length },
      { offset: BigInt(offset), length: BigInt(length) },
    ]) {
      const mapping = mapFile(file, { access: 'read-write', ...place })
      assert.equal(mapping.fileOffset, offset)
      assert.equal(mapping.buffer.byteLength, length)
      for (const at of [0, 1, length - 1]) checkByte(mapping, at, offset)
      mapping.unmap()
    }
  }
}

const mapping = mapFile(file, { access: 'read-write' })
assert.equal(mapping.byteLength, size)
for (const at of offsets) checkByte(mapping, at, 0)
for (const at of offsets) checkAround(mapping, at)
const buffer = checkWhole(mapping)
assert.equal(mapping.fault, null)
const view = mapping.bytes(4 * gibibyte, 10)
mapping.unmap()
assert.equal(view.length, 0)
checkPart()
fs.closeSync(fd)
console.log(JSON.stringify({ size, offsets: offsets.length, buffer, maxBufferLength }))
