// A file that is followed while it is replaced.

import { type ChildProcess, fork } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { type LatestFile, mapLatest } from 'posix-mmap/shared'
import { afterAll, expect, it, vi } from 'vitest'
import {
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  thrownBy,
  untyped,
} from '../../support/errors.js'
import { scratchDirectory } from '../../support/files.js'
import { run } from '../../support/processes.js'
import { finished, programsIn } from '../../support/programs.js'

const scratch = scratchDirectory()
const program = programsIn(scratch)
const open: LatestFile[] = []
afterAll(() => {
  for (const latest of open) latest.close()
})

function follow(...args: Parameters<typeof mapLatest>): LatestFile {
  const latest = mapLatest(...args)
  open.push(latest)
  return latest
}

function replace(file: string, content: string | Uint8Array, times?: fs.Stats): void {
  const next = `${file}.${process.pid}.new`
  fs.writeFileSync(next, content)
  if (times !== undefined) fs.utimesSync(next, times.atime, times.mtime)
  fs.renameSync(next, file)
}

const seldom = { interval: 2 ** 31 - 1 }
const often = { interval: 5 }

it('has the newest file, and leaves those before as they are', async () => {
  const file = scratch.file('plain', 'one')
  const onChange = vi.fn()
  const latest = follow(pathToFileURL(file), { ...seldom, onChange })
  const first = latest.current
  const view = first.bytes()
  expect(latest.version).toBe(1)
  expect(latest.refresh()).toBe(false)
  replace(file, 'the second')
  // By inotify, or by this where that is missing.
  latest.refresh()
  await vi.waitFor(() => expect(latest.version).toBe(2))
  expect(latest.current.text()).toBe('the second')
  expect(onChange.mock.calls).toEqual([[latest.current, 2, first]])
  expect(first.closed).toBe(false)
  expect(Buffer.from(view).toString()).toBe('one')
})

it('sees a file of the same length and time, again and again', () => {
  const file = scratch.file('same', '0000')
  const times = fs.statSync(file)
  const latest = follow(file, seldom)
  const inodes = new Set<bigint>()
  for (let round = 1; round <= 300; round++) {
    const content = String(round).padStart(4, '0')
    replace(file, content, times)
    inodes.add(fs.statSync(file, { bigint: true }).ino)
    // Even where nobody has the mapping any more, whose file could be the number's otherwise.
    if (round % 2 === 0) latest.current.unmap()
    expect(latest.refresh()).toBe(true)
    expect(latest.current.text()).toBe(content)
    expect(latest.version).toBe(round + 1)
  }
  expect(inodes.size).toBeGreaterThan(1)
})

it('keeps the last one while the path is missing', async () => {
  const file = scratch.file('missing', 'one')
  const latest = follow(file, often)
  fs.renameSync(file, `${file}.away`)
  await vi.waitFor(() => expect(latest.error).toMatchObject({ code: 'ENOENT' }))
  expect(latest.current.text()).toBe('one')
  expect(latest.version).toBe(1)
  replace(file, 'two')
  await vi.waitFor(() => expect(latest.current.text()).toBe('two'))
  expect(latest.error).toBeNull()
  // Nothing that can be mapped.
  fs.unlinkSync(file)
  fs.mkdirSync(file)
  await vi.waitFor(() => expect(latest.error).not.toBeNull())
  expect(latest.current.text()).toBe('two')
  fs.rmdirSync(file)
  replace(file, '')
  await vi.waitFor(() => expect(latest.current.byteLength).toBe(0))
})

it('looks now and then where no event comes: behind a link, and in a directory that was replaced', async () => {
  const directory = scratch.file('directory')
  fs.mkdirSync(directory)
  const target = scratch.file('directory/target', 'one')
  const links = scratch.file('links')
  fs.mkdirSync(links)
  const link = path.join(links, 'link')
  fs.symlinkSync(target, link)
  const latest = follow(link, often)
  replace(target, 'two')
  await vi.waitFor(() => expect(latest.current.text()).toBe('two'))
  fs.renameSync(links, `${links}.away`)
  fs.mkdirSync(links)
  fs.writeFileSync(link, 'three')
  await vi.waitFor(() => expect(latest.current.text()).toBe('three'))
  replace(link, 'four')
  await vi.waitFor(() => expect(latest.current.text()).toBe('four'))
})

it('does without inotify', async () => {
  const file = scratch.file('polled', 'one')
  const { code, stdout, stderr } = await run(`
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    fs.watch = () => { throw Object.assign(new Error('no'), { code: 'ENOSPC' }) }
    syncBuiltinESMExports()
    const { mapLatest } = await import('posix-mmap/shared')
    const latest = mapLatest(${JSON.stringify(file)}, { interval: 5 })
    fs.writeFileSync(${JSON.stringify(`${file}.new`)}, 'two')
    fs.renameSync(${JSON.stringify(`${file}.new`)}, ${JSON.stringify(file)})
    const timer = setInterval(() => {}, 1000)
    for await (const version of latest.changes()) {
      console.log(version, latest.current.text())
      break
    }
    clearInterval(timer)`)
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '2 two\n', stderr: '' })
})

