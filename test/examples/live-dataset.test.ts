// The example of a database that is replaced under load, as its users run it.

import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'
import { holdersOf } from '../support/programs.js'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  const main = `${projectRoot}examples/live-dataset/main.js`
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const lines = stdout.trimEnd().split('\n')
  expect({ code, signal, stderr, last: lines.at(-1) }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    last: expect.stringMatching(
      /^pass: \d+ answers right in 4 workers, over 40 replacements of the database$/,
    ),
  })
  expect(holdersOf('live-countries.mmdb')).toEqual([])
})
