// Very many operations, of which POSIX_MMAP_SOAK_OPERATIONS says how many: 10000000 is the long form.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const operations = process.env['POSIX_MMAP_SOAK_OPERATIONS'] ?? '20000'

it('a SharedMap agrees with a Map after each of them', { timeout: 240_000 }, async () => {
  const script = `${projectRoot}/test/shared/map/operations.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, script, operations)
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ operations: Number(operations), wrong: 0, problems: [] })
  expect(result.size).toBeGreaterThan(1000)
})
