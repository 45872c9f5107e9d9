// Every consumer of bytes that Node has, over memory that changes meanwhile: no signal. Minutes instead
// of seconds with POSIX_MMAP_SOAK_SECONDS=600.

import { spawn } from 'node:child_process'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../support/processes.js'

const node = process.versions['bun'] === undefined && process.versions['deno'] === undefined
const soak = Number(process.env['POSIX_MMAP_SOAK_SECONDS'] ?? 0)
const seconds = soak > 0 ? soak : process.env['POSIX_MMAP_TEST_QUICK'] === '1' ? 4 : 8

interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  /** The last line that was printed: the consumer at work, or `done`. */
  last: string | undefined
  stderr: string
}

function consume(
  how: string,
  lasting: number,
  env: Record<string, string> = {},
  only: string[] = [],
): Promise<Outcome> {
  const program = path.join(projectRoot, 'test/runtime/consumers.js')
  const args = ['--no-warnings', program, how, String(lasting * 1000), ...only]
  const child = spawn(process.execPath, args, { cwd: projectRoot, env: { ...process.env, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, last: stdout.trimEnd().split('\n').at(-1), stderr })
    })
  })
}

describe.runIf(node)('consumers of bytes survive', () => {
  it.each([
    ['a file that another process cuts and writes again', 'truncation'],
    ['a thread that stores', 'thread'],
    ['a process that stores', 'process'],
  ])(
    '%s',
    async (_, how) => {
      const outcome = await consume(how, seconds)
      expect(outcome).toEqual({ code: 0, signal: null, last: 'done', stderr: '' })
    },
    (seconds + 120) * 1000,
  )

  // If these live, the memory changes too seldom for the tests above to show anything.
  it.each([
    ['TypedArray.sort', 'truncation'],
    ['Buffer.toString', 'thread'],
  ])(
    'but %s would not, left alone',
    async (consumer, how) => {
      const env = { POSIX_MMAP_LEAVE_NODE_ALONE: '1' }
      const outcome = await consume(how, 60, env, [consumer])
      expect(outcome).toMatchObject({ code: null, last: consumer })
      expect(outcome.signal).toMatch(/^SIG(SEGV|ABRT|BUS|TRAP|ILL)$/)
    },
    120_000,
  )
})
