// @ts-check
// Replaces a GeoIP database under the load of four workers that have it mapped. Ends by itself; the last
// line says pass or fail.
//
//   node examples/live-dataset/main.js

import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { load } from './clients.js'
import { publishEdition } from './editions.js'

const workerCount = 4
const lastEdition = 40
const millisecondsEach = 25
const secondsToLive = 60

/** @param {string} path */
async function startWorkers(path) {
  const exec = fileURLToPath(new URL('worker.js', import.meta.url))
  cluster.setupPrimary({ exec, args: [path] })
  const workers = Array.from({ length: workerCount }, () => cluster.fork())
  const opened = await Promise.all(workers.map((worker) => once(worker, 'message')))
  return { workers, port: opened[0]?.[0].port }
}

/**
 * @param {string} path
 * @returns {Promise<string>} the result in one line
 */
async function demo(path) {
  publishEdition(path, 0)
  const { workers, port } = await startWorkers(path)
  const end = performance.now() + secondsToLive * 1000
  let published = 0
  // Until each worker has answered from the last edition.
  const loading = load(port, ({ workers: newest }) => {
    const done = [...newest.values()].filter((edition) => edition === lastEdition).length
    return done < workerCount && performance.now() < end
  })
  while (published < lastEdition) {
    await delay(millisecondsEach)
    publishEdition(path, ++published)
  }
  const { answers, wrong, editions, workers: newest } = await loading
  for (const worker of workers) worker.disconnect()

  const done = [...newest.values()].filter((edition) => edition === lastEdition).length
  console.log(`${answers} answers of ${workerCount} workers, from ${editions.size} editions`)
  if (wrong.length > 0) throw new Error(`${wrong.length} wrong answers, the first: ${wrong[0]}`)
  if (done < workerCount) throw new Error(`${done} workers have seen the last edition`)
  if (editions.size < 3) throw new Error(`answers came from ${editions.size} editions only`)
  const replaced = `${lastEdition} replacements`
  return `${answers} answers right in ${workerCount} workers, over ${replaced} of the database`
}

const directory = mkdtempSync(join(tmpdir(), 'live-dataset-'))
try {
  console.log(`pass: ${await demo(join(directory, 'live-countries.mmdb'))}`)
} catch (error) {
  console.log(`fail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
} finally {
  rmSync(directory, { recursive: true })
}
