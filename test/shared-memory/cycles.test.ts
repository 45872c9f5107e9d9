// Many cycles of making and unmapping shared memory leave nothing, in the main thread and in workers.

import { describe, expect, it } from 'vitest'
import { runForJson } from '../support/processes.js'

const head = `
  import fs from 'node:fs'
  import { pageSize, SharedMemory, withShared } from 'posix-mmap'
  import { native } from './dist/internals.js'
  const label = 'cycles-' + process.pid
  const lines = (path) => fs.readFileSync(path, 'utf8').split('\\n')
  const traces = () => ({
    descriptors: fs.readdirSync('/proc/self/fd').length,
    regions: native.regionCounts()[0],
    mapped: lines('/proc/self/maps').filter((line) => line.includes(label)).length,
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
`

describe('10,000 cycles of', () => {
  const name = "const name = label + '.' + cycle;"
  it.each([
    ['create and unmap', 'SharedMemory.create(pageSize, { label }).unmap()'],
    [
      'create, a view and unmap',
      'const memory = SharedMemory.create(pageSize, { label }); memory.bytes()[0] = 1; memory.unmap()',
    ],
    [
      'create, open and unlink by a name',
      `${name} const made = SharedMemory.create(pageSize, { name }); const opened = SharedMemory.open(name);
       SharedMemory.unlink(name); made.unmap(); opened.unmap()`,
    ],
    [
      'readOnly',
      'const memory = SharedMemory.create(pageSize, { label }); const reader = memory.readOnly(); ' +
        'if (reader.bytes()[0] !== 0) throw new Error(); reader.unmap(); memory.unmap()',
    ],
    [
      'withShared',
      "const memory = SharedMemory.create(pageSize, { label }); withShared({ ['key' + cycle]: memory }); memory.unmap()",
    ],
  ])('%s leave nothing and take no memory', { timeout: 120_000 }, async (_name, body) => {
    const seen = (await runForJson(
      `${head}
      // The first mapping of a process opens /proc/self/maps, to count its kernel mappings.
      SharedMemory.create(1).unmap()
      gc()
      await turn()
      const before = traces()
      const cycles = async (count) => {
        for (let cycle = 0; cycle < count; cycle++) {
          ${body}
          if (cycle % 100 === 0) await turn()
        }
        for (let i = 0; i < 5; i++) { gc(); await turn() }
      }
      await cycles(2_000)
      // Without V8's heap, since the collector decides how much of it is resident.
      const outside = () => { const { rss, heapTotal } = process.memoryUsage(); return rss - heapTotal }
      const early = [outside(), process.memoryUsage().heapUsed]
      await cycles(10_000)
      const grown = Math.max(outside() - early[0], process.memoryUsage().heapUsed - early[1]) / 1e6
      console.log(JSON.stringify({ before, after: traces(), grown, name: process.env.POSIX_MMAP_SHARED?.length ?? 0 }))`,
      '--expose-gc',
    )) as Record<'before' | 'after', object> & Record<'grown' | 'name', number>
    expect(seen.after).toEqual(seen.before)
    // A page left by each cycle would be 40 MB.
    expect(seen.grown).toBeLessThan(20)
    expect(seen.name).toBeLessThan(10_000)
  })
})

describe('worker threads', () => {
  const storm = `
    const kept = []
    for (let turn = 0; ; turn++) {
      const memory = SharedMemory.create(pageSize, { label })
      const reader = memory.readOnly()
      const other = SharedMemory.open(fd)
      Atomics.add(other.view(Int32Array), 0, 1)
      if (turn % 50 === 0 && kept.length < 100) kept.push(memory, reader, other)
      else for (const each of [memory, reader, other]) each.unmap()
    }`
  const holding = `
    globalThis.kept = [SharedMemory.create(pageSize, { label }), SharedMemory.open(fd)]
    kept[1].bytes()[index] = 7`

  const workers = (source: string) => `${head}
    import { Worker } from 'node:worker_threads'
    import { setTimeout as delay } from 'node:timers/promises'
    const table = SharedMemory.create(pageSize, { label })
    const source = \`
      const { SharedMemory, pageSize } = require('posix-mmap')
      const { parentPort, workerData: { fd, label, index } } = require('node:worker_threads')
      parentPort.postMessage('ready')
      \` + ${JSON.stringify(source)}
    const start = (index) =>
      new Worker(source, { eval: true, execArgv: [], workerData: { fd: table.fd, label, index } })
    const seen = (worker, event) => new Promise((resolve) => worker.once(event, resolve))
    // The first worker opens descriptors that stay open for all workers.
    const first = new Worker('', { eval: true, execArgv: [] })
    await seen(first, 'exit')
    const before = traces()`

  it('that are terminated in the middle of it leave no descriptor and no mapping', {
    timeout: 240_000,
  }, async () => {
    const seen = await runForJson(`${workers(storm)}
      for (let round = 0; round < 20; round++) {
        const started = [0, 1, 2].map(start)
        // Terminated only now: Node aborts when a worker is stopped while it loads a module by
        // require().
        await Promise.all(started.map((worker) => seen(worker, 'message')))
        await delay(round * 6)
        await Promise.all(started.map((worker) => worker.terminate()))
      }
      console.log(JSON.stringify([table.view(Int32Array)[0] > 0, before, traces()]))`)
    const [counted, before, after] = seen as unknown[]
    expect(counted).toBe(true)
    expect(after).toEqual(before)
  })

  it('that end with memory of their own free it, and not that of others', async () => {
    const seen = await runForJson(`${workers(holding)}
      for (let i = 0; i < 10; i++) await seen(start(i), 'exit')
      console.log(JSON.stringify([table.bytes().subarray(0, 11).join(''), before, traces()]))`)
    const [bytes, before, after] = seen as unknown[]
    expect(bytes).toBe('77777777770')
    expect(after).toEqual(before)
  })
})
