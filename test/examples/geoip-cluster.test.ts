// The main example as its users run it.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../../examples/geoip-cluster/main.js', import.meta.url))

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  const outcome = ended.then(([[code, signal], output, errors]) => {
    return { code, signal, lines: output.trimEnd().split('\n'), errors }
  })
  return { child, outcome }
}

function workersOf({ pid }: ChildProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.split(' ').filter(Boolean).map(Number)
}

test('the demo passes', async () => {
  const { code, signal, lines, errors } = await start('--workers', '2').outcome
  expect({ code, signal, errors, last: lines.at(-1) }).toEqual({
    code: 0,
    signal: null,
    errors: '',
    last: expect.stringMatching(/^pass: 13 known answers right in 2 workers, /),
  })
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('a worker that dies makes it fail', async () => {
  const { child, outcome } = start('--workers', '2')
  await expect.poll(() => workersOf(child).length, { timeout: 10_000 }).toBe(2)
  const [worker = 0, other = 0] = workersOf(child)
  process.kill(worker, 'SIGKILL')

  const { code, signal, lines } = await outcome
  expect({ code, signal }).toEqual({ code: 1, signal: null })
  expect(lines.at(-1)).toBe(`fail: worker ${worker} was killed by SIGKILL`)
  expect(() => process.kill(other, 0)).toThrow('ESRCH')
})

test('an unknown option makes it fail', async () => {
  const { code, lines } = await start('--workers', 'many').outcome
  expect(code).toBe(1)
  expect(lines.at(-1)).toMatch(/^fail: .*'many'/)
})
