// The example of metrics in shared memory, as its users run it.

import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'
import { holdersOf } from '../support/programs.js'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  const main = `${projectRoot}examples/metrics/main.js`
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const lines = stdout.trimEnd().split('\n')
  expect({ code, signal, stderr, last: lines.at(-1) }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    last: 'pass: 10000 requests of 5 workers counted, those of the dead one as well',
  })
  expect(lines).toContain('after the death of a worker: 8000 requests in the map, 6000 by messages')
  expect(holdersOf('memfd:shared-metrics')).toEqual([])
})
