// A ring in whose memory another process has written whatever it liked.

import fc from 'fast-check'
import { pageSize } from 'posix-mmap'
import { MessageRing } from 'posix-mmap/shared'
import { expect, it } from 'vitest'

const allowed = ['ERR_SHARED_LAYOUT', 'ERR_MUTEX_INCONSISTENT', 'ERR_INVALID_STATE']
// Of a ring that the words say is closed, or has a producer already, or is this thread's.
const ofThoseWords = ['EPIPE', 'EBUSY', 'EDEADLK', 'EPERM']

it.each(['many', 'single'] as const)('survives any words, with %s producers', (producers) => {
  const word = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.constantFrom(0, 1, -1, pageSize, 8, 2 ** 30, -(2 ** 31), 0x40000001),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2 * pageSize), word), { maxLength: 40 }), (stores) => {
      const ring = MessageRing.create(pageSize, { producers })
      const words = ring.memory.view(Int32Array)
      const first = words.length - pageSize / 4
      // The words of both sides, and the first records.
      const places = [20, 21, 36, 48, 17, 33, first, first + 1, first + 2, first + 3]
      for (const [at, value] of stores) {
        words[places[at % 16] ?? at % words.length] = value
        for (const use of [
          () => ring.trySend('message'),
          () => ring.tryReceive()?.fill(1),
          () => ring.reserve(at % 100)?.fill(2),
          () => ring.commit(),
          () => ring.release(),
          () => ring.sendSync('message', 1),
          () => ring.receiveSync(1),
          () => ring.closed,
        ]) {
          try {
            use()
          } catch (error) {
            const { code } = error as NodeJS.ErrnoException
            if (![...allowed, ...ofThoseWords].includes(code ?? '')) throw error
          }
        }
      }
      try {
        ring[Symbol.dispose]()
      } catch (error) {
        expect([...allowed, ...ofThoseWords]).toContain((error as NodeJS.ErrnoException).code)
      }
      expect(ring.memory.closed).toBe(true)
    }),
    { numRuns: 60 },
  )
})

it('gives the memory back when to leave the damaged words throws', () => {
  const ring = MessageRing.create(pageSize)
  ring.trySend('message')
  ring.tryReceive()
  ring.memory.view(Int32Array).fill(0, 16)
  expect(() => ring[Symbol.dispose]()).toThrow(/lock/)
  expect(ring.memory.closed).toBe(true)
})
