// A peer that writes anything anywhere into the memory of a Snapshot: nobody reads outside it, hangs, or
// gets an error that is not defined.

import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { SharedMemory } from 'posix-mmap'
import { Snapshot } from 'posix-mmap/shared'
import { expect, it } from 'vitest'

const defined = [
  'ERR_SHARED_LAYOUT',
  'ERR_SHARED_FULL',
  // What a lock says that somebody has made unusable, or locked in the name of another or of this thread.
  'ERR_MUTEX_INCONSISTENT',
  'ETIMEDOUT',
  'EDEADLK',
  'EPERM',
]

/** The result of a call, or undefined after an error that is defined. */
function harmless<R>(call: () => R): R | undefined {
  try {
    return call()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined || !defined.includes(code)) throw error
    return undefined
  }
}

const capacity = 100
const options = { slots: 3, readers: 4 }
using sample = Snapshot.create(capacity, options)
const size = sample.memory.byteLength
const metadataBytes = size - 3 * 128

const hostileWord = fc.oneof(
  fc.integer(),
  fc.integer({ min: -3, max: 20 }),
  fc.constantFrom(0x7fffffff, -0x80000000, -1, 0x3fffffff, 0x40000000, 2, 3, 4),
)
const stores = fc.array(fc.tuple(fc.nat(metadataBytes / 4 - 1), hostileWord), { maxLength: 24 })

function use(snapshot: Snapshot): void {
  for (let round = 0; round < 3; round++) {
    const version = harmless(() => snapshot.version)
    if (version !== undefined) expect(Number.isSafeInteger(version)).toBe(true)
    const copy = harmless(() => snapshot.copy())
    if (copy !== undefined) expect(copy.length).toBeLessThanOrEqual(capacity)
    harmless(() => snapshot.read((bytes) => snapshot.publish(bytes, { timeout: 1 })))
    harmless(() => snapshot.publish('abc', { timeout: 1 }))
  }
}

it('words of the structure, before it is opened', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(stores, (words) => {
      const snapshot = Snapshot.create(capacity, options)
      snapshot.publish('abc')
      const all = snapshot.memory.view(Int32Array)
      for (const [index, value] of words) all[index] = value
      const attached = harmless(() => Snapshot.attach(snapshot.memory))
      if (attached !== undefined) {
        use(attached)
        attached.dispose()
      }
      snapshot.dispose()
    }),
    { numRuns: 150 },
  )
})

it('words of the structure, while it is used', { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(stores, stores, (first, second) => {
      const snapshot = Snapshot.create(capacity, options)
      const all = snapshot.memory.view(Int32Array)
      const scribble = (words: [number, number][]) => {
        for (const [index, value] of words) all[index] = value
      }
      snapshot.publish('abc')
      snapshot.copy()
      scribble(first)
      use(snapshot)
      harmless(() => snapshot.read(() => scribble(second)))
      harmless(() => snapshot.publishWith(3, () => scribble(first), { timeout: 1 }))
      use(snapshot)
      snapshot.dispose()
    }),
    { numRuns: 150 },
  )
})

it('memory that is cut short, by whoever has its name', () => {
  const name = `/posix-mmap-hostile-${process.pid}`
  const snapshot = Snapshot.create(1 << 16, { name, slots: 2, readers: 1 })
  SharedMemory.unlink(name)
  snapshot.publish(Buffer.alloc(1 << 16, 1))
  snapshot.copy()
  snapshot.memory.resize(4096)
  use(snapshot)
  snapshot.dispose()
})
