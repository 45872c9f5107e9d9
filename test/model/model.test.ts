// Random sequences of calls, accesses, and what other programs do to the file, against a model of
// plain arrays. POSIX_MMAP_TEST_SEED and POSIX_MMAP_TEST_RUNS repeat a failure or look further.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const program = fileURLToPath(new URL('./run.js', import.meta.url))
const { POSIX_MMAP_TEST_SEED: wantedSeed, POSIX_MMAP_TEST_RUNS: wantedRuns = '300' } = process.env
const runs = Number(wantedRuns)
// Each file system has its own code for truncation and holes.
const places = [os.tmpdir(), ...['/dev/shm'].filter((place) => fs.existsSync(place))]
// With 42 each wrong rule that was tried out in the model was found.
const random = Math.floor(Math.random() * 2 ** 31)
const rows = places.map((place, index) => ({
  place,
  seed: Number(wantedSeed ?? (index === 0 ? 42 : random)),
}))
if (places.length === 1 && wantedSeed === undefined) rows.push({ place: os.tmpdir(), seed: random })

it.concurrent.for(rows)(
  `${runs} sequences, seed $seed, in $place`,
  { timeout: 60_000 + runs * 100 },
  async ({ seed, place }, { onTestFinished }) => {
    console.log(`POSIX_MMAP_TEST_SEED=${seed} POSIX_MMAP_TEST_RUNS=${runs} repeats ${place}`)
    const directory = fs.mkdtempSync(path.join(place, 'posix-mmap-test-'))
    onTestFinished(() => fs.rmSync(directory, { recursive: true }))
    const args = ['--expose-gc', program, directory, `${seed}`, `${runs}`]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    const [code, signal] = await once(child, 'close')
    const [stdout, stderr] = await output
    if (code !== 0) {
      const steps = fs.readFileSync(path.join(directory, 'trace'), 'utf8')
      throw new Error(`ended with ${signal ?? code}: ${stderr}\nlast sequence:\n${steps}`)
    }
    const { failures, left, ...done } = JSON.parse(stdout)
    console.log(`${done.runs} sequences, ${done.steps} steps`, failures)
    expect({ signal, left, runs: done.runs }).toEqual({ signal: null, left: [0, 0], runs })
    if (runs < 300) return
    // Or the model would have had little to say.
    for (const count of Object.values(failures)) expect(count).toBeGreaterThan(50)
  },
)
