// Random sequences of calls, accesses, and changes of the file by other programs, compared with a
// model of plain arrays. POSIX_MMAP_TEST_SEED repeats a failure, and POSIX_MMAP_TEST_RUNS makes
// more sequences.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { runProgram } from './program.js'

const { POSIX_MMAP_TEST_SEED: wantedSeed, POSIX_MMAP_TEST_RUNS: wantedRuns = '300' } = process.env
const runs = Number(wantedRuns)
// In so many runs a process stays below the number of repairs after which one may replace several
// pages.
const runsOfProcess = 150
// Each file system has its own code for truncation and holes.
const places = [os.tmpdir(), ...['/dev/shm'].filter((place) => fs.existsSync(place))]
const random = Math.floor(Math.random() * 2 ** 31)
// Seed 1 has found every wrong rule that was put into the model on purpose.
const rows = places.map((place, index) => ({
  place,
  seed: Number(wantedSeed ?? (index === 0 ? 1 : random)),
}))
if (places.length === 1 && wantedSeed === undefined) rows.push({ place: os.tmpdir(), seed: random })

interface Outcome {
  runs: number
  steps: number
  /** The number of faults of each kind. */
  failures: Record<string, number>
  /** Regions that are still mapped. */
  left: [live: number, quarantined: number]
}

function runSequences(directory: string, seed: number, count: number): Promise<Outcome> {
  const repeat = `POSIX_MMAP_TEST_SEED=${seed} POSIX_MMAP_TEST_RUNS=${count} repeats it`
  return runProgram('run.js', directory, [seed, count], repeat) as Promise<Outcome>
}

it.concurrent.for(rows)(
  `${runs} sequences, seed $seed, in $place`,
  { timeout: 60_000 + runs * 100 },
  async ({ seed, place }, { onTestFinished }) => {
    const directory = fs.mkdtempSync(path.join(place, 'posix-mmap-test-'))
    onTestFinished(() => fs.rmSync(directory, { recursive: true }))
    const failures: Record<string, number> = {}
    let steps = 0
    for (let done = 0; done < runs; done += runsOfProcess) {
      const count = Math.min(runsOfProcess, runs - done)
      const outcome = await runSequences(directory, seed + done, count)
      expect(outcome).toMatchObject({ runs: count, left: [0, 0] })
      steps += outcome.steps
      for (const [kind, times] of Object.entries(outcome.failures)) {
        failures[kind] = (failures[kind] ?? 0) + times
      }
    }
    console.log(`seed ${seed} in ${place}: ${runs} sequences, ${steps} steps, failures:`, failures)
    if (runs < 300) return
    // With fewer faults of a kind, the comparison would have shown little.
    for (const times of Object.values(failures)) expect(times).toBeGreaterThan(50)
  },
)
