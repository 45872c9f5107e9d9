// The example of a database that is replaced under load, as its users run it.

import { expect, test } from 'vitest'
import { expectPass } from '../support/examples.js'
import { holdersOf } from '../support/programs.js'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  await expectPass(
    'live-dataset',
    expect.stringMatching(
      /^pass: \d+ answers right in 4 workers, over 40 replacements of the database$/,
    ),
  )
  expect(holdersOf('live-countries.mmdb')).toEqual([])
})
