// Small reads of a mapping that is read often are made in JavaScript: with the same answers as those of the
// addon, whatever happens to the file, the pages and the buffers in between.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import {
  Mapping,
  MappingFaultError,
  mapAnonymous,
  mapFile,
  pageSize,
  SharedMemory,
} from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { runForJson, scriptHelpers } from '../support/processes.js'

const scratch = scratchDirectory()

/** More than the reads that a mapping gets before they are direct. */
const often = 100

function readOften(mapping: Mapping): Mapping {
  for (let i = 0; i < often; i++) mapping.read(0, 1)
  return mapping
}

/** What an operation gives, or the fault that it throws. */
function outcome(body: () => unknown): unknown {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof MappingFaultError)) throw error
    const { kind, offset } = error.fault
    return { kind, offset }
  }
}

/** Numbers that are the same in every run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
}

const pages = 4
const size = pages * pageSize - 100

function fill(file: string, length: number, random: (below: number) => number): void {
  const content = Buffer.alloc(length, 'some words\n')
  // Zeros that are the file's own, at its end and elsewhere.
  if (random(3) === 0) content.fill(0, Math.max(0, length - random(300)))
  content.fill(0, random(length), random(length))
  fs.writeFileSync(file, content)
}

const changes: ReadonlyArray<(file: string, random: (below: number) => number) => void> = [
  (file, random) => fs.truncateSync(file, random(size)),
  (file, random) => fs.truncateSync(file, random(pages) * pageSize),
  (file, random) => fs.truncateSync(file, Math.max(0, fs.statSync(file).size - 1 - random(200))),
  (file) => fs.truncateSync(file, size),
  (file, random) => fill(file, size, random),
  (file, random) => fill(file, 1 + random(size - 1), random),
]

const operations: ReadonlyArray<(mapping: Mapping, at: number, length: number) => unknown> = [
  (mapping, at, length) => mapping.read(at, length).toString('latin1'),
  (mapping, at, length) => {
    const target = new Uint8Array(length)
    return [mapping.readInto(target, at), target.toString()]
  },
  (mapping, at) => mapping.indexOf(10, at),
  (mapping, at) => mapping.indexOf('words', at),
  (mapping, at, length) => mapping.indexOf('w', at, at + length),
  (mapping, at) => mapping.indexOf(0, at),
  (mapping, at) => mapping.indexOf('nowhere', at),
  (mapping, at, length) => mapping.text(at, length, 'latin1'),
  (mapping) => mapping.check(),
  (mapping) => (mapping.clearFault() === null ? 'none' : 'some'),
]

/** How many kernel mappings of a file this process has. */
function timesMapped(file: string): number {
  return fs.readFileSync('/proc/self/maps', 'utf8').split(`${file}\n`).length - 1
}

