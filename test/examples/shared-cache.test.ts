// The example of a cache that the workers of a service share, as its users run it, with both of its stores.

import { expect, test } from 'vitest'
import { expectPass, runExample } from '../support/examples.js'
import { holdersOf } from '../support/programs.js'

const example = 'shared-cache'
const passed = 'pass: 1000 answers right, 40 keys computed once, one worker killed'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  await expectPass(example, passed)
  expect(holdersOf('memfd:shared-cache')).toEqual([])
})

test('so it does with Redis', { timeout: 240_000 }, async (context) => {
  const { code, signal, stderr, last } = await runExample(example, '--store=redis')
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  if (last.startsWith('skip: ')) context.skip(last)
  expect(last).toBe(passed)
})

test('a store that there is not makes it fail', async () => {
  const { code, stdout } = await runExample(example, '--store=paper')
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: "fail: --store is shared or redis, not 'paper'\n",
  })
})
