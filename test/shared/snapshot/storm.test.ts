// Readers and writers that are killed while they are at work on one Snapshot, with a check of what each
// read saw: whole, never older than the read before it, nor than what was published before it began.
// POSIX_MMAP_SOAK=60 is the long form.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const seconds = process.env['POSIX_MMAP_SOAK'] ?? '4'

async function storm(...args: string[]): Promise<Record<string, unknown>> {
  const program = `${projectRoot}/test/shared/snapshot/storm.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, program, ...args)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

it('every read is whole and in order, and nobody is held up', { timeout: 240_000 }, async () => {
  const result = await storm(seconds)
  const right = {
    mixed: 0,
    backwards: 0,
    stale: 0,
    lost: 0,
    endless: 0,
    free: true,
    versions: true,
  }
  expect(result).toMatchObject(right)
  expect(result['kills']).toBeGreaterThan(0)
  expect(result['reads']).toBeGreaterThan(100)
  expect(result['publishes']).toBeGreaterThan(100)
})

// Whether the mistake shows in one storm is a matter of luck, and on a busy machine of less.
const control = { timeout: 240_000, retry: 3 }

it('a writer that writes where readers are would be noticed', control, async () => {
  const result = await storm('3', 'torn')
  expect(result['mixed']).toBeGreaterThan(0)
})