describe('a mapping that is read often', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('gives what one gives that is not: %i', (seed) => {
    const random = numbersFrom(seed)
    const file = scratch.file(`model-${seed}`, Buffer.alloc(size, 'some words\n'))
    const direct = readOften(mapFile(file))
    expect(timesMapped(file)).toBe(2) // the last page once more
    const guarded = mapFile(file)
    const handle = guarded.share()
    for (let step = 0; step < 1500; step++) {
      if (random(6) === 0) changes[random(changes.length)]?.(file, random)
      const operation = operations[random(operations.length)] as (typeof operations)[number]
      const at = random(size)
      const length = 1 + random(Math.min(size - at, random(2) === 0 ? 40 : 3000))
      // Each time a mapping that has not been read yet, of the same memory.
      const fresh = Mapping.attach(handle)
      const expected = outcome(() => operation(fresh, at, length))
      fresh.unmap()
      const what = { step, at, length, operation: String(operation) }
      const given = outcome(() => operation(direct, at, length))
      expect({ ...what, outcome: given }).toEqual({ ...what, outcome: expected })
    }
    direct.unmap()
    guarded.unmap()
    expect(timesMapped(file)).toBe(0)
  })

  it("gives no byte that is not the file's while another process cuts it", async () => {
    // Each file is only ever made shorter: of one that grows again within a call, that may see zeros.
    const file = scratch.file('beside', Buffer.alloc(size, 'x'))
    const script = `
      const fs = require('node:fs')
      const content = Buffer.alloc(${size}, 'x')
      for (let i = 0; ; i++) {
        fs.writeFileSync('${file}.new', content)
        fs.renameSync('${file}.new', '${file}')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, i % 5)
        for (let end = ${size} - 1 - (i * 977) % 3000; end > 0; end -= 1 + (i * 1013) % 5000)
          fs.truncateSync('${file}', end)
      }`
    const other = spawn(process.execPath, ['--eval', script])
    await once(other, 'spawn')
    try {
      let [read, faults, made] = [0, 0, 0]
      const until = performance.now() + 3000
      const target = new Uint8Array(100)
      const isContent = (bytes: Uint8Array) => bytes.every((byte) => byte === 120)
      while (performance.now() < until) {
        let mapping: Mapping
        try {
          mapping = mapFile(file, { length: size })
        } catch {
          continue // cut just now
        }
        made++
        try {
          for (let i = 0; i < 20_000; i++) {
            const at = (i * 61) % (size - target.length)
            mapping.readInto(target, at)
            if (!isContent(target)) {
              // The kernel was at work on the page; an instant later the bytes are gone.
              mapping.readInto(target, at)
              throw new Error(`read ${target} twice`)
            }
            mapping.check()
            const from = (i * 67) % size
            if (mapping.indexOf('x', from) < from) throw new Error('not found')
            read++
          }
        } catch (error) {
          if (!(error instanceof MappingFaultError)) throw error
          faults++
        }
        mapping.unmap()
      }
      expect(read).toBeGreaterThan(1000)
      expect(faults).toBeGreaterThan(0)
      expect(made).toBeGreaterThan(0)
    } finally {
      other.kill('SIGKILL')
    }
  })

  it('notices a fault of its own views, in code that V8 has optimised', () => {
    const file = scratch.file('views', Buffer.alloc(size, 1))
    const mapping = readOften(mapFile(file))
    const bytes = mapping.bytes()
    let sum = 0
    const look = (at: number) => {
      mapping.check()
      sum += bytes[at] ?? 0
      mapping.check()
    }
    for (let i = 0; i < 200_000; i++) look(i % size)
    expect(sum).toBe(200_000)
    fs.truncateSync(file, 1)
    fs.truncateSync(file, size)
    expect(() => look(size - 1)).not.toThrow() // the page is there again, with zeros
    fs.truncateSync(file, pageSize)
    expect(outcome(() => look(2 * pageSize))).toEqual({ kind: 'truncated', offset: 2 * pageSize })
  })

  it('leaves pages that it could not read as they were', () => {
    const file = scratch.file('left', Buffer.alloc(size, 1))
    const mapping = readOften(mapFile(file))
    for (const length of [0, 1, pageSize, 2 * pageSize + 5]) {
      fs.truncateSync(file, length)
      expect(outcome(() => mapping.read(size - 10, 5))).toMatchObject({ kind: 'truncated' })
      expect(outcome(() => mapping.indexOf(1, length))).toMatchObject({ kind: 'truncated' })
      fs.writeFileSync(file, Buffer.alloc(size, 7))
      expect(mapping.read(size - 10, 5)).toEqual(Buffer.alloc(5, 7))
      expect(mapping.bytes().every((byte) => byte === 7)).toBe(true)
    }
  })

  it.each([
    ['anonymous memory', () => mapAnonymous(3 * pageSize)],
    ['sealed shared memory', () => SharedMemory.create(3 * pageSize)],
    ['shared memory that may be cut', () => SharedMemory.create(3 * pageSize, { seal: false })],
  ])('keeps to guards and protections: %s', (_name, make) => {
    using mapping = make()
    mapping.bytes().fill(5)
    readOften(mapping)
    const other = Mapping.attach(mapping.share())
    for (const take of [mapping, other]) {
      take.protect('none')
      expect(outcome(() => mapping.read(pageSize, 3))).toMatchObject({ kind: 'no-access' })
      take.protect('read-write')
      mapping.clearFault()
      expect(mapping.read(pageSize, 3)).toEqual(Buffer.of(5, 5, 5))
    }
    other.unmap()
  })

  it('goes on after somebody has taken the buffer', () => {
    using mapping = readOften(mapAnonymous(2 * pageSize))
    mapping.bytes().fill(3)
    const buffer = mapping.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer }
    if (buffer.transfer === undefined) structuredClone(buffer, { transfer: [buffer] })
    else buffer.transfer()
    for (let i = 0; i < often; i++) expect(mapping.read(i, 2)).toEqual(Buffer.of(3, 3))
  })

  it('goes on after resize()', () => {
    using mapping = readOften(mapAnonymous(2 * pageSize))
    mapping.bytes().fill(3)
    mapping.resize(4 * pageSize)
    for (let i = 0; i < often; i++)
      expect(mapping.read(2 * pageSize - 1, 2)).toEqual(Buffer.of(3, 0))
    expect(mapping.indexOf(3)).toBe(0)
  })

  it('copies into memory of its own as memmove(3) does', () => {
    using mapping = mapAnonymous(pageSize)
    const bytes = mapping.bytes()
    for (let i = 0; i < bytes.length; i++) bytes[i] = i % 251
    readOften(mapping)
    const expected = [...bytes.subarray(0, 30)]
    mapping.readInto(mapping.bytes(5, 30), 0)
    expect([...bytes.subarray(5, 35)]).toEqual(expected)
  })

  it('reads no bytes for a subclass that says it is longer', () => {
    using mapping = readOften(mapAnonymous(pageSize))
    class Long extends Uint8Array {
      override get length(): number {
        return 1000
      }
    }
    expect(mapping.readInto(new Long(3))).toBe(3)
  })

  it('is unmapped with what it had mapped for it once nobody has it', async () => {
    const file = scratch.file('dropped', Buffer.alloc(size, 1))
    const script = `${scriptHelpers}
      import { mapFile } from 'posix-mmap'
      const often = () => { const mapping = mapFile('${file}'); for (let i = 0; i < ${often}; i++) mapping.read(0, 1) }
      for (let i = 0; i < 20; i++) often()
      const before = mapped('${file}')
      for (let i = 0; i < 50 && mapped('${file}') > 0; i++) await collect()
      console.log(JSON.stringify([before, mapped('${file}'), live()]))`
    expect(await runForJson(script, '--expose-gc')).toEqual([40, 0, 0])
  })
})
