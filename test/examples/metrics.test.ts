// The example of metrics in shared memory, as its users run it.

import { expect, test } from 'vitest'
import { expectPass } from '../support/examples.js'
import { holdersOf } from '../support/programs.js'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  const lines = await expectPass(
    'metrics',
    'pass: 10000 requests of 5 workers counted, those of the dead one as well',
  )
  expect(lines).toContain('after the death of a worker: 8000 requests in the map, 6000 by messages')
  expect(holdersOf('memfd:shared-metrics')).toEqual([])
})
