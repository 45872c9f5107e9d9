// The programs of cases.js, which once failed, each in a process whose end is looked at.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { type FuseMode, whyNoFuse, withFuse } from '../../support/fuse/fuse.js'
import { type Finished, projectRoot, runCommand } from '../../support/processes.js'

const scratch = scratchDirectory()

async function runCase(name: string, given = ''): Promise<Finished> {
  const directory = fs.mkdtempSync(path.join(scratch.directory, `${name}-`))
  const program = path.join(projectRoot, 'test/behaviour/cases/cases.js')
  const finished = await runCommand(
    process.execPath,
    ...['--expose-gc', '--no-warnings', program, name, directory, given],
  )
  fs.rmSync(directory, { recursive: true })
  return finished
}

const well = { code: 0, signal: null, stdout: 'as it should be\n', stderr: '' }

it.each([
  'sort-while-truncated',
  'text-while-truncated',
  'cut-inside-a-page',
  'cut-inside-the-last-page',
  'flush-of-a-replaced-page',
  'stream-lost-after-hand-out',
  'resize-during-gzip',
  'untransferable-then-unmap',
  'byob-then-worker-ends',
  'byte-stream-of-views',
  'faults-up-to-the-vma-limit',
  'others-map-too',
  'out-of-descriptors',
  'view-outlives-mapping',
  'listener-keeps-mapping',
  'search-without-an-end',
  'guard-kind-after-protect',
  'guard-neighbours-replaced',
  'resize-after-partial-protect',
  'guard-lost-by-resize',
  'forged-handle',
  'descriptor-closed-by-others',
  'growable-shared-buffer',
  'inspect',
  'file-of-proc',
])('%s', async (name) => {
  expect(await runCase(name)).toEqual(well)
})

/** Why this command cannot run here; undefined if it can. */
function whyNot(what: string, command: string, ...args: string[]): string | undefined {
  const { status } = spawnSync(command, args, { cwd: projectRoot })
  return status === 0 ? undefined : `${what} is not allowed here`
}

const lockMuch = `
  import { mapAnonymous } from 'posix-mmap'
  mapAnonymous(2 ** 30, { noReserve: true }).lockSync({ onDemand: true })`

it.for<[string, string, string, ...string[]]>([
  [
    ...(['unlock-every-other-page', 'to lock a GiB', process.execPath] as const),
    ...['--input-type=module', '--eval', lockMuch],
  ],
  ['not-supported-code', 'to mount a file system', 'unshare', '-m', 'true'],
  ['full-file-system', 'to mount a file system', 'unshare', '-m', 'true'],
  ['lock-limit', 'to be another user', 'setpriv', '--reuid', '65534', 'true'],
])('%s', async ([name, what, command, ...args], { skip }) => {
  const reason = whyNot(what, command, ...args)
  if (reason !== undefined) skip(reason)
  const { stdout, ...rest } = await runCase(name)
  expect(rest).toEqual({ code: 0, signal: null, stderr: '' })
  expect(stdout).toContain(well.stdout)
})

describe('on a file system that fails', () => {
  it.for<[string, FuseMode]>([
    ['fuse-no-shared-mappings', 'direct'],
    ['fuse-io-error', 'eio'],
    ['fuse-hang-and-abort', 'hang'],
  ])('%s', async ([name, mode], { skip }) => {
    const reason = whyNoFuse()
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, mode, async ({ file, setMode }) => {
      const ended = runCase(name, file)
      // A thread of the process is the kernel's until the file system answers.
      if (mode === 'hang') await delay(5000).then(() => setMode('plain'))
      expect(await ended).toEqual(well)
    })
  })
})
