// The addresses that wait for the garbage collector are bounded, even while the event loop is
// blocked.

import { describe, expect, it } from 'vitest'
import { runForJson, scriptHelpers } from '../../support/processes.js'

const head = `${scriptHelpers}
  import { execFileSync } from 'node:child_process'
  import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
  const addressSpace = () => Number(fs.readFileSync('/proc/self/statm', 'utf8').split(' ')[0]) * pageSize
`
const GiB = 2 ** 30
// The matrix runs this test a dozen times, and then fewer repetitions are enough.
const share = process.env['POSIX_MMAP_TEST_QUICK'] === undefined ? 1 : 0.1

describe('a loop of map and unmap without a turn of the event loop', () => {
  it.each([
    ['a million small mappings', 1_000_000 * share, 1, 'unlimited'],
    // Without RLIMIT_AS a process has 128 TiB of addresses, and using those up takes half a minute.
    ['mappings of 1 GiB, more than the address space holds', 40_000, GiB, 32_768 * GiB],
  ])('%s', { timeout: 300_000 }, async (_name, cycles, length, addresses) => {
    const seen = await runForJson(
      `${head}
      execFileSync('prlimit', ['--pid', process.pid, '--as=${addresses}'])
      let most = 0
      for (let i = 0; i < ${cycles}; i++) {
        const mapping = mapAnonymous(${length}, { noReserve: true })
        if (mapping.buffer.byteLength !== ${length}) throw new Error('no buffer')
        mapping.unmap()
        if (i % 100 === 0) most = Math.max(most, native.regionCounts()[0])
      }
      const grown = addressSpace()
      await collect()
      console.log(JSON.stringify({ most, grown, left: native.regionCounts() }))`,
      '--expose-gc',
    )
    const { most, grown, left } = seen as { most: number; grown: number; left: number[] }
    expect(left).toEqual([0, 0])
    // Far below the 65,530 kernel mappings that a process may have, and below all of its addresses.
    expect(most).toBeLessThan(20_000)
    expect(grown).toBeLessThan(20_000 * GiB)
  })

  it('keeps addresses that are still referred to, and releases the others', async () => {
    const seen = await runForJson(
      `${head}
      const kept = []
      for (let i = 0; i < 30000; i++) {
        const mapping = mapAnonymous(1)
        if (i % 3 === 0) kept.push(mapping.buffer)
        else mapping.buffer
        mapping.unmap()
      }
      await collect()
      const held = native.regionCounts()[0]
      kept.length = 0
      await collect()
      console.log(JSON.stringify({ held, left: native.regionCounts() }))`,
      '--expose-gc',
    )
    expect(seen).toEqual({ held: 10000, left: [0, 0] })
  })
})

describe('at the limit of kernel mappings', () => {
  it('the error says how many mappings there are, and the process goes on', async () => {
    const seen = await runForJson(`${head}
      const open = []
      let error
      const file = '/dev/shm/posix-mmap-limit-' + process.pid
      fs.writeFileSync(file, 'x')
      const fd = fs.openSync(file)
      fs.rmSync(file)
      try { for (;;) open.push(mapFile(fd)) } catch (e) { error = e }
      const count = open.length
      const garbage = Array.from({ length: 100_000 }, (_, i) => ({ i, text: 'x' + i }))
      for (const mapping of open) mapping.unmap()
      const again = mapAnonymous(pageSize).read(0, 1)[0]
      console.log(JSON.stringify({ code: error.code, syscall: error.syscall, again, many: count > 30000,
        message: error.message.includes(count + 1 + ' mappings') || error.message.includes(count + ' mappings'), garbage: garbage.length }))`)
    expect(seen).toEqual({
      code: 'ENOMEM',
      syscall: 'mmap',
      again: 0,
      many: true,
      message: true,
      garbage: 100_000,
    })
  })
})
