// @ts-check
// A service in four workers that have one cache: each key is computed once, however many ask for it and
// whichever worker they ask, and a worker that is killed while it computes is replaced by another one. Ends by
// itself; the last line says pass, fail or skip.
//
//   node examples/shared-cache/main.js [--store=shared|redis]

import cluster from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withShared } from 'posix-mmap'
import { SharedMap } from 'posix-mmap/shared'
import { fatalKey } from './answers.js'
import { load } from './clients.js'
import { installedServer, notInstalled, startServer } from './redis-server.js'

const workerCount = 4
const keyCount = 40
const requestsEach = 25

/** How often a computation has started and finished, by its key. */
class Computations {
  /** @type {Map<string, number>} */
  started = new Map()
  /** @type {Map<string, number>} */
  finished = new Map()
  /** @type {number[]} */
  killed = []

  /** @param {import('node:cluster').Worker} worker */
  watch(worker) {
    worker.on('message', ({ started, finished }) => {
      if (started !== undefined) add(this.started, started)
      if (finished !== undefined) add(this.finished, finished)
      if (started !== fatalKey || this.killed.length > 0) return
      this.killed.push(worker.process.pid ?? 0)
      worker.process.kill('SIGKILL')
      this.watch(cluster.fork())
    })
  }
}

/**
 * @param {Map<string, number>} counts
 * @param {string} key
 */
function add(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** What the workers need for a store, and what ends it. */
const preparations = {
  shared() {
    const map = SharedMap.create(1 << 20, { label: 'shared-cache' })
    const args = ['shared', `shared-cache of ${process.pid}`]
    return {
      settings: withShared({ cache: map.memory }, { args }),
      describe: () => `${map.size} entries in the SharedMap`,
      stop: () => map[Symbol.dispose](),
    }
  },
  async redis() {
    const program = installedServer()
    if (program === undefined) return undefined
    const server = await startServer(program)
    return { settings: { args: ['redis', server.url] }, describe: () => program, stop: server.stop }
  },
}

/**
 * @param {object} settings of the cluster
 * @returns {Promise<string>} the result in one line
 */
async function demo(settings) {
  cluster.setupPrimary({ ...settings, exec: fileURLToPath(new URL('worker.js', import.meta.url)) })
  const computations = new Computations()
  const workers = Array.from({ length: workerCount }, () => cluster.fork())
  const listening = await Promise.all(workers.map((worker) => once(worker, 'message')))
  for (const worker of workers) computations.watch(worker)

  const keys = [fatalKey, ...Array.from({ length: keyCount - 1 }, (_, i) => `key-${i}`)]
  const requests = keys.flatMap((key) => Array(requestsEach).fill(key))
  const {
    answers,
    wrong,
    repeated,
    workers: answered,
  } = await load(listening[0]?.[0].port, requests)

  const { started, finished, killed } = computations
  const twice = keys.filter((key) => finished.get(key) !== 1)
  const begun = keys.filter((key) => started.get(key) !== (key === fatalKey ? 2 : 1))
  console.log(`${answers} answers by ${answered.size} workers, ${repeated} of them asked for again`)
  if (wrong.length > 0) throw new Error(`${wrong.length} wrong answers, the first: ${wrong[0]}`)
  if (killed.length !== 1) throw new Error(`${killed.length} workers were killed`)
  if (twice.length > 0) throw new Error(`not computed once: ${twice}`)
  if (begun.length > 0) throw new Error(`not begun as often as they should be: ${begun}`)
  if (answered.size < workerCount - 1)
    throw new Error(`only ${answered.size} workers have answered`)
  return `${answers} answers right, ${keyCount} keys computed once, one worker killed`
}

async function main() {
  const { values } = parseArgs({ options: { store: { type: 'string', default: 'shared' } } })
  const prepare = preparations[/** @type {keyof typeof preparations} */ (values.store)]
  if (prepare === undefined) throw new Error(`--store is shared or redis, not '${values.store}'`)
  const store = await prepare()
  if (store === undefined) return `skip: ${notInstalled}`
  try {
    const result = await demo(store.settings)
    console.log(store.describe())
    return `pass: ${result}`
  } finally {
    await stopWorkers()
    await store.stop()
  }
}

async function stopWorkers() {
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  const exits = workers.map((worker) => once(worker, 'exit'))
  for (const worker of workers) worker.process.kill('SIGKILL')
  await Promise.all(exits)
}

try {
  console.log(await main())
} catch (error) {
  console.log(`fail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
