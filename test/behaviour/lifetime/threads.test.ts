// Worker threads and processes that end while they use mappings.

import { describe, expect, it } from 'vitest'
import { run, runForJson } from '../../support/processes.js'

const head = `
  import fs from 'node:fs'
  import { Worker } from 'node:worker_threads'
  import { setTimeout as delay } from 'node:timers/promises'
  const start = (source, options) =>
    new Worker("const { mapAnonymous, mapFile, pageSize } = require('posix-mmap');" + source,
      { eval: true, execArgv: [], ...options })
  const ended = (worker) => new Promise((resolve) => worker.once('exit', resolve))
  const mapped = (path) => fs.readFileSync('/proc/self/maps', 'utf8').split(path).length - 1
  const file = '/tmp/posix-mmap-threads-' + process.pid
  fs.writeFileSync(file, Buffer.alloc(1 << 16, 1))
  process.on('exit', () => fs.rmSync(file, { force: true }))
`

describe('a worker that ends', () => {
  it.each([
    ['with mappings open', ''],
    ['by process.exit()', 'process.exit(0)'],
    ['by an exception', "setImmediate(() => { throw new Error('expected') })"],
    [
      'with views only',
      'globalThis.kept = kept.map((mapping) => mapping.bytes()); kept.length = 0',
    ],
  ])('%s leaves nothing mapped', async (_name, end) => {
    const seen = await runForJson(`${head}
      for (let i = 0; i < 4; i++) {
        const worker = start("const kept = Array.from({ length: 50 }, () => mapFile('" + file + "')); " +
          "for (const mapping of kept) mapping.bytes()[0]; globalThis.all = kept;" + ${JSON.stringify(end)})
        worker.on('error', () => {})
        await ended(worker)
      }
      console.log(JSON.stringify(mapped(file)))`)
    expect(seen).toBe(0)
  })

  it('was the only one to load the addon, and leaves nothing', async () => {
    const seen = await runForJson(`${head}
      let sum = 0
      for (let i = 0; i < 5; i++) {
        const worker = start(\`
          const { parentPort } = require('node:worker_threads')
          const mapping = mapFile('\${file}')
          mapping.protect('none')
          mapping.bytes()[0]
          parentPort.postMessage(mapping.fault.count)\`)
        worker.on('message', (count) => (sum += count))
        await ended(worker)
      }
      console.log(JSON.stringify({ sum, mapped: mapped(file) }))`)
    expect(seen).toEqual({ sum: 5, mapped: 0 })
  })
})

describe('terminate()', () => {
  const storm = (loop: string) => `${head}
    const source = "const { parentPort } = require('node:worker_threads'); const fd = require('node:fs').openSync('" +
      file + "'); const kept = []; let turn = 0; parentPort.postMessage('ready');" + ${JSON.stringify(loop)}
    for (let round = 0; round < 20; round++) {
      const workers = Array.from({ length: 3 }, () => start(source))
      // Terminated only now: Node aborts when a worker is stopped while it loads a module by
      // require().
      await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))))
      await delay(round * 6)
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
    console.log(JSON.stringify(mapped(file)))`

  it('in the middle of a loop that maps and unmaps leaves nothing mapped', async () => {
    const left = await runForJson(
      storm(`for (;;) {
        const mapping = mapFile(fd)
        mapping.bytes()[0] = 1
        if (turn++ % 50 === 0 && kept.length < 100) kept.push(mapping)
        else mapping.unmap()
      }`),
    )
    expect(left).toBe(0)
  })

  it('in the middle of a loop that drops mappings leaves few', async () => {
    const left = await runForJson(
      storm('for (; turn < 20_000; turn++) mapFile(fd).bytes()[0]; for (;;) mapFile(fd).unmap()'),
    )
    // Memory whose buffer was collected but not finalised must stay: a thread to which it was
    // transferred may use it.
    expect(left).toBeLessThan(60 * 2_000)
  })
})

describe('a process that ends', () => {
  const busy = `
    import fs from 'node:fs'
    import zlib from 'node:zlib'
    import { mapAnonymous } from 'posix-mmap'
    const mappings = Array.from({ length: 100 }, () => mapAnonymous(1 << 20, { onFault: () => {} }))
    for (const mapping of mappings) zlib.gzip(mapping.bytes(), () => {})
    for (const mapping of mappings.slice(0, 50)) mapping.unmap()
    mappings[60].protect('none')
    mappings[60].bytes()[0]`

  it.each([
    ['by process.exit()', 'process.exit(3)', { code: 3, signal: null }],
    ['by an uncaught exception', "throw new Error('expected')", { code: 1, signal: null }],
    [
      'by an unhandled rejection',
      "await Promise.reject(new Error('expected'))",
      { code: 1, signal: null },
    ],
    [
      'by SIGTERM',
      "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 5000)",
      { code: null, signal: 'SIGTERM' },
    ],
    ['by itself', '', { code: 0, signal: null }],
  ])('%s ends with the same code or signal as without mappings', async (_name, end, expected) => {
    expect(await run(`${busy}\n${end}`)).toMatchObject(expected)
  })
})
