// The example of a log that outlives its writer, as its users run it.

import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'

test('the demo passes', { timeout: 120_000 }, async () => {
  const main = `${projectRoot}examples/flight-recorder/main.js`
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const last = stdout.trimEnd().split('\n').at(-1)
  expect({ code, signal, stderr, last }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    last: 'pass: the last 100 lines of 3 processes that were killed, in their parent and from the file',
  })
})
