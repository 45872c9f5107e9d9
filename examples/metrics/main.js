// @ts-check
// Counters and histograms of four workers, read from shared memory without a message to any of them, next to
// those that prom-client collects by messages. Ends by itself; the last line says pass or fail.
//
//   node examples/metrics/main.js

import cluster from 'node:cluster'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { withShared } from 'posix-mmap'
import { SharedMap } from 'posix-mmap/shared'
import { AggregatorRegistry } from 'prom-client'
import { SharedMetrics } from './shared-metrics.js'
import { descriptions, requests, requestsEach } from './work.js'

const workerCount = 4

/**
 * The series without comments and in one order, since nobody promises one.
 *
 * @param {string} text
 */
const seriesOf = (text) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort()
    .join('\n')

/**
 * The sum of all series of the counter.
 *
 * @param {string} text
 */
function requestsIn(text) {
  const lines = text.split('\n').filter((line) => line.startsWith(`${requests.name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

/** @param {number} number */
async function startWorker(number) {
  cluster.setupPrimary({ ...cluster.settings, args: [`${number}`] })
  const worker = cluster.fork()
  await once(worker, 'message')
  return worker
}

/**
 * @param {SharedMetrics} metrics
 * @returns {Promise<string>} the result in one line
 */
async function demo(metrics) {
  const byMessages = new AggregatorRegistry()
  const numbers = Array.from({ length: workerCount }, (_, i) => i + 1)
  const workers = await Promise.all(numbers.map(startWorker))
  const all = workerCount * requestsEach

  const text = metrics.text(descriptions)
  console.log(text)
  check(requestsIn(text) === all, `${requestsIn(text)} requests instead of ${all}`)
  check(seriesOf(text) === seriesOf(await byMessages.clusterMetrics()), 'prom-client counts others')

  // Nobody can answer a message now.
  for (const worker of workers) worker.process.kill('SIGSTOP')
  const stopped = metrics.text(descriptions)
  for (const worker of workers) worker.process.kill('SIGCONT')
  check(stopped === text, 'stopped workers are counted differently')

  const [dead] = workers
  const exit = once(cluster, 'exit')
  dead?.process.kill('SIGKILL')
  await exit
  check(metrics.text(descriptions) === text, 'the counts of a dead worker have changed')
  const left = requestsIn(await byMessages.clusterMetrics())
  console.log(`after the death of a worker: ${all} requests in the map, ${left} by messages`)
  check(left === all - requestsEach, `prom-client still counts ${left} requests`)

  await startWorker(1)
  const last = requestsIn(metrics.text(descriptions))
  check(last === all + requestsEach, `${last} requests after the restart`)
  return `${last} requests of ${workerCount + 1} workers counted, those of the dead one as well`
}

/**
 * @param {boolean} holds
 * @param {string} message
 */
function check(holds, message) {
  if (!holds) throw new Error(message)
}

const map = SharedMap.create(1 << 18, { evict: 'none', label: 'shared-metrics' })
cluster.setupPrimary(
  withShared(
    { metrics: map.memory },
    { exec: fileURLToPath(new URL('worker.js', import.meta.url)) },
  ),
)
try {
  console.log(`pass: ${await demo(new SharedMetrics(map))}`)
} catch (error) {
  console.log(`fail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
  map[Symbol.dispose]()
}
