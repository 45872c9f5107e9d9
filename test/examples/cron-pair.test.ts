// The example of strangers that exclude each other by name, as its users run it.

import { test } from 'vitest'
import { expectPass } from '../support/examples.js'

test('the demo passes', { timeout: 120_000 }, async () => {
  await expectPass('cron-pair', 'pass: 11 jobs that share nothing but a name, 11 lines, none lost')
})
