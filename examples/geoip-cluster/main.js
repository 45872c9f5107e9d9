// @ts-check
// Runs a GeoIP service in a cluster whose workers map one database, and then the same service with a copy
// in each worker. Ends by itself; the last line says pass or fail.
//
//   node examples/geoip-cluster/main.js [--workers N]

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { checks, savedPerWorker } from './checks.js'
import { knownAnswers } from './known-answers.js'
import { measure } from './measure.js'
import { mebibytes } from './numbers.js'
import { databasePages, introduction, memory, speed } from './report.js'

function workerCount() {
  const { values } = parseArgs({ options: { workers: { type: 'string' } } })
  if (values.workers === undefined) return Math.max(2, availableParallelism())
  const workers = Number(values.workers)
  if (Number.isInteger(workers) && workers >= 2) return workers
  throw new Error(`--workers takes a number from 2 up, not '${values.workers}'`)
}

/** @returns {Promise<string>} the result in one line */
async function demo() {
  const workers = workerCount()
  console.log(introduction(workers))

  const mapped = await measure('mapFile', workers)
  const read = await measure('readFile', workers)
  for (const section of [speed(mapped, read), memory(mapped, read), databasePages(mapped)]) {
    console.log(`\n${section}`)
  }

  console.log('\nChecks')
  const results = checks(mapped, read)
  for (const { claim, holds } of results) console.log(`  ${holds ? 'ok  ' : 'FAIL'}  ${claim}`)
  const failed = results.filter(({ holds }) => !holds)
  if (failed.length > 0) throw new Error(`${failed.length} of ${results.length} checks`)

  const saved = mebibytes(savedPerWorker(mapped, read))
  return `${knownAnswers.length} known answers right in ${workers} workers, ${saved} MiB saved in each`
}

try {
  console.log(`\npass: ${await demo()}`)
} catch (error) {
  console.log(`\nfail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
