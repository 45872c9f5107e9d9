// The example of a log that outlives its writer, as its users run it.

import { test } from 'vitest'
import { expectPass } from '../support/examples.js'

test('the demo passes', { timeout: 120_000 }, async () => {
  await expectPass(
    'flight-recorder',
    'pass: the last 100 lines of 3 processes that were killed, in their parent and from the file',
  )
})
