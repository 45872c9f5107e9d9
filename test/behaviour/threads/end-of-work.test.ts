// Long work in native code ends with its thread: worker.terminate(), process.exit(), node:vm's timeout.

import { describe, expect, it } from 'vitest'
import { run, runForJson } from '../../support/processes.js'

const lengths = 'const GiB = 2 ** 30, TiB = 2 ** 40'

/** Each takes seconds or minutes from end to end, and little memory in the first tenths of one. */
const work: Record<string, string> = {
  'indexOf()': 'mapAnonymous(400 * GiB, { noReserve: true }).indexOf(1)',
  'lastIndexOf()': 'mapAnonymous(400 * GiB, { noReserve: true }).lastIndexOf(1)',
  'lines()': '[...mapAnonymous(400 * GiB, { noReserve: true }).lines({ encoding: null })]',
  'populateSync()': 'mapAnonymous(400 * GiB, { noReserve: true }).populateSync()',
  "advise('populate-read')": "mapAnonymous(400 * GiB, { noReserve: true }).advise('populate-read')",
  'residency()': 'mapAnonymous(4 * TiB, { noReserve: true }).residency()',
  'write() of gigabytes':
    'const long = mapAnonymous(3 * GiB, { noReserve: true }); long.write(GiB, long.bytes(0, 2 * GiB))',
  'readInto() of gigabytes':
    'mapAnonymous(3 * GiB, { noReserve: true }).readInto(mapAnonymous(3 * GiB, { noReserve: true }).bytes())',
  'a stream whose chunks are gigabytes':
    'mapAnonymous(3 * GiB, { noReserve: true }).createReadStream({ highWaterMark: 2 * GiB }).resume()',
}

// The shortest of three: on a busy machine, a thread that is ready may wait for its turn.
const program = (body: string) => `
  import { Worker } from 'node:worker_threads'
  const code = \`
    const { parentPort } = require('node:worker_threads')
    import('posix-mmap').then(({ mapAnonymous }) => {
      ${lengths}
      parentPort.postMessage('begins');
      ${body}
      setImmediate(() => parentPort.postMessage('ended by itself'))
    })\`
  let shortest = Infinity
  let ended = false
  for (let time = 0; time < 3; time++) {
    const worker = new Worker(code, { eval: true, execArgv: [] })
    await new Promise((resolve) => worker.once('message', resolve))
    worker.on('message', () => (ended = true))
    await new Promise((resolve) => setTimeout(resolve, 30))
    const start = performance.now()
    await worker.terminate()
    shortest = Math.min(shortest, performance.now() - start)
  }
  console.log(JSON.stringify({ ended, quick: shortest < 100, shortest }))
`

describe('worker.terminate() returns within 100 ms while the worker is in', () => {
  it.each(Object.entries(work))('%s', async (name, body) => {
    const result = await runForJson(program(body))
    const streams = name.startsWith('a stream') // may have given its first chunk
    expect(result).toMatchObject(streams ? { quick: true } : { ended: false, quick: true })
  })
})

describe('process.exit() does not wait for', () => {
  const exits = (body: string) => `
    import { Worker } from 'node:worker_threads'
    const code = \`
      const { parentPort } = require('node:worker_threads')
      import('posix-mmap').then(({ mapAnonymous }) => {
        ${lengths}
        parentPort.postMessage('begins');
        ${body}
      })\`
    const worker = new Worker(code, { eval: true, execArgv: [] })
    worker.once('message', () => setTimeout(() => process.exit(7), 200))
  `
  const endless: Record<string, string> = {
    'a search in a worker': work['indexOf()'] ?? '',
    'a thread of the package that works for a worker':
      'mapAnonymous(400 * GiB, { noReserve: true }).populate()',
    'two of them': `
      mapAnonymous(400 * GiB, { noReserve: true }).populate()
      mapAnonymous(400 * GiB, { noReserve: true }).populate()`,
  }
  it.each(Object.entries(endless))('%s', async (_name, body) => {
    const started = performance.now()
    const { code, signal } = await run(exits(body))
    expect({ code, signal }).toEqual({ code: 7, signal: null })
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  it('a thread of the package that works for the main thread', async () => {
    const started = performance.now()
    const { code, signal } = await run(`
      import { mapAnonymous } from 'posix-mmap'
      mapAnonymous(400 * 2 ** 30, { noReserve: true }).populate()
      setTimeout(() => process.exit(7), 200)
    `)
    expect({ code, signal }).toEqual({ code: 7, signal: null })
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

it('the timeout of node:vm ends a search, and the thread goes on', async () => {
  const result = await runForJson(`
    import vm from 'node:vm'
    import { mapAnonymous } from 'posix-mmap'
    const mapping = mapAnonymous(400 * 2 ** 30, { noReserve: true })
    let code
    try { vm.runInNewContext('mapping.indexOf(1)', { mapping }, { timeout: 100 }) } catch (error) { code = error.code }
    mapping.write(5, 'x')
    console.log(JSON.stringify([code, mapping.indexOf('x')]))
  `)
  expect(result).toEqual(['ERR_SCRIPT_EXECUTION_TIMEOUT', 5])
})