it('does not keep the process alive', async () => {
  const file = scratch.file('alive', 'one')
  const { code, stderr } = await run(`
    import { mapLatest } from 'posix-mmap/shared'
    const latest = mapLatest(${JSON.stringify(file)})
    latest.changes().next()`)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

it('tells of changes, until it is closed', async () => {
  const file = scratch.file('changes', 'one')
  const latest = follow(file, seldom)
  const changes = latest.changes()
  replace(file, 'two')
  latest.refresh()
  replace(file, 'three')
  latest.refresh()
  expect(await changes.next()).toEqual({ done: false, value: 3 })
  const controller = new AbortController()
  const aborted = latest.changes({ signal: controller.signal }).next()
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(aborted).rejects.toBe(reason)
  const last = changes.next()
  await delay(1)
  const { current } = latest
  latest.close()
  latest[Symbol.dispose]()
  expect(await last).toEqual({ done: true, value: undefined })
  expect(current.text()).toBe('three')
  for (const use of [() => latest.current, () => latest.refresh(), () => latest.changes()]) {
    expect(thrownBy(use)).toEqual(mappingClosed)
  }
})

it('gives memory and descriptors of old files back', async () => {
  const file = scratch.file('collected', 'one')
  const { code, stdout, stderr } = await run(
    `
    import fs from 'node:fs'
    import { setTimeout as delay } from 'node:timers/promises'
    import { mapLatest } from 'posix-mmap/shared'
    const file = ${JSON.stringify(file)}
    const latest = mapLatest(file, { interval: 1e6 })
    const count = () => fs.readFileSync('/proc/self/maps', 'utf8').split('collected').length - 1
    const descriptors = () => fs.readdirSync('/proc/self/fd').length
    latest.current.bytes()
    const before = descriptors()
    for (let round = 0; round < 50; round++) {
      fs.writeFileSync(file + '.new', 'x'.repeat(round + 1))
      fs.renameSync(file + '.new', file)
      latest.refresh()
      latest.current.bytes()
    }
    for (let i = 0; i < 50 && count() > 1; i++) { gc(); await delay(10) }
    console.log(count(), descriptors() - before)
    latest.close()`,
    '--expose-gc',
  )
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '1 0\n', stderr: '' })
})

it('checks its arguments', () => {
  const file = scratch.file('arguments', 'one')
  const wrong: [unknown, () => unknown][] = [
    [invalidType, () => mapLatest(untyped(3))],
    [invalidValue, () => mapLatest('a\0b')],
    [invalidType, () => mapLatest(file, untyped(1))],
    [invalidType, () => mapLatest(file, { onChange: untyped(1) })],
    [invalidType, () => mapLatest(file, { interval: untyped('1') })],
    [outOfRange, () => mapLatest(file, { interval: 0 })],
    [outOfRange, () => mapLatest(file, { interval: 2 ** 31 })],
    [invalidValue, () => mapLatest(file, { create: true })],
    [invalidValue, () => mapLatest(file, { access: 'read-write', size: 1 })],
    [invalidValue, () => mapLatest(file, { keepLocks: true })],
    [outOfRange, () => mapLatest(file, { offset: 100 })],
    [expect.objectContaining({ code: 'ENOENT' }), () => mapLatest(`${file}.missing`)],
    [invalidType, () => follow(file).changes({ signal: untyped(1) })],
  ]
  for (const [error, call] of wrong) expect(thrownBy(call)).toEqual(error)
})

it('is one whole file in every process, however fast files are replaced', async () => {
  const file = scratch.file('load', Buffer.alloc(65536, 1))
  const reader = program(
    'reader.mjs',
    `import { mapLatest } from 'posix-mmap/shared'
     const latest = mapLatest(process.argv[2], { interval: 20 })
     let reads = 0, mixed = 0, last = 0
     const read = () => {
       if (latest.version < last) mixed++
       last = latest.version
       const bytes = latest.current.bytes()
       const first = bytes[0]
       // Each file has as many pages as its bytes say.
       if (bytes.length !== 65536 + 4096 * (first % 7) || bytes.some((byte) => byte !== first)) mixed++
       reads++
       if (first === 255) {
         console.log(JSON.stringify({ mixed, many: reads > 10, changed: latest.version > 1 }))
         process.exit()
       }
       setImmediate(read)
     }
     read()
     process.send('ready')`,
  )
  const start = () => fork(reader, [file], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  fs.writeFileSync(file, Buffer.alloc(65536 + 4096, 1))
  const readers: ChildProcess[] = [start(), start()]
  const ends = readers.map(finished)
  await Promise.all(readers.map((child) => new Promise((ready) => child.once('message', ready))))
  for (let round = 0; round < 300; round++) {
    const byte = 1 + (round % 250)
    replace(file, Buffer.alloc(65536 + 4096 * (byte % 7), byte))
    if (round % 10 === 0) await delay(5)
  }
  replace(file, Buffer.alloc(65536 + 4096 * (255 % 7), 255))
  for (const { code, stdout } of await Promise.all(ends)) {
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ mixed: 0, many: true, changed: true })
  }
})
