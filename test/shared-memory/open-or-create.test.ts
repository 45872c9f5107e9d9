// Strangers who meet at a name.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { SharedMemory } from 'posix-mmap'
import { afterEach, expect, it } from 'vitest'
import { invalidType, invalidValue, outOfRange, untyped } from '../support/errors.js'
import { scratchDirectory } from '../support/files.js'
import { programsIn } from '../support/programs.js'

const program = programsIn(scratchDirectory())
const name = `posix-mmap-meeting-${process.pid}`
const file = `/dev/shm/${name}`
afterEach(() => fs.rmSync(file, { force: true }))

it('opens what there is, and makes what there is not', () => {
  using made = SharedMemory.openOrCreate(name, 1000, { mode: 0o640 })
  expect(made.byteLength).toBe(1000)
  expect(made.name).toBe(`/${name}`)
  expect(made.bytes().every((byte) => byte === 0)).toBe(true)
  expect(fs.statSync(file).mode & 0o777).toBe(0o640 & ~process.umask())
  expect(fs.statSync(file).blocks).toBeGreaterThan(0)
  made.bytes()[5] = 7
  using opened = SharedMemory.openOrCreate(`/${name}`, 1000n)
  expect(opened.bytes()[5]).toBe(7)
})

it('another length is an error that names both', () => {
  using _made = SharedMemory.openOrCreate(name, 1000)
  const call = () => SharedMemory.openOrCreate(name, 2000)
  expect(call).toThrow(invalidValue)
  expect(call).toThrow(/must be 1000, .*Received 2000/)
  expect(fs.statSync(file).size).toBe(1000)
})

it('refuses what cannot be', () => {
  expect(() => SharedMemory.openOrCreate('a/b', 1)).toThrow(invalidValue)
  expect(() => SharedMemory.openOrCreate(untyped(1), 1)).toThrow(invalidType)
  expect(() => SharedMemory.openOrCreate(name, 0)).toThrow(invalidValue)
  expect(() => SharedMemory.openOrCreate(name, -1)).toThrow(outOfRange)
  expect(() => SharedMemory.openOrCreate(name, 2 ** 50)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/ENOSPC|ENOMEM|EFBIG/) }),
  )
  expect(fs.existsSync(file)).toBe(false)
  fs.mkdirSync(file)
  expect(() => SharedMemory.openOrCreate(name, 1)).toThrow(
    expect.objectContaining({ code: 'EISDIR' }),
  )
  fs.rmdirSync(file)
})

it('one without a size is waited for, and taken over when nobody gives it one', () => {
  fs.writeFileSync(file, '')
  const before = performance.now()
  using memory = SharedMemory.openOrCreate(name, 64)
  expect(performance.now() - before).toBeGreaterThanOrEqual(1000)
  expect(memory.byteLength).toBe(64)
  expect(fs.statSync(file).size).toBe(64)
})

it('one that gets its size in time is as its maker wants it', async () => {
  fs.writeFileSync(file, '')
  const maker = spawn('sh', ['-c', `sleep 0.2; truncate -s 128 ${file}`])
  using memory = SharedMemory.openOrCreate(name, 128)
  expect(memory.byteLength).toBe(128)
  await once(maker, 'close')
})

