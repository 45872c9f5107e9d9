// Many producers and random messages with checksums. The program can be run alone, with a million messages of
// each: node test/shared/ring/stress.js 8 1000000

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const producers = 8
const messages = 3000

async function stress(...args: string[]): Promise<Record<string, unknown>> {
  const program = `${projectRoot}/test/shared/ring/stress.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, program, ...args)
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  return JSON.parse(stdout)
}

it('8 producers of random messages', { timeout: 240_000 }, async () => {
  expect(await stress(String(producers), String(messages))).toEqual({
    messages: producers * messages,
    damaged: 0,
    disordered: 0,
    unknown: 0,
    failed: 0,
    different: 0,
    lost: 0,
  })
})

it('a byte that was changed would be noticed', { timeout: 120_000 }, async () => {
  const result = await stress('2', '1000', 'flip')
  expect(result).toMatchObject({ messages: 2000, damaged: 1, different: 1 })
})
