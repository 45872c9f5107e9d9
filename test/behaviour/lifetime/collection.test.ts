// What the garbage collector may free, and how much time it takes.

import { describe, expect, it } from 'vitest'
import { runForJson, scriptHelpers } from '../../support/processes.js'

const head = `${scriptHelpers}
  import { mapAnonymous, pageSize } from 'posix-mmap'
`

describe('a mapping that nobody refers to', () => {
  it.each([
    ['was never looked at', ''],
    ['gave out its buffer', 'mapping.buffer'],
    ['gave out views', 'mapping.bytes(); mapping.dataView(); mapping.asBuffer()'],
    ['faulted', "mapping.protect('none'); mapping.bytes()[0]"],
    ['was unmapped', 'mapping.buffer; mapping.unmap()'],
  ])('is collected when it %s', async (_name, use) => {
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

  it('is collected although its listener refers to other things', async () => {
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

it('unmap() takes large mappings off the account of the garbage collector at once', async () => {
  const seen = await runForJson(`${head}
    import { PerformanceObserver, constants } from 'node:perf_hooks'
    const heap = Array.from({ length: 220 }, () => Array.from({ length: 1 << 14 }, (_, i) => ({ i })))
    let major = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major++
      }
    }).observe({ entryTypes: ['gc'] })
    const accounted = () => process.memoryUsage().external
    const before = accounted()
    let during = Infinity, after = 0
    const start = performance.now()
    for (let i = 0; i < 100; i++) {
      const mapping = mapAnonymous(2 ** 30, { noReserve: true })
      mapping.bytes()[0] = 1
      during = Math.min(during, accounted() - before)
      mapping.unmap()
      after = Math.max(after, accounted() - before)
    }
    const took = performance.now() - start
    await delay(10)
    console.log(JSON.stringify({ during, after, took, major, heap: heap.length }))`)
  const { during, after, took, major } = seen as Record<string, number>
  console.log(`100 mappings of 1 GiB: ${took?.toFixed(0)} ms, ${major} major collections`)
  expect(during).toBeGreaterThanOrEqual(2 ** 30 - (1 << 24))
  expect(after).toBeLessThan(1 << 24)
})