it('8 processes that start at once get one segment, 1,000 times', {
  timeout: 240_000,
}, async () => {
  const rounds = 1000
  const meeter = program(
    'meeter.mjs',
    `import { SharedMemory } from 'posix-mmap'
     import fs from 'node:fs'
     const [,, name, goPath, index] = process.argv
     const go = SharedMemory.open(goPath)
     const words = go.view(Int32Array)
     process.send('ready')
     for (let round = 1; round <= ${rounds}; round++) {
       while (Atomics.load(words, 0) < round);
       const memory = SharedMemory.openOrCreate(name + '-' + round, 4096 * 3)
       const dirty = memory.bytes(64).some((byte) => byte !== 0)
       if (memory.byteLength !== 4096 * 3 || dirty) Atomics.add(words, 2, 1)
       // Whoever is in another segment is missing in this one.
       Atomics.add(memory.view(Int32Array, 0, 1), 0, 1)
       Atomics.add(words, 1, 1)
       while (Atomics.load(words, 1) < 8 * round);
       if (memory.view(Int32Array, 0, 1)[0] !== 8) Atomics.add(words, 3, 1)
       memory.unmap()
       if (index === '0') fs.rmSync('/dev/shm/' + name + '-' + round)
     }
     process.disconnect()`
      .replaceAll(
        'while (Atomics.load(words, 0) < round);',
        'while (Atomics.load(words, 0) < round) Atomics.wait(nap, 0, 0, 1)',
      )
      .replaceAll(
        'while (Atomics.load(words, 1) < 8 * round);',
        'while (Atomics.load(words, 1) < 8 * round) Atomics.wait(nap, 0, 0, 1)',
      )
      .replace(
        "process.send('ready')",
        "const nap = new Int32Array(new SharedArrayBuffer(4))\n process.send('ready')",
      ),
  )
  using go = SharedMemory.create(64)
  const words = go.view(Int32Array)
  const path = `/proc/${process.pid}/fd/${go.fd}`
  const children = Array.from({ length: 8 }, (_, index) =>
    fork(meeter, [name, path, String(index)]),
  )
  const ends = children.map((child) => once(child, 'close'))
  await Promise.all(children.map((child) => once(child, 'message')))
  for (let round = 1; round <= rounds; round++) {
    words[0] = round
    while (Atomics.load(words, 1) < 8 * round)
      await new Promise((resolve) => setTimeout(resolve, 1))
    if (children.some((child) => child.exitCode !== null && child.exitCode !== 0)) break
  }
  await Promise.all(ends)
  // Arrivals, segments that were half made, and those that not all were in.
  expect(Array.from(words.subarray(1, 4))).toEqual([8 * rounds, 0, 0])
  expect(children.map((child) => child.exitCode)).toEqual(Array(8).fill(0))
})

it('a maker that is killed at any moment leaves nothing half made', {
  timeout: 240_000,
}, async () => {
  const maker = program(
    'maker.mjs',
    `import { SharedMemory } from 'posix-mmap'
     process.send('ready')
     process.once('message', () => {
       for (;;) {
         const memory = SharedMemory.openOrCreate(process.argv[2], 1 << 20)
         memory.unmap()
         SharedMemory.unlink(process.argv[2])
       }
     })`,
  )
  const start = async (): Promise<ChildProcess> => {
    const child = fork(maker, [name])
    await once(child, 'message')
    return child
  }
  for (let i = 0; i < 15; i++) {
    const child = await start()
    child.send('go')
    await new Promise((resolve) => setTimeout(resolve, 20 + 3 * i))
    child.kill('SIGKILL')
    await once(child, 'close')
    const left = fs.existsSync(file) ? fs.statSync(file).size : 1 << 20
    expect(left).toBe(1 << 20)
    const before = performance.now()
    using memory = SharedMemory.openOrCreate(name, 1 << 20)
    expect(performance.now() - before).toBeLessThan(900)
    expect(memory.byteLength).toBe(1 << 20)
  }
  expect(fs.readdirSync('/dev/shm').filter((entry) => entry.includes(name))).toEqual([name])
})

it.skipIf(process.getuid?.() !== 0)(
  "another user's is opened where its mode allows it, also with fs.protected_regular (needs root)",
  async () => {
    const place = '/proc/sys/fs/protected_regular'
    const setting = fs.readFileSync(place, 'utf8')
    const umask = process.umask(0)
    try {
      fs.writeFileSync(place, '2')
      const other = 65534
      fs.closeSync(fs.openSync(file, 'w', 0o666))
      fs.truncateSync(file, 64)
      fs.chownSync(file, other, other)
      // What the setting is for: even root may not.
      expect(() => fs.openSync(file, fs.constants.O_CREAT | fs.constants.O_RDWR)).toThrow(
        expect.objectContaining({ code: 'EACCES' }),
      )
      using memory = SharedMemory.openOrCreate(name, 64)
      expect(memory.byteLength).toBe(64)
    } finally {
      process.umask(umask)
      fs.writeFileSync(place, setting)
    }
  },
)
