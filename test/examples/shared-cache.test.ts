// The example of a cache that the workers of a service share, as its users run it, with both of its stores.

import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'
import { holdersOf } from '../support/programs.js'

const main = `${projectRoot}examples/shared-cache/main.js`
const passed = 'pass: 1000 answers right, 40 keys computed once, one worker killed'

test('the demo passes, and leaves nothing', { timeout: 240_000 }, async () => {
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const last = stdout.trimEnd().split('\n').at(-1)
  expect({ code, signal, stderr, last }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    last: passed,
  })
  expect(holdersOf('memfd:shared-cache')).toEqual([])
})

test('so it does with Redis', { timeout: 240_000 }, async (context) => {
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main, '--store=redis')
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  if (last.startsWith('skip: ')) context.skip(last)
  expect(last).toBe(passed)
})

test('a store that there is not makes it fail', async () => {
  const { code, stdout } = await runCommand(process.execPath, main, '--store=paper')
  expect({ code, stdout }).toEqual({
    code: 1,
    stdout: "fail: --store is shared or redis, not 'paper'\n",
  })
})
