// What the structures of posix-mmap/shared and the locks rely on, of the order in which others see the accesses of
// one thread: litmus tests, many times each. On x64 the processor reorders nothing but a load before an earlier
// store, so what these tests can find there besides is what V8's compilers would reorder.

import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'
import { shapes } from './shapes.js'

const rounds = process.env['POSIX_MMAP_SOAK_LITMUS'] ?? '10000'

interface Counted {
  name: string
  agents: number
  forbidden: number
  outcomes: Record<string, number>
}

interface Result {
  isInLine: boolean
  rounds: number
  tests: Counted[]
}

async function litmus(mode: string): Promise<Result> {
  const program = `${projectRoot}/test/shared/litmus/litmus.js`
  const { stdout, stderr, code } = await runCommand(process.execPath, program, rounds, mode)
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
  const result = JSON.parse(stdout) as Result
  const lines = result.tests.map(({ name, forbidden, outcomes }) => {
    const seen = Object.keys(outcomes).length
    return `${name}: ${forbidden} of ${result.rounds} forbidden, ${seen} results`
  })
  console.log(`${mode}, ${process.arch}\n${lines.join('\n')}`)
  return result
}

const hasInstructions =
  'WebAssembly' in globalThis && !('Bun' in globalThis) && !('Deno' in globalThis)

const slow = { timeout: 240_000 }

describe.each([
  ['in-line', 'instructions that are compiled in line'],
  ['atomics', 'the functions of Atomics'],
])('%s', (mode, what) => {
  it(`${what} show no result that is forbidden`, slow, async ({ skip }) => {
    if (mode === 'in-line' && !hasInstructions) skip('this runtime has no instructions in line')
    const { isInLine, rounds: count, tests } = await litmus(mode)
    expect(isInLine).toBe(mode === 'in-line')
    expect(tests.map(({ name }) => name)).toEqual(shapes.map(({ name }) => name))
    for (const { name, forbidden, outcomes } of tests) {
      expect({ name, forbidden, outcomes }).toMatchObject({ forbidden: 0 })
      const all = Object.values(outcomes).reduce((sum, times) => sum + times, 0)
      expect(all).toBe(count)
    }
  })
})

// Whether two agents meet in the few nanoseconds that matter is luck, and on a busy machine much of it.
const control = { timeout: 240_000, retry: 3 }

const alone = availableParallelism() === 1
const oneProcessor = 'one processor runs one agent at a time'

it('plain accesses show what this processor reorders', control, async ({ skip }) => {
  if (alone) skip(oneProcessor)
  const { tests } = await litmus('plain')
  const seen = tests.filter(({ forbidden }) => forbidden > 0).map(({ name }) => name.slice(0, 2))
  // Every processor lets a load pass an earlier store, and two that replace one word lose one.
  expect(seen).toContain('SB')
  expect(seen).toContain('RM')
})

it('what a processor could reorder would be noticed', control, async ({ skip }) => {
  if (alone) skip(oneProcessor)
  const { tests } = await litmus('reordered')
  const pairs = tests.filter(({ agents }) => agents <= 2)
  const seen = pairs.filter(({ forbidden }) => forbidden > 0)
  expect(seen.length).toBeGreaterThan(pairs.length / 2)
})
