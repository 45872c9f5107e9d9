// A file system that does what disks and networks do at their worst; see server.py.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Scratch } from '../files.js'

export type FuseMode = 'plain' | 'direct' | 'eio' | 'hang'

const server = fileURLToPath(new URL('server.py', import.meta.url))

/** Why there can be no such file system here; undefined if there can. */
export function whyNoFuse(): string | undefined {
  if (process.geteuid?.() !== 0) return 'a FUSE file system needs root'
  if (!fs.existsSync('/dev/fuse')) return 'there is no /dev/fuse here'
  if (spawnSync('python3', ['--version']).error) return 'there is no python3 here'
  return undefined
}

export interface Fuse {
  /** A file of 1 MiB in it; see {@link fuseByte}. */
  readonly file: string
  setMode(mode: FuseMode): Promise<void>
}

/** The byte that a page of the file is full of. */
export function fuseByte(page: number): number {
  return (page % 251) + 1
}

async function answer(child: ChildProcess): Promise<void> {
  let errors = ''
  child.stderr?.on('data', (data) => (errors += data))
  const gone = once(child, 'exit').then(([code]) => `ended with ${code}: ${errors}`)
  const said = once(child.stdout as NodeJS.ReadableStream, 'data').then(() => undefined)
  const problem = await Promise.race([said, gone])
  if (problem !== undefined) throw new Error(`the FUSE server ${problem}`)
}

/** Runs `body` while the file system is there. */
export async function withFuse<R>(
  scratch: Scratch,
  mode: FuseMode,
  body: (fuse: Fuse) => Promise<R>,
): Promise<R> {
  const mountpoint = fs.mkdtempSync(path.join(scratch.directory, 'fuse-'))
  const child = spawn('python3', [server, mountpoint, mode], { stdio: 'pipe' })
  try {
    await answer(child)
    return await body({
      file: path.join(mountpoint, 'file'),
      setMode: async (next) => {
        child.stdin.write(`${next}\n`)
        await answer(child)
      },
    })
  } finally {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined
    child.stdin.end()
    await ended
  }
}
