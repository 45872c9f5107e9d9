// Shared memory in child processes.

import { type ChildProcess, execFile, fork, type SpawnOptions, spawn } from 'node:child_process'
import fs from 'node:fs'
import { SharedMemory, withShared } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import {
  invalidType,
  mappingClosed,
  projectRoot,
  runForJson,
  scratchDirectory,
  untyped,
} from '../support/harness.js'

const scratch = scratchDirectory()

/** A program on disk, below the project so that it finds the package. */
function program(name: string, text: string): string {
  return scratch.file(name, text.replaceAll("'posix-mmap'", `'${projectRoot}dist/index.js'`))
}

const answer = program(
  'answer.mjs',
  `import { SharedMemory } from 'posix-mmap'
   const memory = SharedMemory.inherited('table')
   Atomics.add(memory.view(Int32Array), 0, 1)
   console.log(memory.read(4, 5).toString())
   process.disconnect?.()`,
)

async function outputOf(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout?.on('data', (data) => (text += data))
  child.stderr?.on('data', (data) => (text += data))
  await new Promise((resolve) => child.once('close', resolve))
  expect(child.signalCode).toBeNull()
  return text
}

function table(): SharedMemory {
  const memory = SharedMemory.create(100)
  memory.write(4, 'hello')
  return memory
}

describe('withShared() for', () => {
  const silent = { silent: true }
  const pipes = ['ignore', 'pipe', 'pipe'] as const
  it.each<[string, (memory: SharedMemory) => ChildProcess]>([
    ['fork', (memory) => fork(answer, [], withShared({ table: memory }, silent))],
    [
      'fork with stdio',
      (memory) => fork(answer, [], withShared({ table: memory }, { stdio: [...pipes, 'ipc'] })),
    ],
    [
      'fork with room',
      (memory) =>
        fork(
          answer,
          [],
          withShared({ table: memory }, { stdio: [...pipes, untyped(undefined), 'ipc'] }),
        ),
    ],
    [
      'spawn',
      (memory) =>
        spawn(
          process.execPath,
          [answer],
          withShared({ table: memory }, { stdio: [...pipes] }) as SpawnOptions,
        ),
    ],
    ['execFile', (memory) => execFile(process.execPath, [answer], withShared({ table: memory }))],
  ])('%s', async (_name, start) => {
    using memory = table()
    expect(await outputOf(start(memory))).toBe('hello\n')
    expect(Atomics.load(memory.view(Int32Array), 0)).toBe(1)
  })

  it('leaves the caller entries of stdio and env where they were', () => {
    using a = table()
    using b = table()
    const env = { MINE: '1' }
    const options = withShared(
      { a, b },
      { stdio: ['pipe', 'pipe', 'pipe', undefined, 'ipc'], env, cwd: '/' },
    )
    expect(options.stdio).toEqual(['pipe', 'pipe', 'pipe', a.fd, 'ipc', b.fd])
    expect(options.env).toMatchObject(env)
    expect(options.cwd).toBe('/')
    expect(Object.keys(env)).toEqual(['MINE'])
  })

  it('cluster, restarted workers included', async () => {
    const main = program(
      'cluster.mjs',
      `import cluster from 'node:cluster'
       import { SharedMemory, withShared } from 'posix-mmap'
       const memory = SharedMemory.create(100)
       cluster.setupPrimary(withShared({ table: memory }, { exec: '${program(
         'worker.mjs',
         `import { SharedMemory } from 'posix-mmap'
          const word = SharedMemory.inherited('table').view(Int32Array)
          Atomics.add(word, 0, 1)
          process.kill(process.pid, 'SIGKILL')`,
       )}' }))
       let started = 0
       const next = () => { if (started++ < 5) cluster.fork().on('exit', next); else console.log(memory.view(Int32Array)[0]) }
       next()`,
    )
    expect(await outputOf(spawn(process.execPath, [main]))).toBe('5\n')
  })

  it('a child of a child', async () => {
    const middle = program(
      'middle.mjs',
      `import { fork } from 'node:child_process'
       import { SharedMemory, withShared } from 'posix-mmap'
       const memory = SharedMemory.inherited('table')
       fork('${answer}', [], withShared({ table: memory }))`,
    )
    using memory = table()
    expect(await outputOf(fork(middle, [], withShared({ table: memory }, silent)))).toBe('hello\n')
  })

  it('refuses what is no open shared memory', () => {
    const memory = table()
    memory.unmap()
    expect(() => withShared({ memory })).toThrow(mappingClosed)
    expect(() => withShared(untyped({ a: 1 }))).toThrow(invalidType)
    expect(() => withShared(untyped(null))).toThrow(invalidType)
  })
})

