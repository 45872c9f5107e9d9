// Owners that are killed while they are at work on shared data. POSIX_MMAP_SOAK is how many seconds the
// storm lasts.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'

const seconds = process.env['POSIX_MMAP_SOAK'] ?? '5'

async function storm(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr, code } = await runCommand(
    process.execPath,
    `${projectRoot}/test/sync/storm.js`,
    ...args,
  )
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

it('no update is lost or made twice, and each death is told once', {
  timeout: 240_000,
}, async () => {
  const result = await storm(seconds)
  expect(result).toMatchObject({ violations: 0, wrong: 0, endless: 0, free: true })
  expect(result['takeovers']).toBeGreaterThan(0)
  expect(result['acquisitions']).toBeGreaterThan(100)
})

it('the data would be wrong if nobody repaired it', { timeout: 240_000 }, async () => {
  const result = await storm('5', 'neglect')
  expect(result['takeovers']).toBeGreaterThan(0)
  expect(result['violations']).toBeGreaterThan(0)
})
