// A reader that is overtaken each time that it looks, because somebody publishes between its two looks at
// which slot is the newest.

import { Buffer } from 'node:buffer'
import { Snapshot } from 'posix-mmap/shared'
import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => {
  vi.restoreAllMocks()
})

const slots = 4
const slotHeaders = 320
const entryBytes = 64

/** Calls `body` after each store of a hold of the first reader, but not within it. */
function atEachHold(snapshot: Snapshot, body: () => void): void {
  const { store } = Atomics
  let within = false
  const first = slotHeaders + slots * entryBytes + 8
  vi.spyOn(Atomics, 'store').mockImplementation(((
    words: Int32Array,
    index: number,
    value: number,
  ) => {
    const result = store(words, index, value)
    // The words of a Snapshot begin 64 bytes into its memory.
    const byte = index * 4 + 64
    const isHold = value > 0 && byte >= first && byte < first + 4 * slots
    if (isHold && !within && words.length * 4 < snapshot.memory.byteLength) {
      within = true
      body()
      within = false
    }
    return result
  }) as typeof Atomics.store)
}

it('ends its read after a few steps, with a slot that nobody writes to', () => {
  using snapshot = Snapshot.create(16, { slots, readers: 2 })
  using writer = Snapshot.attach(snapshot.memory)
  writer.publish('v1')
  snapshot.copy()
  let publishes = 0
  atEachHold(snapshot, () => {
    publishes++
    writer.publish(`v${writer.version + 1}`)
  })
  for (let round = 0; round < 20; round++) {
    const before = writer.version
    publishes = 0
    snapshot.read((bytes, version) => {
      expect(publishes).toBeLessThan(8)
      expect(version).toBeGreaterThanOrEqual(before)
      expect(Buffer.from(bytes).toString()).toBe(`v${version}`)
      for (let more = 0; more < 10; more++) writer.publish(`v${writer.version + 1}`)
      expect(Buffer.from(bytes).toString()).toBe(`v${version}`)
    })
    expect(publishes).toBeGreaterThan(2)
  }
  vi.restoreAllMocks()
  // Nothing is asked for or held any more.
  const entry = snapshot.memory.view(Int32Array, slotHeaders + slots * entryBytes, 16)
  expect([...entry.subarray(1)]).toEqual(Array.from({ length: 15 }, () => 0))
})

it('also when the slot that it looked at stays the newest after all', () => {
  using snapshot = Snapshot.create(16, { slots, readers: 2 })
  using writer = Snapshot.attach(snapshot.memory)
  writer.publish('v1')
  snapshot.copy()
  for (const often of [1, 2, 3, 4, 5, 6]) {
    let left = often
    atEachHold(snapshot, () => {
      if (left-- > 0) writer.publish(`v${writer.version + 1}`)
    })
    snapshot.read((bytes, version) => {
      expect(Buffer.from(bytes).toString()).toBe(`v${version}`)
    })
    vi.restoreAllMocks()
    const entry = snapshot.memory.view(Int32Array, slotHeaders + slots * entryBytes, 16)
    expect([...entry.subarray(1)]).toEqual(Array.from({ length: 15 }, () => 0))
  }
})
