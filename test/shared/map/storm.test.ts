// Processes that are killed while they change a map. `node test/shared/map/storm.js 60` is the long form.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const seconds = process.env['POSIX_MMAP_SOAK'] ?? '4'

async function storm(...args: string[]) {
  const script = `${projectRoot}/test/shared/map/storm.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, script, ...args)
  return { stderr, code, result: JSON.parse(stdout) as Record<string, number | string> }
}

it('nothing is torn, and nothing lost but what was in flight', { timeout: 240_000 }, async () => {
  const { stderr, code, result } = await storm(seconds)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(result).toMatchObject({ torn: 0, lost: 0, failed: 0, miscounted: 0, error: '' })
  expect(result['kills']).toBeGreaterThan(5)
  expect(result['operations']).toBeGreaterThan(1000)
})

// Whether the mistake shows in one storm is a matter of luck, and on a busy machine of less.
const control = { timeout: 240_000, retry: 3 }

it('it would be, if what the dead had begun was forgotten', control, async () => {
  const { result } = await storm('4', 'broken')
  const { torn, lost, failed, miscounted, error } = result
  expect(
    Number(torn) + Number(lost) + Number(failed) + Number(miscounted) > 0 || error !== '',
  ).toBe(true)
})
