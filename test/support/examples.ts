// Runs the programs of examples/, as their users do.

import { expect } from 'vitest'
import { type Finished, projectRoot, runCommand } from './processes.js'

/** What an example printed and how it ended, with the last line that it printed. */
export async function runExample(
  name: string,
  ...args: string[]
): Promise<Finished & { last: string }> {
  const main = `${projectRoot}examples/${name}/main.js`
  const finished = await runCommand(process.execPath, main, ...args)
  return { ...finished, last: finished.stdout.trimEnd().split('\n').at(-1) ?? '' }
}

/** Expects that an example ends well, with this last line; returns all lines. */
export async function expectPass(name: string, line: unknown): Promise<string[]> {
  const { code, signal, stdout, stderr, last } = await runExample(name)
  expect({ code, signal, stderr, last }).toEqual({ code: 0, signal: null, stderr: '', last: line })
  return stdout.trimEnd().split('\n')
}
