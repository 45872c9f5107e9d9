// Runs the service of test/behaviour/soak on every supported Node, one after the other, and prints what
// its workers held in the course of the time:
//   node scripts/soak.js [seconds, 600] [major versions of Node]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { majors, nodeBinary } from './fetch-nodes.js'

const [, , seconds = '600', ...asked] = process.argv
const program = 'test/behaviour/soak/service.js'

let failed = 0
for (const major of asked.length > 0 ? asked : majors) {
  const directory = mkdtempSync(join(tmpdir(), 'posix-mmap-soak-'))
  const { status, signal, stdout } = spawnSync(
    nodeBinary(major),
    ['--no-warnings', program, seconds, directory],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  )
  rmSync(directory, { recursive: true })
  if (status !== 0) {
    console.log(`Node ${major}: FAILED, ended with ${signal ?? status}`)
    failed++
    continue
  }
  const { requests, samples } = JSON.parse(stdout)
  console.log(
    `Node ${major}: ${requests.join(' and ')} requests in ${seconds} s; held, sample by sample:`,
  )
  console.table(
    samples.map((/** @type {Array<Record<string, number>>} */ workers) =>
      Object.fromEntries(
        Object.keys(workers[0] ?? {}).map((what) => [
          what,
          workers.map((held) => held[what]).join(', '),
        ]),
      ),
    ),
  )
}
process.exit(failed === 0 ? 0 : 1)
