// node --expose-gc run.js DIRECTORY SEED RUNS: random sequences of steps in a process of its own,
// which a signal may end. Prints a JSON line that says how much was done, or fails and prints the
// shortest sequence that shows the difference. `trace` in the directory holds the steps of the last
// sequence, for when the process did not come so far.

import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { native } from '../../dist/native.js'
import { begin, end, sequences } from './commands.js'

const [directory = '', seed = '', runs = ''] = process.argv.slice(2)
const trace = fs.openSync(path.join(directory, 'trace'), 'w')

/** @type {Record<string, number>} */
const done = { runs: 0, steps: 0, truncated: 0, 'read-only': 0, 'no-access': 0 }

let position = 0
/** @type {import('./commands.js').Observer} */
const observer = {
  trace(step) {
    done['steps'] = (done['steps'] ?? 0) + 1
    position += fs.writeSync(trace, `${step}\n`, position)
  },
  count(kind) {
    done[kind] = (done[kind] ?? 0) + 1
  },
}

const property = fc.asyncProperty(sequences, async (steps) => {
  done['runs'] = (done['runs'] ?? 0) + 1
  fs.ftruncateSync(trace)
  position = 0
  const { model, real } = begin(path.join(directory, 'file'), observer)
  try {
    await fc.asyncModelRun(() => ({ model, real }), steps)
  } finally {
    end(real)
  }
})

const outcome = await fc.check(property, { seed: Number(seed), numRuns: Number(runs) })
if (outcome.failed) {
  console.error(fc.defaultReportMessage(outcome))
  process.exit(1)
}

for (let i = 0; i < 8; i++) {
  globalThis.gc?.()
  await delay(5)
}
console.log(JSON.stringify({ ...done, left: native.regionCounts() }))
