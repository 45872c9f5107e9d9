// Reads beside a writer at full speed, of which POSIX_MMAP_SOAK_READS says how many: 100000000 is the long form.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const reads = process.env['POSIX_MMAP_SOAK_READS'] ?? '500000'

async function run(...args: string[]): Promise<Record<string, unknown>> {
  const script = `${projectRoot}/test/shared/snapshot/reads.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, script, ...args)
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return JSON.parse(stdout)
}

it('none of them is mixed', { timeout: 240_000 }, async () => {
  const result = await run(reads)
  const right = { reads: Number(reads), mixed: 0, backwards: 0, code: 0, signal: null }
  expect(result).toMatchObject(right)
  expect(result['published']).toBeGreaterThan(1000)
})

// Whether the mistake shows in one run is a matter of luck, and on a busy machine of less.
it('it would be noticed', { timeout: 240_000, retry: 3 }, async () => {
  expect((await run('2000000', 'torn'))['mixed']).toBeGreaterThan(0)
})
