// The instructions on words of a segment, in line where its memory can be shown to WebAssembly, and by
// Atomics where it cannot.

import { randomInt } from 'node:crypto'
import { SharedMemory } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { atomic, placeOf } from '../../dist/internals.js'
import { runCommand, runForJson } from '../support/processes.js'

const tag = 0x74737401

function placeIn(memory: SharedMemory, offset = 0, byteLength = 64) {
  return placeOf({}, memory, offset, byteLength, tag)
}

const isInLine = 'WebAssembly' in globalThis && !('Bun' in globalThis) && !('Deno' in globalThis)

describe.each([
  ['sealed', true],
  ['not sealed', false],
])('memory that is %s', (_, seal) => {
  it('is shown if it cannot fault', () => {
    using memory = SharedMemory.create(1024, { seal })
    expect(placeIn(memory).address !== 0).toBe(seal && isInLine)
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
  const lengths = new Map(places.map(({ address }, i) => [address, memories[i]?.byteLength ?? 0]))
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
      addresses.add(placeOf({}, memory, 0, 16, 1).address)
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
