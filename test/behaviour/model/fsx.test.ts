// Many random steps on one file, like those of the program fsx: accesses, growth and shrinking,
// flushes, holes, protection, new mappings, and changes of the file by other programs. Each is
// compared with the model of model.test.ts. POSIX_MMAP_TEST_SEED repeats a run,
// POSIX_MMAP_TEST_QUICK=1 makes it shorter.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { runProgram } from './program.js'

const { POSIX_MMAP_TEST_SEED: wantedSeed, POSIX_MMAP_TEST_QUICK: quick } = process.env
const steps = quick === '1' ? 10_000 : 100_000
const random = Number(wantedSeed ?? Math.floor(Math.random() * 2 ** 31))
// Each file system has its own code for truncation and holes.
const rows = [
  { place: os.tmpdir(), seed: 1 },
  { place: os.tmpdir(), seed: random },
  { place: '/dev/shm', seed: random },
]

interface Outcome {
  steps: number
  /** How often each step was made, by its name. */
  of: Record<string, number>
  /** The number of faults of each kind. */
  failures: Record<string, number>
}

it.concurrent.for(rows)(
  `${steps} steps, seed $seed, in $place`,
  { timeout: 60_000 + steps * 10 },
  async ({ place, seed }, { onTestFinished, skip }) => {
    if (!fs.existsSync(place)) skip(`needs ${place}`)
    const directory = fs.mkdtempSync(path.join(place, 'posix-mmap-test-'))
    onTestFinished(() => fs.rmSync(directory, { recursive: true }))
    const repeat = `POSIX_MMAP_TEST_SEED=${seed} repeats it`
    const outcome = (await runProgram('fsx.js', directory, [seed, steps], repeat)) as Outcome
    console.log(`seed ${seed} in ${place}: ${outcome.steps} steps, failures:`, outcome.failures)
    expect(outcome.steps).toBe(steps)
    // With fewer steps or faults of a kind, the comparison would have shown little.
    for (const times of Object.values(outcome.of)) expect(times).toBeGreaterThan(steps / 2000)
    for (const times of Object.values(outcome.failures)) expect(times).toBeGreaterThan(steps / 200)
  },
)
