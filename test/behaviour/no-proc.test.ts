// Without /proc, as in a chroot or a hardened container.

import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { projectRoot } from '../support/processes.js'

const scratch = scratchDirectory()

/** Hides /proc from a command, in a mount namespace of its own. */
const hide = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /proc && exec "$@"', 'sh']

function whyNot(): string | undefined {
  const [command = '', ...args] = [...hide, 'test', '!', '-e', '/proc/self']
  return spawnSync(command, args).status === 0 ? undefined : 'to hide /proc needs root'
}

function printed(script: string): unknown {
  const [command = '', ...args] = [...hide, process.execPath, '--input-type=module', '-e', script]
  const { status, signal, stdout, stderr } = spawnSync(command, args, {
    cwd: projectRoot,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`ended with ${signal ?? status}: ${stderr}`)
  return JSON.parse(stdout)
}

const reason = whyNot()

it('shared memory is made, sealed and passed on; limits are told', ({ skip }) => {
  if (reason !== undefined) skip(reason)
  const seen = printed(`
    import { limits, mapFile, Mapping, SharedMemory } from 'posix-mmap'
    const memory = SharedMemory.create(100000)
    memory.write(0, 'hello')
    const other = Mapping.attach(memory.share())
    const tooMuch = (() => { try { SharedMemory.create(2 ** 45) } catch ({ code }) { return code } })()
    const { maxMapCount, lockedBytes } = limits()
    console.log(JSON.stringify([other.text(0, 5), memory.seals, tooMuch, maxMapCount, lockedBytes > 0]))`)
  expect(seen).toEqual([
    'hello',
    expect.arrayContaining(['shrink', 'grow']),
    'ENOMEM',
    65_530,
    true,
  ])
})

it('readOnly() goes by a name or a path, and is ENOENT with the reason without one', ({ skip }) => {
  if (reason !== undefined) skip(reason)
  const name = `/posix-mmap-no-proc-${process.pid}`
  const seen = printed(`
    import { SharedMemory } from 'posix-mmap'
    import fs from 'node:fs'
    const outcome = (body) => { try { return body() } catch ({ code, message }) { return [code, message.includes('/proc is not mounted')] } }
    const named = SharedMemory.create(100, { name: '${name}' })
    named.write(0, 'named')
    const first = outcome(() => named.readOnly().text(0, 5))
    const byPath = SharedMemory.open('/dev/shm${name}')
    const second = outcome(() => byPath.readOnly().text(0, 5))
    SharedMemory.unlink('${name}')
    SharedMemory.create(100, { name: '${name}' })
    const replaced = outcome(() => named.readOnly())
    SharedMemory.unlink('${name}')
    console.log(JSON.stringify([first, second, replaced, outcome(() => SharedMemory.create(100).readOnly())]))`)
  expect(seen).toEqual(['named', 'named', ['ENOENT', true], ['ENOENT', true]])
})

it('files are mapped, faults contained, locks kept, and a file is resized', ({ skip }) => {
  if (reason !== undefined) skip(reason)
  const file = scratch.file('file', Buffer.alloc(100_000, 1))
  const seen = printed(`
    import fs from 'node:fs'
    import { mapFile } from 'posix-mmap'
    const m = mapFile('${file}', { access: 'read-write', keepLocks: true })
    m.resize(200_000)
    m.resize(100_000)
    fs.truncateSync('${file}', 0)
    console.log(JSON.stringify([m.bytes()[99_000], m.fault.kind]))`)
  expect(seen).toEqual([0, 'truncated'])
})
