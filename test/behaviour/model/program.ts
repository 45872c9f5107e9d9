// Runs a program of this directory in a process of its own, since a failure may end it by a signal.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const stepsShown = 60

function lastSteps(directory: string): string {
  const steps = fs.readFileSync(path.join(directory, 'trace'), 'utf8').trimEnd().split('\n')
  return steps.slice(-stepsShown).join('\n')
}

/**
 * Runs a program and returns the JSON that it printed.
 *
 * @param directory in which it works, and writes each step to the file `trace` before it makes it
 * @param repeat says how to repeat the same run
 */
export async function runProgram(
  name: string,
  directory: string,
  args: number[],
  repeat: string,
): Promise<unknown> {
  const program = fileURLToPath(new URL(name, import.meta.url))
  const command = ['--expose-gc', program, directory, ...args.map(String)]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const [code, signal] = await once(child, 'close')
  const [stdout, stderr] = await output
  if (code === 0) return JSON.parse(stdout)
  const ending = code === null ? `ended by ${signal}` : `exited with code ${code}`
  throw new Error(`${repeat}: ${ending}: ${stderr}\nthe last steps were:\n${lastSteps(directory)}`)
}
