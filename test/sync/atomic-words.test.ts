// The instructions on words of a segment, in line where its memory can be shown to WebAssembly, and by
// Atomics where it cannot.

import { randomInt } from 'node:crypto'
import { cpSync, existsSync, ftruncateSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { pageSize, SharedMemory } from 'posix-mmap'
import { addSeals, Seals } from 'posix-mmap/posix'
import { MessageRing } from 'posix-mmap/shared'
import { describe, expect, it } from 'vitest'
import { atomic, placeOf } from '../../dist/internals.js'
import { scratchDirectory } from '../support/files.js'
import { projectRoot, runCommand, runForJson } from '../support/processes.js'

const scratch = scratchDirectory()

const tag = 0x74737401

function placeIn(memory: SharedMemory, offset = 0, byteLength = 64) {
  return placeOf({}, memory, offset, byteLength, tag)
}

const addressOf = ({ shown, offset }: ReturnType<typeof placeIn>) =>
  shown.address === 0 ? 0 : shown.address + offset

const isInLine = 'WebAssembly' in globalThis && !('Bun' in globalThis) && !('Deno' in globalThis)

describe.each([
  ['sealed', true],
  ['not sealed', false],
])('memory that is %s', (_, seal) => {
  it('is shown if it cannot fault', () => {
    using memory = SharedMemory.create(1024, { seal })
    expect(addressOf(placeIn(memory)) !== 0).toBe(seal && isInLine)
  })

  it('has the values that Atomics gives', () => {
    using memory = SharedMemory.create(3 * 65_536 + 4, { seal })
    const offsets = [0, 64, 65_536 - 64, 2 * 65_536, 3 * 65_536 + 4 - 64]
    const places = offsets.map((offset) => placeIn(memory, offset))
    const seen = memory.view(Int32Array)
    const model = new Int32Array(seen)
    const values = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]
    for (let i = 0; i < 2000; i++) {
      const which = randomInt(places.length)
      const place = places[which] as (typeof places)[number]
      // Not the tag, which is the first word.
      const at = 1 + randomInt(15)
      const index = (offsets[which] as number) / 4 + at
      const [value, other] = [values[randomInt(5)], values[randomInt(5)]] as [number, number]
      const name = (['load', 'store', 'exchange', 'compareExchange'] as const)[randomInt(4)]
      switch (name) {
        case 'load':
          expect(atomic.load(place, at)).toBe(model[index])
          break
        case 'store':
          atomic.store(place, at, value)
          model[index] = value
          break
        case 'exchange':
          expect(atomic.exchange(place, at, value)).toBe(model[index])
          model[index] = value
          break
        default:
          expect(atomic.compareExchange(place, at, value, other)).toBe(model[index])
          if (model[index] === value) model[index] = other
      }
      expect(seen[index]).toBe(model[index])
      // And the other way round.
      seen[index] = model[index] = value
      expect(atomic.load(place, at)).toBe(value)
    }
    expect(Buffer.from(seen.buffer).equals(Buffer.from(model.buffer))).toBe(true)
  })
})

it('memories are shown one beside the other, and none sees what another has', () => {
  const memories = Array.from({ length: 40 }, (_, i) => SharedMemory.create(64 + i * 9000))
  const places = memories.map((memory) => placeIn(memory))
  const lengths = new Map(
    places.map((place, i) => [addressOf(place), memories[i]?.byteLength ?? 0]),
  )
  const starts = [...lengths.keys()].filter((address) => address !== 0).sort((a, b) => a - b)
  for (const [i, start] of starts.entries()) {
    expect(start + (lengths.get(start) ?? 0)).toBeLessThanOrEqual(starts[i + 1] ?? 2 ** 32)
  }
  for (const [i, place] of places.entries()) atomic.store(place, 2, i)
  for (const [i, memory] of memories.entries()) {
    expect(memory.view(Int32Array, 0, 16)[2]).toBe(i)
    memory.unmap()
  }
})

