// Producers and consumers that are killed while messages pass. POSIX_MMAP_SOAK is how many seconds the
// storm lasts.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const seconds = process.env['POSIX_MMAP_SOAK'] ?? '5'

async function storm(...args: string[]): Promise<Record<string, unknown>> {
  const program = `${projectRoot}/test/shared/ring/storm.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, program, ...args)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout)
}

it('loses, doubles, tears and reorders no message', { timeout: 240_000 }, async () => {
  const result = await storm(seconds)
  expect(result).toMatchObject({ violations: 0, lost: 0, invented: 0, endless: false, rest: 0 })
  expect(result['received']).toBeGreaterThan(100)
  const kills = result['kills'] as { producer: number; consumer: number }
  expect(kills.producer).toBeGreaterThan(0)
  expect(kills.consumer).toBeGreaterThan(0)
  // Only what the dead consumers had not finished.
  expect(result['repeated']).toBeLessThanOrEqual(kills.consumer)
})

// Whether the mistake shows in one storm is a matter of luck, and on a busy machine of less.
const control = { timeout: 240_000, retry: 3 }

it('a consumer that passes over a message would be noticed', control, async () => {
  const result = await storm('5', 'careless')
  expect(result['violations']).toBeGreaterThan(0)
})
