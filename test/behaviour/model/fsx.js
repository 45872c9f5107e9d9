// node --expose-gc fsx.js DIRECTORY SEED STEPS: makes random steps on one file that is never made
// anew. Prints a JSON line that says how much was done, or fails and prints the last steps. The
// steps are in the file `trace` of the directory as well, in case a signal ends the process.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { native } from '../../../dist/internals.js'
import { anyStep, begin, end, unmapAll } from './commands.js'
import { failuresSeen, forgetRepairs } from './mapping-model.js'

const [directory = '', seed = '', wanted = ''] = process.argv.slice(2)
// After so many steps all mappings are ended: with the repairs of more, one could replace several
// pages.
const stepsBetweenPauses = 4000

const trace = fs.openSync(path.join(directory, 'trace'), 'a')
const { model, real } = begin(path.join(directory, 'file'), (step) => {
  done.steps++
  const name = step.slice(0, step.indexOf('('))
  done.of[name] = (done.of[name] ?? 0) + 1
  fs.writeSync(trace, `${done.steps}: ${step}\n`)
})
/** @type {{ steps: number, of: Record<string, number> }} */
const done = { steps: 0, of: {} }

/** Waits until no mapping so far has addresses any more. */
async function pause() {
  await unmapAll(real)
  model.mappings = []
  for (let i = 0; i < 100 && native.regionCounts().some((count) => count > 0); i++) {
    globalThis.gc?.()
    await turn()
  }
  assert.deepEqual(native.regionCounts(), [0, 0], 'regions that nobody has unmapped')
  forgetRepairs()
}

try {
  for (let round = 0; done.steps < Number(wanted); round++) {
    fs.ftruncateSync(trace)
    const parameters = {
      seed: (Number(seed) + Math.imul(round, 0x9e3779b1)) | 0,
      numRuns: stepsBetweenPauses,
    }
    for (const step of fc.sample(anyStep, parameters)) {
      if (done.steps < Number(wanted) && step.check(model)) await step.run(model, real)
    }
    await pause()
  }
} catch (error) {
  console.error(error)
  process.exit(1)
}
await end(real)
console.log(JSON.stringify({ ...done, failures: failuresSeen }))
