// What Snapshot promises to whoever calls it, in one process.

import { Buffer } from 'node:buffer'
import { SharedMemory } from 'posix-mmap'
import { Snapshot } from 'posix-mmap/shared'
import { afterAll, expect, it } from 'vitest'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  thrownBy,
  untyped,
} from '../../support/errors.js'

const layoutError = expect.objectContaining({ code: 'ERR_SHARED_LAYOUT' })
const full = expect.objectContaining({ code: 'ERR_SHARED_FULL' })
const text = (snapshot: Snapshot) => snapshot.read((bytes) => Buffer.from(bytes).toString())

const made: Snapshot[] = []
afterAll(() => {
  for (const snapshot of made) snapshot[Symbol.dispose]()
})
function create(...args: Parameters<typeof Snapshot.create>): Snapshot {
  const snapshot = Snapshot.create(...args)
  made.push(snapshot)
  return snapshot
}

it('is empty before the first publish', () => {
  const snapshot = create(10)
  expect(snapshot.version).toBe(0)
  expect(snapshot.copy()).toBeUndefined()
  expect(snapshot.read(() => 1)).toBeUndefined()
})

it('shows what was published last', () => {
  const snapshot = create(10)
  expect(snapshot.publish('äb')).toBe(1)
  expect(text(snapshot)).toBe('äb')
  for (let round = 2; round < 50; round++) {
    const bytes = new Uint8Array(round % 11).fill(round)
    expect(snapshot.publish(bytes)).toBe(round)
    expect(snapshot.version).toBe(round)
    expect(snapshot.copy()).toEqual(Buffer.from(bytes))
    expect(snapshot.read((_, version) => version)).toBe(round)
  }
})

it('fills in place, and publishes nothing when that fails', () => {
  const snapshot = create(4)
  expect(snapshot.publishWith(2, (target) => target.set([1, 2]))).toBe(1)
  const broken = new Error('no')
  const fails = () => {
    throw broken
  }
  expect(thrownBy(() => snapshot.publishWith(2, fails))).toBe(broken)
  expect(
    thrownBy(() =>
      snapshot.publishWith(
        2,
        untyped(async () => {}),
      ),
    ),
  ).toEqual(invalidValue)
  const nested = () => snapshot.publishWith(1, () => snapshot.publish('x'))
  expect(thrownBy(nested)).toEqual(expect.objectContaining({ code: 'EDEADLK' }))
  expect(snapshot.version).toBe(1)
  expect(snapshot.copy()).toEqual(Buffer.from([1, 2]))
  expect(snapshot.publish('')).toBe(2)
  expect(snapshot.copy()).toEqual(Buffer.alloc(0))
})

it('keeps what a body reads, however much is published within it', () => {
  const snapshot = create(4, { slots: 3 })
  snapshot.publish('a')
  snapshot.read((outer) => {
    for (let round = 0; round < 10; round++) snapshot.publish(`b${round}`)
    snapshot.read((inner) => {
      expect(Buffer.from(inner).toString()).toBe('b9')
      snapshot.publish('c')
      expect(thrownBy(() => snapshot.publish('d'))).toEqual(full)
      expect(Buffer.from(inner).toString()).toBe('b9')
    })
    expect(Buffer.from(outer).toString()).toBe('a')
    expect(text(snapshot)).toBe('c')
    snapshot.publish('e')
  })
  snapshot.publish('f')
  expect(text(snapshot)).toBe('f')
})

it('lets go of what a body held that threw', () => {
  const snapshot = create(4, { slots: 2 })
  for (let round = 0; round < 5; round++) {
    snapshot.publish(String(round))
    const fails = () => {
      throw round
    }
    expect(thrownBy(() => snapshot.read(fails))).toBe(round)
  }
})

