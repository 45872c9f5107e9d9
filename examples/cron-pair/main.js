// @ts-check
// Jobs that know nothing of each other, as two lines of a crontab do, change one file without harm,
// also when one of them is killed at it. Ends by itself; the last line says pass or fail.
//
//   node examples/cron-pair/main.js

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { locks } from 'posix-mmap/sync'

const job = fileURLToPath(new URL('job.js', import.meta.url))
const pairs = 5
const directory = fs.mkdtempSync(path.join(tmpdir(), 'cron-pair-'))

/** @param {number} pause */
function start(pause) {
  const child = spawn(process.execPath, [job, directory, String(pause)], {
    // As little as cron gives.
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (data) => {
    said += data
  })
  return { child, ended: once(child, 'close'), said: () => said }
}

/** @type {string[]} */
const problems = []
try {
  fs.writeFileSync(path.join(directory, 'report'), '')
  /** @type {number[]} */
  const expected = []
  for (let i = 0; i < pairs; i++) {
    const both = [start(20), start(20)]
    await Promise.all(both.map(({ ended }) => ended))
    for (const { child, said } of both) {
      expected.push(child.pid ?? 0)
      if (child.exitCode !== 0 || said() !== 'working\ndone\n')
        problems.push(`a job said ${said()}`)
    }
  }
  // One is killed while it has the lock, and one that waits for it goes on at once.
  const victim = start(600_000)
  while (victim.said() === '') await once(victim.child.stdout, 'data')
  const next = start(0)
  const name = `report of ${directory}`
  const waits = async () => (await locks.query()).pending.some((lock) => lock.name === name)
  while (!(await waits()) && next.child.exitCode === null);
  if (next.said() !== '') problems.push('two jobs were at work at once')
  const killed = performance.now()
  victim.child.kill('SIGKILL')
  await next.ended
  expected.push(next.child.pid ?? 0)
  console.log(
    `after a job was killed the next one was done in ${Math.round(performance.now() - killed)} ms`,
  )

  const lines = fs
    .readFileSync(path.join(directory, 'report'), 'utf8')
    .trim()
    .split('\n')
    .map(Number)
  const sorted = (/** @type {number[]} */ list) => list.toSorted((a, b) => a - b).join()
  if (sorted(lines) !== sorted(expected))
    problems.push(`the report has ${lines.join()} of ${expected.join()}`)
} catch (error) {
  problems.push(String(error))
} finally {
  fs.rmSync(directory, { recursive: true })
}
if (problems.length > 0) process.exitCode = 1
console.log(
  problems.length === 0
    ? `pass: ${2 * pairs + 1} jobs that share nothing but a name, ${2 * pairs + 1} lines, none lost`
    : `fail: ${problems.join('; ')}`,
)