it('words that a segment had later than its site are not looked for beside it', () => {
  using small = SharedMemory.create(65_536, { seal: false })
  addSeals(small.fd, Seals.SHRINK)
  const site = placeIn(small, 512)
  using neighbour = SharedMemory.create(2 * 65_536)
  placeIn(neighbour)
  const before = Buffer.from(neighbour.bytes())
  using made = MessageRing.create(2 * 65_536 - pageSize)
  ftruncateSync(small.fd, made.memory.byteLength)
  using large = SharedMemory.open(small.fd)
  large.write(0, Buffer.from(made.memory.bytes()))
  using ring = MessageRing.attach(large)
  for (let i = 0; i < 30; i++) {
    expect(ring.trySend(Buffer.alloc(8000, i))).toBe(true)
    expect(ring.tryReceive()).toEqual(new Uint8Array(8000).fill(i))
  }
  expect(before.equals(neighbour.bytes())).toBe(true)
  expect(addressOf(site) !== 0).toBe(isInLine)
})

it('every copy of the code in a thread has them', async () => {
  const { directory } = scratch
  cpSync(path.join(projectRoot, 'dist'), path.join(directory, 'dist'), { recursive: true })
  for (const part of ['package.json', 'build', 'prebuilds', 'node_modules']) {
    const from = path.join(projectRoot, part)
    if (existsSync(from)) symlinkSync(from, path.join(directory, part))
  }
  const program = `
    const copies = ['${projectRoot}/dist', '${directory}/dist', './dist']
    const given = []
    const descriptors = {}
    for (const copy of copies) {
      const { SharedMemory } = await import(copy + '/index.js')
      const { Mutex } = await import(copy + '/sync.js')
      const { Broadcast, MessageRing, SharedMap } = await import(copy + '/shared.js')
      const memoryOf = (name, make) => SharedMemory.open((descriptors[name] ??= make()).fd)
      const mutex = new Mutex(memoryOf('mutex', () => SharedMemory.create(1000)))
      given.push(mutex.tryLock())
      mutex.unlock()
      const ring = MessageRing.attach(memoryOf('ring', () => MessageRing.create(1000).memory))
      given.push(ring.trySend('sent'), Buffer.from(ring.tryReceive()).toString())
      ring.release()
      const broadcast = Broadcast.attach(memoryOf('broadcast', () => Broadcast.create(1000).memory))
      const subscription = broadcast.subscribe()
      given.push(broadcast.publish('published'), Buffer.from(subscription.tryReceive()).toString())
      const map = SharedMap.attach(memoryOf('map', () => SharedMap.create(10_000).memory))
      given.push(map.increment('key'))
      map[Symbol.dispose]()
    }
    console.log(JSON.stringify(given))`
  const once = [true, true, 'sent', true, 'published']
  expect(await runForJson(program)).toEqual([1, 2, 3].flatMap((count) => [...once, count]))
})

it('addresses are used again after a segment has gone', async () => {
  const program = `
    import { setFlagsFromString } from 'node:v8'
    import { runInNewContext } from 'node:vm'
    import { SharedMemory } from './dist/index.js'
    import { placeOf } from './dist/internals.js'
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc')
    const addresses = new Set()
    for (let i = 0; i < 300; i++) {
      const memory = SharedMemory.create(1 << 20)
      addresses.add(placeOf({}, memory, 0, 16, 1).shown.address)
      memory.view(Int32Array)[5] = 1
      memory.unmap()
      if (i % 10 === 9) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)) }
    }
    console.log(JSON.stringify(addresses.size))`
  expect(await runForJson(program)).toBeLessThan(100)
})

// Each in a process that has less of something.
it.each([
  ['without WebAssembly', 'node', ['--jitless']],
  ['without room for its guarded addresses', 'prlimit', ['--as=6000000000', 'node']],
])('locks work %s', async (_, command, args) => {
  const program = `
    import { SharedMemory } from './dist/index.js'
    import { Mutex } from './dist/sync.js'
    const memory = SharedMemory.create(1024)
    const mutex = new Mutex(memory)
    const words = memory.view(Int32Array)
    for (let i = 0; i < 1e4; i++) mutex.withLockSync(() => words[9]++)
    console.log(words[9])`
  const node = (name: string) => (name === 'node' ? process.execPath : name)
  const all = [command, ...args, '--input-type=module', '-e', program].map(node)
  const { code, signal, stdout } = await runCommand(...(all as [string, ...string[]]))
  expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: '10000\n' })
})