it('holds until the promise of a body is settled', async () => {
  const snapshot = create(4, { slots: 2 })
  snapshot.publish('a')
  let end = () => {}
  const wait = new Promise<void>((resolve) => {
    end = resolve
  })
  const reading = snapshot.read(async (bytes) => {
    await wait
    return Buffer.from(bytes).toString()
  })
  snapshot.publish('b')
  expect(thrownBy(() => snapshot.publish('c'))).toEqual(full)
  end()
  expect(await reading).toBe('a')
  snapshot.publish('c')
  const failing = snapshot.read(() => Promise.reject(new Error('late')))
  await expect(failing).rejects.toThrow('late')
  for (const letter of 'def') snapshot.publish(letter)
})

it('waits for a slot no longer than it is told, and not for readers of its own', () => {
  const snapshot = create(4, { slots: 2 })
  const other = Snapshot.attach(snapshot.memory)
  snapshot.publish('a')
  other.read(() => {
    snapshot.publish('b')
    expect(thrownBy(() => snapshot.publish('c', { timeout: 60_000 }))).toEqual(full)
  })
  snapshot.publish('c')
  other.dispose()
})

it('has as many readers as it was made for, and more when some have gone', () => {
  const snapshot = create(4, { readers: 1 })
  snapshot.publish('a')
  expect(text(snapshot)).toBe('a')
  const other = Snapshot.attach(snapshot.memory)
  expect(other.version).toBe(1)
  expect(thrownBy(() => other.copy())).toEqual(full)
  const third = Snapshot.attach(snapshot.memory)
  expect(thrownBy(() => third.copy())).toEqual(full)
})

it('gives its entry back when it is disposed of', () => {
  const memory = create(4, { readers: 1 }).memory
  for (let round = 0; round < 5; round++) {
    using snapshot = Snapshot.attach(memory)
    snapshot.publish('a')
    expect(text(snapshot)).toBe('a')
  }
  expect(memory.closed).toBe(false)
})

it('counts versions beyond 32 bits', () => {
  const snapshot = create(4)
  snapshot.publish('a')
  const words = snapshot.memory.view(Int32Array)
  for (const [low, high] of [
    [-1, 0],
    [-1, 7],
  ] as const) {
    // What the slots hold begins 320 bytes into the memory, 64 bytes for each.
    for (let slot = 0; slot < 4; slot++) words.set([low, high], (320 + 64 * slot) / 4)
    const next = (high + 1) * 2 ** 32
    expect(snapshot.publish('b')).toBe(next)
    expect(snapshot.version).toBe(next)
    expect(snapshot.read((_, version) => version)).toBe(next)
  }
})

it('goes by name', () => {
  const name = `/posix-mmap-snapshot-${process.pid}`
  const snapshot = create(4, { name })
  snapshot.publish('a')
  const other = Snapshot.open(name)
  expect(text(other)).toBe('a')
  SharedMemory.unlink(name)
  other.dispose()
  expect(other.memory.closed).toBe(true)
})

