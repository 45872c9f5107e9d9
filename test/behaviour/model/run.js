// node --expose-gc run.js DIRECTORY SEED RUNS: makes random sequences of steps. Prints a JSON line
// that says how much was done, or fails and prints the shortest sequence that shows the difference.
// The steps of the last sequence are in the file `trace` of the directory as well, in case a signal
// ends the process.

import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { native } from '../../../dist/internals.js'
import { begin, end, sequences } from './commands.js'
import { failuresSeen } from './mapping-model.js'

const [directory = '', seed = '', runs = ''] = process.argv.slice(2)
const trace = fs.openSync(path.join(directory, 'trace'), 'w')

const done = { runs: 0, steps: 0 }
let position = 0

/** @param {string} step */
function traced(step) {
  done.steps++
  position += fs.writeSync(trace, `${step}\n`, position)
}

const property = fc.asyncProperty(sequences, async ([first, steps]) => {
  done.runs++
  fs.ftruncateSync(trace)
  position = 0
  const { model, real } = begin(path.join(directory, 'file'), traced)
  try {
    await fc.asyncModelRun(() => ({ model, real }), [...first, ...steps])
  } finally {
    await end(real)
  }
})

const outcome = await fc.check(property, { seed: Number(seed), numRuns: Number(runs) })
if (outcome.failed) {
  console.error(fc.defaultReportMessage(outcome))
  console.error(outcome.errorInstance)
  process.exit(1)
}

for (let i = 0; i < 8; i++) {
  globalThis.gc?.()
  await delay(5)
}
console.log(JSON.stringify({ ...done, failures: failuresSeen, left: native.regionCounts() }))
