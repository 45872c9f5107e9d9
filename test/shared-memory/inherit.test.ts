// Shared memory in child processes.

import { type ChildProcess, execFile, fork, spawn, spawnSync } from 'node:child_process'
import { SharedMemory, withShared } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { invalidType, mappingClosed, untyped } from '../support/errors.js'
import { scratchDirectory } from '../support/files.js'
import { runForJson } from '../support/processes.js'
import { outputOf, programsIn } from '../support/programs.js'

const scratch = scratchDirectory()

const program = programsIn(scratch)

const answer = program(
  'answer.mjs',
  `import { SharedMemory } from 'posix-mmap'
   const memory = SharedMemory.inherited('table')
   Atomics.add(memory.view(Int32Array), 0, 1)
   console.log(memory.read(4, 5).toString())
   process.disconnect?.()`,
)

const silentOptions = { silent: true }

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
        spawn(process.execPath, [answer], withShared({ table: memory }, { stdio: [...pipes] })),
    ],
    ['execFile', (memory) => execFile(process.execPath, [answer], withShared({ table: memory }))],
  ])('%s', async (_name, start) => {
    using memory = table()
    expect(await outputOf(start(memory))).toBe('hello\n')
    expect(Atomics.load(memory.view(Int32Array), 0)).toBe(1)
  })

  it('leaves the entries of stdio and env that the caller has made', () => {
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

  it('a worker thread of the child', async () => {
    const threaded = program(
      'threaded.mjs',
      `import { Worker } from 'node:worker_threads'
       import { SharedMemory } from 'posix-mmap'
       SharedMemory.inherited('table').unmap()
       new Worker('${answer}').on('exit', () => process.disconnect())`,
    )
    using memory = table()
    const child = fork(threaded, [], withShared({ table: memory }, silent))
    expect(await outputOf(child)).toBe('hello\n')
  })

  it('a program in another language, at its place in stdio', async (context) => {
    if (spawnSync('python3', ['--version']).error) context.skip('there is no python3 here')
    using memory = table()
    const script = 'import mmap; m = mmap.mmap(3, 0); print(m[4:9].decode()); m[4:9] = b"world"'
    const options = withShared({ table: memory }, { stdio: ['pipe', 'pipe', 'pipe'] })
    expect(await outputOf(spawn('python3', ['-c', script], options))).toBe('hello\n')
    expect(memory.read(4, 5).toString()).toBe('world')
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

  it('refuses anything that is not open shared memory', () => {
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

  it('names the existing keys in its error', async () => {
    using memory = table()
    const output = await outputOf(
      fork(failing('other'), [], withShared({ table: memory }, silentOptions)),
    )
    expect(output).toMatch(/^ERR_INVALID_ARG_VALUE .*'table'/)
  })

  it('throws an error that says so when nothing was passed on', async () => {
    const seen = await runForJson(`
      delete process.env.POSIX_MMAP_SHARED
      const { SharedMemory } = await import('posix-mmap')
      try { SharedMemory.inherited('table') } catch ({ code, message }) {
        console.log(JSON.stringify([code, message.includes('POSIX_MMAP_SHARED')]))
      }`)
    expect(seen).toEqual(['ERR_INVALID_ARG_VALUE', true])
  })

  it('is EBADF when the descriptor was closed and the parent has ended or closed its own', async () => {
    using memory = table()
    const { env, stdio } = withShared({ table: memory }, { stdio: ['ignore', 'pipe', 'pipe'] })
    const text = env['POSIX_MMAP_SHARED']?.replace(/"holder":"[^"]*"/, '"holder":"/nowhere"')
    const child = spawn(process.execPath, [failing('table', 'fs.closeSync(3)')], {
      stdio,
      env: { ...env, POSIX_MMAP_SHARED: text },
    })
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
       try { SharedMemory.inherited('table', { access: 'read-write' }) } catch ({ code }) { codes.push(code) }
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
      expect(await outputOf(start())).toBe('read,EACCES,ERR_MAPPING_FAULT,EACCES\n')
      expect(memory.read(4, 5).toString()).toBe('hello')
    }
  })
})

describe('the environment variable', () => {
  const reader = program(
    'inherited.mjs',
    `import { SharedMemory } from 'posix-mmap'
     for (const key of process.argv.slice(2)) {
       try { console.log(SharedMemory.inherited(key).read(4, 5).toString()) }
       catch ({ code, message }) { console.log(code, message) }
     }
     process.disconnect?.()`,
  )

  it('keeps earlier keys when the options of withShared() are passed to it again', async () => {
    using a = table()
    using b = table()
    b.write(4, 'world')
    const options = withShared({ b }, withShared({ a }, { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] }))
    expect(options.stdio).toEqual(['pipe', 'pipe', 'pipe', 'ipc', a.fd, b.fd])
    expect(await outputOf(fork(reader, ['a', 'b'], options))).toBe('hello\nworld\n')
  })

  it('accepts any key', async () => {
    using memory = table()
    const keys = ['__proto__', 'constructor', '', '"quoted", ünïcode\n']
    const shared = Object.fromEntries(keys.map((key) => [key, memory]))
    const output = await outputOf(fork(reader, keys, withShared(shared, silentOptions)))
    expect(output).toBe('hello\n'.repeat(keys.length))
  })

  it.each(['', 'null', '7', '[]', '{"table":7}', '{"table":[{"fd":3}]}', '{"table'])(
    'that something else has set to %j names nothing',
    async (text) => {
      const env = { ...process.env, POSIX_MMAP_SHARED: text }
      const output = await outputOf(spawn(process.execPath, [reader, 'table'], { env }))
      expect(output).toMatch(/^ERR_INVALID_ARG_VALUE .*POSIX_MMAP_SHARED/)
    },
  )

  it('names no memory that was unmapped or collected', async () => {
    const names = await runForJson(
      `delete process.env.POSIX_MMAP_SHARED
       const { SharedMemory, withShared } = await import('posix-mmap')
       const keys = () => Object.keys(JSON.parse(process.env.POSIX_MMAP_SHARED))
       const kept = SharedMemory.create(1)
       const unmapped = SharedMemory.create(1)
       withShared({ kept, unmapped })
       unmapped.unmap()
       for (let i = 0; i < 100; i++) withShared({ ['dropped' + i]: SharedMemory.create(1) })
       await new Promise((resolve) => setTimeout(resolve, 5)); gc()
       withShared({ kept })
       withShared({ kept })
       console.log(JSON.stringify(keys()))`,
      '--expose-gc',
    )
    expect(names).toEqual(['kept'])
  })
})

describe('cluster', () => {
  it('gives a restarted worker the memory after the primary has dropped it', async () => {
    const worker = program(
      'again.mjs',
      `import { SharedMemory } from 'posix-mmap'
       process.stdout.write(SharedMemory.inherited('table').read(4, 5).toString() + ' ')
       process.exit()`,
    )
    const main = program(
      'forgetful.mjs',
      `import cluster from 'node:cluster'
       import { SharedMemory, withShared } from 'posix-mmap'
       const make = (text) => { const memory = SharedMemory.create(100); memory.write(4, text); return memory }
       const set = () => cluster.setupPrimary(withShared({ table: make('first') }, { exec: '${worker}' }))
       set()
       // Workers keep their memory when another child gets other memory under the same key.
       withShared({ table: make('other') })
       for (let i = 0; i < 3; i++) {
         gc()
         await new Promise((resolve) => setTimeout(resolve, 5))
         await new Promise((resolve) => cluster.fork().on('exit', resolve))
       }`,
    )
    const child = spawn(process.execPath, ['--expose-gc', main])
    expect(await outputOf(child)).toBe('first first first ')
  })
})

describe('withShared() looks at memory last', () => {
  it('so that a getter which unmaps it gives ERR_MAPPING_CLOSED', () => {
    const memory = table()
    const options = {
      get env() {
        memory.unmap()
        return {}
      },
    }
    expect(() => withShared({ memory }, options)).toThrow(mappingClosed)
  })

  it.each([
    ['env: null', { env: null }],
    ['env: 1', { env: 1 }],
    ['stdio: 1', { stdio: 1 }],
    ['options: 1', 1],
  ])('%s', (_name, options) => {
    using memory = table()
    expect(() => withShared({ memory }, untyped(options))).toThrow(invalidType)
  })
})
