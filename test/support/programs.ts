// Writes programs to the disk, for tests in which processes start processes.

import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Scratch } from './files.js'
import { type Finished, projectRoot } from './processes.js'

/** Writes an ES module whose 'posix-mmap' is the built package, and returns its path. */
export function programsIn(scratch: Scratch): (name: string, text: string) => string {
  const built = (file: string) => `'${path.join(projectRoot, 'dist', file)}'`
  return (name, text) =>
    scratch.file(
      name,
      text
        .replaceAll("'posix-mmap'", built('index.js'))
        .replaceAll("'posix-mmap/posix'", built('posix.js'))
        .replaceAll("'posix-mmap/sync'", built('sync.js'))
        .replaceAll("'posix-mmap/keyv'", built('keyv.js'))
        .replaceAll("'posix-mmap/shared'", built('shared.js')),
    )
}

/** How a child ended, and all that it wrote to its pipes. */
export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  await new Promise((resolve) => child.once('close', resolve))
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr }
}

/** The output of a child, which must end with code 0. */
export async function outputOf(child: ChildProcess): Promise<string> {
  const { code, signal, stdout, stderr } = await finished(child)
  if (code !== 0 || signal !== null) throw new Error(`ended with ${signal ?? code}: ${stderr}`)
  return stdout
}

function linesOf(read: () => string[]): string[] {
  try {
    return read()
  } catch {
    return [] // the process has ended
  }
}

/** Descriptors and mappings of any process whose file is called `name`; proc(5). */
export function holdersOf(name: string): string[] {
  const pids = fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return pids.flatMap((pid) => {
    const descriptors = linesOf(() => fs.readdirSync(`/proc/${pid}/fd`)).flatMap((fd) =>
      linesOf(() => [fs.readlinkSync(`/proc/${pid}/fd/${fd}`)]),
    )
    const maps = linesOf(() => fs.readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n'))
    return [...descriptors, ...maps]
      .filter((line) => line.includes(name))
      .map((line) => `${pid}: ${line}`)
  })
}

/** Waits for the end of a process, even if it is not a child of this one. */
export async function endOf(pid: number): Promise<void> {
  const alive = () => linesOf(() => [fs.readFileSync(`/proc/${pid}/stat`, 'utf8')])
  // A zombie has ended: it has no descriptors and no mappings.
  while (alive().some((stat) => !/\) [ZX] /.test(stat))) await delay(5)
}
