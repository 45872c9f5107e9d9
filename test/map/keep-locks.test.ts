// keepLocks: the POSIX locks that the process holds on a file survive its mappings. The lock is taken by
// a library that is preloaded, as a database would take it, and tried by a second process.

import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { mapFile, pageSize } from 'posix-mmap'
import { beforeAll, describe, expect, it } from 'vitest'
import { invalidType, invalidValue, systemError, untyped } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { projectRoot } from '../support/processes.js'

const scratch = scratchDirectory()
const library = path.join(scratch.directory, 'posix-lock.so')
let missing: string | undefined

beforeAll(() => {
  const source = fileURLToPath(new URL('../support/posix-lock.c', import.meta.url))
  const compiled = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source])
  if (compiled.status !== 0) missing = 'needs a C compiler'
  else if (spawnSync('python3', ['--version']).error) missing = 'there is no python3 here'
})

/** What a process that holds a lock prints: `held()` is whether another process finds it held. */
function underLock(file: string, script: string): unknown {
  const probe = `import fcntl,sys
f=open(sys.argv[1],'r+b')
try:
    fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB); print('free')
except OSError: print('held')`
  const whole = `
    import fs from 'node:fs'
    import { spawnSync } from 'node:child_process'
    import { mapFile, pageSize } from 'posix-mmap'
    const file = ${JSON.stringify(file)}
    const env = { ...process.env, LD_PRELOAD: '', POSIX_LOCK_FILE: '' }
    const held = () => spawnSync('python3', ['-c', ${JSON.stringify(probe)}, file], { env, encoding: 'utf8' }).stdout.trim() === 'held'
    const print = (value) => console.log(JSON.stringify(value))
    ${script}`
  const env = { ...process.env, LD_PRELOAD: library, POSIX_LOCK_FILE: file }
  const options = { cwd: projectRoot, env, encoding: 'utf8' } as const
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', whole], options))
}

describe('with keepLocks', () => {
  const file = scratch.file('database', pattern(2 * pageSize))

  const uses: [string, string][] = [
    ['reading', `mapFile(file, { keepLocks: true }).unmap()`],
    ['writing', `mapFile(file, { access: 'read-write', keepLocks: true }).write(0, 'x')`],
    ['copy-on-write', `mapFile(file, { access: 'copy-on-write', keepLocks: true }).bytes()[0] = 1`],
    ['a path as bytes', `mapFile(Buffer.from(file), { keepLocks: true })`],
    ['growth', `mapFile(file, { access: 'read-write', size: 3 * pageSize, keepLocks: true })`],
    ['an error', `try { mapFile(file, { offset: 2 ** 40, keepLocks: true }) } catch {}`],
    [
      'resize() and unmap()',
      `const m = mapFile(file, { access: 'read-write', keepLocks: true }); m.resize(5 * pageSize); m.resize(2 * pageSize); m.unmap()`,
    ],
    [
      'flush, populate and a stream',
      `const m = mapFile(file, { access: 'read-write', keepLocks: true }); m.write(1, 'y'); await m.flush(); await m.populate(); for await (const chunk of m.createReadStream()) chunk.length; m.unmap()`,
    ],
    [
      'a hundred at once',
      `const all = Array.from({ length: 100 }, () => mapFile(file, { keepLocks: true })); for (const m of all) m.unmap()`,
    ],
  ]

  it.for(uses)('%s leaves the lock', ([, use], { skip }) => {
    if (missing !== undefined) skip(missing)
    expect(underLock(file, `const before = held(); ${use}; print([before, held()])`)).toEqual([
      true,
      true,
    ])
  })

  it('the lock would be lost without', ({ skip }) => {
    if (missing !== undefined) skip(missing)
    const seen = underLock(
      file,
      `const before = held(); mapFile(file).unmap(); print([before, held()])`,
    )
    expect(seen).toEqual([true, false])
  })

  it('resize() of a mapping by a descriptor leaves the lock too', ({ skip }) => {
    if (missing !== undefined) skip(missing)
    const seen = underLock(
      file,
      `const fd = fs.openSync(file, 'r+')
       const m = mapFile(fd, { access: 'read-write' })
       m.resize(5 * pageSize); m.resize(2 * pageSize); m.unmap()
       print([held(), fs.statSync(file).size === 2 * pageSize])`,
    )
    expect(seen).toEqual([true, true])
  })

  it('in a worker thread, and after it has ended', ({ skip }) => {
    if (missing !== undefined) skip(missing)
    const seen = underLock(
      file,
      `import { Worker } from 'node:worker_threads'
       const body = "const { mapFile } = require('posix-mmap'); globalThis.m = mapFile(require('node:worker_threads').workerData, { keepLocks: true })"
       const worker = new Worker(body, { eval: true, execArgv: [], workerData: file })
       await new Promise((resolve) => worker.once('exit', resolve))
       print(held())`,
    )
    expect(seen).toBe(true)
  })

  it('a process that is out of descriptors can still map', ({ skip }) => {
    if (missing !== undefined) skip(missing)
    const seen = underLock(
      file,
      `mapFile(file, { keepLocks: true }).unmap()
       const open = []
       try { for (;;) open.push(fs.openSync('/dev/null')) } catch {}
       let byte
       try { byte = mapFile(file, { keepLocks: true }).read(0, 1).length } catch (error) { byte = error.code }
       for (const fd of open) fs.closeSync(fd)
       print(byte)`,
    )
    expect(seen).toBe(1)
  })

  it('has the errors of open(2), and leaves nothing open', () => {
    const nowhere = path.join(scratch.directory, 'nowhere')
    const options = { keepLocks: true } as const
    expect(() => mapFile(nowhere, options)).toThrow(systemError('ENOENT', 'open', nowhere))
    expect(() => mapFile(scratch.directory, options)).toThrow(
      systemError('EISDIR', 'fstat', scratch.directory),
    )
    const created = mapFile(nowhere, {
      ...options,
      access: 'read-write',
      create: 'exclusive',
      size: 10,
    })
    expect(fs.statSync(nowhere).size).toBe(10)
    expect(() =>
      mapFile(nowhere, { ...options, access: 'read-write', create: 'exclusive' }),
    ).toThrow(systemError('EEXIST', 'open', nowhere))
    created.unmap()
  })

  it('is for paths', () => {
    expect(() => mapFile(0, { keepLocks: true })).toThrow(invalidValue)
    expect(() => mapFile(file, untyped({ keepLocks: 1 }))).toThrow(invalidType)
  })
})