describe('SharedMemory.inherited()', () => {
  const failing = (key: string, before = '') =>
    program(
      `failing-${key}.mjs`,
      `import fs from 'node:fs'
       import { SharedMemory } from 'posix-mmap'
       ${before}
       try { SharedMemory.inherited('${key}') } catch ({ code, message }) { console.log(code, message) }
       process.disconnect?.()`,
    )

  it('names the keys that there are', async () => {
    using memory = table()
    const output = await outputOf(
      fork(failing('other'), [], withShared({ table: memory }, silentOptions)),
    )
    expect(output).toMatch(/^ERR_INVALID_ARG_VALUE .*'table'/)
  })

  it('says so when nothing was passed on', async () => {
    const seen = await runForJson(`
      delete process.env.POSIX_MMAP_SHARED
      const { SharedMemory } = await import('posix-mmap')
      try { SharedMemory.inherited('table') } catch ({ code, message }) {
        console.log(JSON.stringify([code, message.includes('POSIX_MMAP_SHARED')]))
      }`)
    expect(seen).toEqual(['ERR_INVALID_ARG_VALUE', true])
  })

  it('says so when the descriptor was closed and the parent is not to be asked', async () => {
    using memory = table()
    const { env, stdio } = withShared({ table: memory }, { stdio: ['ignore', 'pipe', 'pipe'] })
    const text = env['POSIX_MMAP_SHARED']?.replace(/"holder":"[^"]*"/, '"holder":"/nowhere"')
    const child = spawn(process.execPath, [failing('table', 'fs.closeSync(3)')], {
      stdio,
      env: { ...env, POSIX_MMAP_SHARED: text },
    } as SpawnOptions)
    expect(await outputOf(child)).toMatch(/^EBADF .*'table'/)
  })

  it('does not make a read-only segment writable', async () => {
    const reader = program(
      'reader.mjs',
      `import { SharedMemory } from 'posix-mmap'
       const memory = SharedMemory.inherited('table')
       const codes = [memory.access]
       try { memory.protect('read-write') } catch ({ code }) { codes.push(code) }
       try { memory.write(0, 'x') } catch ({ code }) { codes.push(code) }
       memory.bytes()[4] = 0
       console.log(codes.join())
       process.disconnect?.()`,
    )
    using memory = table()
    using passed = memory.readOnly()
    for (const start of [
      () => fork(reader, [], withShared({ table: passed }, silentOptions)),
      () => execFile(process.execPath, [reader], withShared({ table: passed })),
    ]) {
      expect(await outputOf(start())).toBe('read,EACCES,ERR_MAPPING_FAULT\n')
      expect(memory.read(4, 5).toString()).toBe('hello')
    }
  })
})

const silentOptions = { silent: true }

it('counters are exact after 8 processes of 1,000,000 Atomics.add', {
  timeout: 120_000,
}, async () => {
  const adder = program(
    'adder.mjs',
    `import { SharedMemory } from 'posix-mmap'
     const words = SharedMemory.inherited('words').view(Int32Array)
     for (let i = 0; i < 1_000_000; i++) Atomics.add(words, i & 1, 1)
     process.disconnect?.()`,
  )
  using words = SharedMemory.create(8)
  const children = Array.from({ length: 8 }, () =>
    fork(adder, [], withShared({ words }, silentOptions)),
  )
  await Promise.all(children.map(outputOf))
  expect([...words.view(Int32Array)]).toEqual([4_000_000, 4_000_000])
})

it('a killed process leaves nothing in /dev/shm', async () => {
  const before = fs.readdirSync('/dev/shm')
  const victim = program(
    'victim.mjs',
    `import { SharedMemory } from 'posix-mmap'
     const kept = Array.from({ length: 100 }, () => SharedMemory.create(1 << 16))
     process.kill(process.pid, 'SIGKILL')`,
  )
  const child = spawn(process.execPath, [victim])
  await new Promise((resolve) => child.once('close', resolve))
  expect(child.signalCode).toBe('SIGKILL')
  expect(fs.readdirSync('/dev/shm').filter((name) => !before.includes(name))).toEqual([])
})
