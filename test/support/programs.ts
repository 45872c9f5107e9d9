// Programs on disk, for tests in which processes start processes.

import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Finished, projectRoot, type Scratch } from './harness.js'

/** Writes an ES module that imports 'posix-mmap' as it was built, and gives its path. */
export function programsIn(scratch: Scratch): (name: string, text: string) => string {
  const built = (file: string) => `'${path.join(projectRoot, 'dist', file)}'`
  return (name, text) =>
    scratch.file(
      name,
      text
        .replaceAll("'posix-mmap'", built('index.js'))
        .replaceAll("'posix-mmap/posix'", built('posix.js'))
        .replaceAll("'posix-mmap/sync'", built('sync.js')),
    )
}

/** How a child ended and all that it said in pipes. */
export async function finished(child: ChildProcess): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => (stdout += data))
  child.stderr?.on('data', (data) => (stderr += data))
  await new Promise((resolve) => child.once('close', resolve))
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr }
}

/** What a child printed that ended well. */
export async function outputOf(child: ChildProcess): Promise<string> {
  const { code, signal, stdout, stderr } = await finished(child)
  if (code !== 0 || signal !== null) throw new Error(`ended with ${signal ?? code}: ${stderr}`)
  return stdout
}

function linesOf(read: () => string[]): string[] {
  try {
    return read()
  } catch {
    return [] // it ended
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

/** Returns when the process is gone, whoever was its parent. */
export async function endOf(pid: number): Promise<void> {
  const alive = () => linesOf(() => [fs.readFileSync(`/proc/${pid}/stat`, 'utf8')])
  // A zombie holds nothing any more.
  while (alive().some((stat) => !/\) [ZX] /.test(stat))) await delay(5)
}