it('tells of changes', async () => {
  const snapshot = create(4)
  const controller = new AbortController()
  const changes = snapshot.changes({ signal: controller.signal })
  snapshot.publish('a')
  snapshot.publish('b')
  expect(await changes.next()).toEqual({ done: false, value: 2 })
  const next = changes.next()
  setTimeout(() => snapshot.publish('c'), 20)
  expect(await next).toEqual({ done: false, value: 3 })
  const reason = new Error('enough')
  const last = changes.next()
  controller.abort(reason)
  await expect(last).rejects.toBe(reason)
  await expect(snapshot.changes({ signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)
  const ends = snapshot.changes().next()
  snapshot.dispose()
  expect(await ends).toEqual({ done: true, value: undefined })
})

it('is closed after dispose(), and when its memory is unmapped', () => {
  const uses = (snapshot: Snapshot): (() => unknown)[] => [
    () => snapshot.read(() => 1),
    () => snapshot.copy(),
    () => snapshot.publish('a'),
    () => snapshot.version,
    () => snapshot.changes(),
  ]
  const disposed = create(4)
  disposed.publish('a')
  disposed.copy()
  disposed.dispose()
  disposed[Symbol.dispose]()
  for (const use of uses(disposed)) expect(thrownBy(use)).toEqual(mappingClosed)
  const unmapped = create(4)
  unmapped.publish('a')
  unmapped.copy()
  unmapped.memory.unmap()
  for (const use of uses(unmapped)) expect(thrownBy(use)).toEqual(mappingClosed)
  const inside = create(4)
  inside.publish('a')
  inside.read(() => inside.dispose())
  const filling = create(4)
  const disposes = () => filling.publishWith(1, () => filling.dispose())
  expect(thrownBy(disposes)).toEqual(mappingClosed)
})

it('goes on when its buffer was transferred', ({ skip }) => {
  const transfer: unknown = Reflect.get(ArrayBuffer.prototype, 'transfer')
  if (typeof transfer !== 'function') skip('this Node has no ArrayBuffer.prototype.transfer()')
  const snapshot = create(4)
  snapshot.publish('ab')
  expect(text(snapshot)).toBe('ab')
  const { buffer } = snapshot.memory
  const taken: unknown = Reflect.apply(transfer as () => ArrayBuffer, buffer, [])
  expect(buffer.byteLength).toBe(0)
  expect(text(snapshot)).toBe('ab')
  snapshot.publish('cd')
  expect(text(snapshot)).toBe('cd')
  expect(taken).toBeInstanceOf(ArrayBuffer)
})

it('checks its arguments', () => {
  const snapshot = create(4)
  const wrong: [unknown, () => unknown][] = [
    [invalidType, () => Snapshot.create(untyped('4'))],
    [outOfRange, () => Snapshot.create(-1)],
    [outOfRange, () => Snapshot.create(2 ** 53 - 1)],
    [invalidValue, () => Snapshot.create(0)],
    [outOfRange, () => Snapshot.create(4, { slots: 1 })],
    [outOfRange, () => Snapshot.create(4, { slots: 15 })],
    [outOfRange, () => Snapshot.create(4, { readers: 0 })],
    [outOfRange, () => Snapshot.create(4, { readers: 65537 })],
    [invalidType, () => Snapshot.create(4, untyped(null))],
    [invalidType, () => Snapshot.attach(untyped({}))],
    [invalidValue, () => Snapshot.attach(snapshot.memory.readOnly())],
    [invalidType, () => snapshot.publish(untyped(1))],
    [invalidType, () => snapshot.publish(untyped(new Uint16Array(1)))],
    [outOfRange, () => snapshot.publish('12345')],
    [outOfRange, () => snapshot.publishWith(5, () => {})],
    [outOfRange, () => snapshot.publishWith(-1, () => {})],
    [invalidType, () => snapshot.publishWith(1, untyped(1))],
    [invalidType, () => snapshot.publish('a', { timeout: untyped('1') })],
    [invalidType, () => snapshot.read(untyped(1))],
    [invalidType, () => snapshot.changes({ signal: untyped(1) })],
    [invalidType, () => snapshot.changes(untyped(1))],
  ]
  for (const [error, call] of wrong) expect(thrownBy(call)).toEqual(error)
  expect(snapshot.version).toBe(0)
  expect(thrownBy(() => Reflect.construct(Snapshot, []))).toMatchObject({
    code: 'ERR_ILLEGAL_CONSTRUCTOR',
  })
})

it('refuses what is not its own', () => {
  const refused = (memory: SharedMemory) => {
    expect(thrownBy(() => Snapshot.attach(memory))).toEqual(layoutError)
    memory.unmap()
  }
  refused(SharedMemory.create(8))
  refused(SharedMemory.create(4096))
  // Each word that the header has, one after the other.
  const { memory } = create(100)
  for (const word of [0, 1, 2, 4, 5, 6, 7, 8, 9]) {
    const copy = SharedMemory.create(memory.byteLength)
    copy.bytes().set(memory.bytes())
    expect(Snapshot.attach(copy).version).toBe(0)
    const words = copy.view(Int32Array)
    words[word] = (words[word] ?? 0) + 1000
    refused(copy)
  }
})
