// The example of a Python process at the other end, as its users run it.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { expect, test } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'
import { finished } from '../support/programs.js'

const main = `${projectRoot}examples/python-peer/main.js`
const segments = () => fs.readdirSync('/dev/shm').filter((name) => name.includes('-python-'))

test('the demo passes, and leaves no name', async (context) => {
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, main)
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  if (last.startsWith('skip: ')) context.skip(last)
  expect(last).toBe('pass: 50 messages of 2000 numbers to Python, 50 answers right')
  expect(segments()).toEqual([])
})

test('without python3 it ends with skip', async () => {
  const child = spawn(process.execPath, [main], { env: { PATH: '/nowhere' } })
  expect(await finished(child)).toMatchObject({
    code: 0,
    signal: null,
    stdout: 'skip: there is no python3 here\n',
  })
})
