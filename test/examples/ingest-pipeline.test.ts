// The example of parsers that send through one ring, as its users run it.

import { test } from 'vitest'
import { expectPass } from '../support/examples.js'

test('the demo passes', { timeout: 120_000 }, async () => {
  await expectPass(
    'ingest-pipeline',
    'pass: 200000 rows counted once each by 4 parsers, one of which was killed',
  )
})
