// @ts-check
// Measures the package next to its limits and its peers, and writes what docs/performance.md shows.
//
//   npm run bench [-- --quick] [--only CASE,…] [--scratch DIRECTORY]
//
// --quick has small sizes and few rounds: it shows that everything runs, but its times mean nothing,
// and it writes to .build/quick/. --only leaves the results of the other cases as they are.

import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { installDependencies } from './lib/install.js'

/** In the order of docs/performance.md. */
const cases = [
  'snapshot',
  'shared-map',
  'map-unmap',
  'many-large',
  'first-lookup',
  'sequential-sum',
  'random-reads',
  'small-reads',
  'text',
  'cold-file',
  'larger-than-memory',
  'flush',
  'shared-footprint',
  'counts',
  'fault-guard',
  'stable-copies',
  'first-detach',
  'locks',
  'messages',
  'load',
]

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    scratch: { type: 'string' },
  },
})
const { quick } = values
const chosen = values.only?.split(',') ?? cases
const unknown = chosen.filter((name) => !cases.includes(name))
if (unknown.length > 0)
  throw new Error(`no case ${unknown.join(', ')}; there are ${cases.join(', ')}`)

installDependencies()
// Imported after installDependencies(), since they import what it installs.
const { buildPrograms } = await import('./lib/programs.js')
const { machine, machineLine } = await import('./lib/machine.js')
const { forTerminal } = await import('./lib/report.js')
const { runCase } = await import('./lib/rounds.js')
const { Scratch } = await import('./lib/scratch.js')
const { resultOf } = await import('./lib/stats.js')
const { publish } = await import('./lib/publish.js')

const binaries = fileURLToPath(new URL('.build/programs/', import.meta.url))
const buildFailures = await buildPrograms(chosen, binaries)
for (const [program, reason] of Object.entries(buildFailures)) console.log(`${program} ${reason}`)

const scratch = new Scratch(values.scratch)
const place = machine(scratch.directory)
console.log(machineLine(place).join('\n'))
if (quick) console.log('\n--quick shows that everything runs; its times mean nothing')

const output = new URL(quick ? '.build/quick/' : 'results/', import.meta.url)
fs.mkdirSync(output, { recursive: true })
for (const name of chosen) {
  const start = performance.now()
  const { default: definition } = await import(`./cases/${name}/case.js`)
  const parameters = await definition.prepare({ quick, scratch, binaries })
  const rounds = (definition.rounds ?? { full: 7, quick: 1 })[quick ? 'quick' : 'full']
  const outcome = await runCase(name, definition, parameters, { rounds, binaries, buildFailures })
  const result = resultOf(name, definition, parameters, outcome, quick)
  console.log(forTerminal(result, (performance.now() - start) / 1000))
  // A peer that fails is reported in the tables and does not fail the run.
  const failed = outcome.failed.filter((who) => definition.contenders[who]?.kind !== 'peer')
  for (const who of failed) console.log(`  FAILED  ${who}: ${outcome.unavailable[who]}`)
  if (failed.length > 0) process.exitCode = 1
  const record = { machine: place, ...result }
  fs.writeFileSync(new URL(`${name}.json`, output), `${JSON.stringify(record, null, 2)}\n`)
}
await publish(cases, output, quick)
