// Starts child processes, for tests of code that could end the process.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url))

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Of a child, before it is ended; scripts/test-runtimes.js sets it where everything is slow. */
const patienceMilliseconds = 1000 * Number(process.env['POSIX_MMAP_TEST_SECONDS'] ?? 240)

/** Runs a program from the project's root, where `import 'posix-mmap'` finds the package itself. */
export function runCommand(command: string, ...args: string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd: projectRoot, timeout: patienceMilliseconds, maxBuffer: 1 << 24 }
    const child = execFile(command, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr })
    })
  })
}

/**
 * The start of a script for {@link run}: `collect()` runs the finalizers and, with --expose-gc, the
 * garbage collector; `live()` returns how many mappings of the package have addresses,
 * `mapped(path)` how many kernel mappings of a file there are, and `codeOf(body)` the code of the
 * error that its body throws.
 */
export const scriptHelpers = `
  import fs from 'node:fs'
  import { setTimeout as delay } from 'node:timers/promises'
  import { native } from './dist/internals.js'
  const collect = async () => { for (let i = 0; i < 8; i++) { globalThis.gc?.(); await delay(5) } }
  const live = () => native.regionCounts()[0]
  const mapped = (path) => fs.readFileSync('/proc/self/maps', 'utf8').split(path).length - 1
  const codeOf = (body) => { try { body(); return 'none' } catch (error) { return error.code ?? error.name } }
`

/** Flags of V8 that the matrix sets for every child. */
const matrixFlags = process.env['POSIX_MMAP_TEST_FLAGS']?.split(' ').filter(Boolean) ?? []

/** Runs an ES module in a `node` of its own. */
export async function run(script: string, ...flags: string[]): Promise<Finished> {
  const options = [...matrixFlags, ...flags]
  const command =
    process.versions['deno'] === undefined
      ? [...options, '--input-type=module', '--eval', script]
      : ['eval', ...options.map((flag) => `--v8-flags=${flag}`), script]
  const finished = await runCommand(process.execPath, ...command)
  // V8 prints warnings about some of those flags, which tests of stderr must not see.
  const stderr = finished.stderr.replaceAll(/^Warning: disabling flag .*\n/gm, '')
  return { ...finished, stderr }
}

/** Runs a script as {@link run} does, and returns the JSON that it printed; it must end with code 0. */
export async function runForJson(script: string, ...flags: string[]): Promise<unknown> {
  const finished = await run(script, ...flags)
  const { code, signal, stderr } = finished
  if (code !== 0 || signal !== null) throw new Error(`ended with ${signal ?? code}: ${stderr}`)
  return JSON.parse(finished.stdout)
}
