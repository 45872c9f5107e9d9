// What the garbage collector may take, and what it costs.

import { describe, expect, it } from 'vitest'
import { runForJson } from '../support/harness.js'

const head = `
  import { setTimeout as delay } from 'node:timers/promises'
  import { mapAnonymous, pageSize } from 'posix-mmap'
  import { native } from './dist/native.js'
  const collect = async () => { for (let i = 0; i < 8; i++) { globalThis.gc?.(); await delay(5) } }
  const live = () => native.regionCounts()[0]
`

describe('a mapping that nobody refers to', () => {
  it.each([
    ['was never looked at', ''],
    ['gave out its buffer', 'mapping.buffer'],
    ['gave out views', 'mapping.bytes(); mapping.dataView(); mapping.asBuffer()'],
    ['faulted', "mapping.protect('none'); mapping.bytes()[0]"],
    ['was unmapped', 'mapping.buffer; mapping.unmap()'],
  ])('goes when it %s', async (_name, use) => {
    const seen = await runForJson(
      `${head}
      const use = () => { const mapping = mapAnonymous(pageSize); ${use} }
      for (let i = 0; i < 100; i++) use()
      await collect()
      console.log(JSON.stringify(live()))`,
      '--expose-gc',
    )
    expect(seen).toBe(0)
  })

  it('goes although its listener refers to other things', async () => {
    const seen = await runForJson(
      `${head}
      for (let i = 0; i < 100; i++) { const big = new Array(1000); mapAnonymous(1, { onFault: () => big }) }
      await collect()
      console.log(JSON.stringify(live()))`,
      '--expose-gc',
    )
    expect(seen).toBe(0)
  })

  it.each(['mapping.buffer', 'mapping.bytes(1, 2)', 'mapping.dataView()', 'mapping.asBuffer(5)'])(
    'stays while there is %s',
    async (view) => {
      const seen = await runForJson(
        `${head}
        const make = () => { const mapping = mapAnonymous(pageSize); mapping.bytes().fill(8); return ${view} }
        let kept = make()
        await collect()
        const bytes = kept instanceof ArrayBuffer ? new Uint8Array(kept) : new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength)
        const right = bytes.every((byte) => byte === 8)
        const before = live()
        console.log(JSON.stringify({ right, before, length: kept.byteLength > 0 }))`,
        '--expose-gc',
      )
      expect(seen).toEqual({ right: true, before: 1, length: true })
    },
  )
})

it('large mappings with explicit unmap cost little more than small ones', async () => {
  // Counted in one process, interleaved, the best of five rounds each: machines are noisy.
  const seen = await runForJson(`${head}
    const heap = Array.from({ length: 220 }, () => Array.from({ length: 1 << 14 }, (_, i) => ({ i })))
    const cycles = (length) => {
      const start = performance.now()
      for (let i = 0; i < 100; i++) {
        const mapping = mapAnonymous(length, { noReserve: true })
        mapping.bytes()[0] = 1
        mapping.unmap()
      }
      return performance.now() - start
    }
    const small = [], large = []
    for (let round = 0; round < 5; round++) {
      small.push(cycles(4096)); await collect()
      large.push(cycles(2 ** 30)); await collect()
    }
    console.log(JSON.stringify({ small: Math.min(...small), large: Math.min(...large), heap: heap.length }))`)
  const { small, large } = seen as { small: number; large: number }
  console.log(`100 mappings: 4 KiB ${small.toFixed(1)} ms, 1 GiB ${large.toFixed(1)} ms`)
  expect(large).toBeLessThan(1.5 * small + 100 * 5)
})
