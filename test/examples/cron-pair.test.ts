// The example of strangers that exclude each other by name, as its users run it.

import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'

test('the demo passes', { timeout: 120_000 }, async () => {
  const main = `${projectRoot}examples/cron-pair/main.js`
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const last = stdout.trimEnd().split('\n').at(-1)
  expect({ code, signal, stderr, last }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    last: 'pass: 11 jobs that share nothing but a name, 11 lines, none lost',
  })
})
