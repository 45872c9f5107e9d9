// The example of a table that forked workers share, as its users run it.

import { expect, test } from 'vitest'
import { expectPass } from '../support/examples.js'
import { holdersOf } from '../support/programs.js'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  const lines = await expectPass(
    'shared-table',
    expect.stringMatching(/^pass: [\d,]+ answers right in 8 workers from one table$/),
  )
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
  expect(holdersOf('memfd:cities')).toEqual([])
})
