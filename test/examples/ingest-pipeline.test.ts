// The example of parsers that send through one ring, as its users run it.

import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'

test('the demo passes', { timeout: 120_000 }, async () => {
  const main = `${projectRoot}examples/ingest-pipeline/main.js`
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const last = stdout.trimEnd().split('\n').at(-1)
  expect({ code, signal, stderr, last }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    last: 'pass: 200000 rows counted once each by 4 parsers, one of which was killed',
  })
})
