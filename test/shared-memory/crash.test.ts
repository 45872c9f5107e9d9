// Parents and children are killed at every stage; the tests look at what is left of their memory.

import { type ChildProcess, fork, spawn } from 'node:child_process'
import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { SharedMemory, withShared } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { endOf, finished, holdersOf, outputOf, programsIn } from '../support/programs.js'
import { expectNothingNew, traces } from '../support/traces.js'

const program = programsIn(scratchDirectory())
let labels = 0
const newLabel = () => `posix-mmap-crash-${process.pid}-${labels++}`
const segments = () =>
  fs.readdirSync('/dev/shm').filter((name) => name.includes('posix-mmap-crash'))

/** Code that kills its own process with SIGKILL at the stage that its arguments name. */
const deadly = `
  const at = (stage) => { if (process.argv[2] === stage) process.kill(process.pid, 'SIGKILL') }`

const child = program(
  'child.mjs',
  `import { SharedMemory } from 'posix-mmap'
   ${deadly}
   process.on('message', () => {})
   process.on('disconnect', () => process.exit())
   at('started')
   const memory = SharedMemory.inherited('table')
   at('inherited')
   const words = memory.view(Int32Array)
   Atomics.add(words, 0, 1)
   at('added')
   const own = SharedMemory.create(1 << 16, { label: process.argv[3] })
   at('made its own')
   own.unmap()
   memory.unmap()
   at('unmapped')
   // The callback takes the error if the parent is dead.
   process.send('done', () => {})`,
)

const parent = program(
  'parent.mjs',
  `import { fork } from 'node:child_process'
   import { SharedMemory, withShared } from 'posix-mmap'
   ${deadly}
   const [, , , ofChild, label] = process.argv
   const table = SharedMemory.create(1 << 20, { label })
   at('made')
   table.write(0, Buffer.alloc(1 << 20, 7))
   const reader = table.readOnly()
   at('written')
   table.sealWrites()
   at('sealed')
   const counts = SharedMemory.create(64, { label })
   const children = [ofChild, 'never'].map((stage) =>
     fork('${child}', [stage, label], withShared({ table: counts, reader })))
   console.log(JSON.stringify(children.map(({ pid }) => pid)))
   at('forked')
   await Promise.race(children.map((each) => new Promise((resolve) => each.once('message', resolve))))
   at('answered')
   counts.unmap()
   table.unmap()
   at('unmapped')
   await Promise.all(children.map((each) => new Promise((resolve) => {
     if (each.exitCode !== null || each.signalCode !== null) resolve()
     else each.once('exit', resolve)
     if (each.connected) each.disconnect()
   })))
   console.log(JSON.stringify(children.map(({ exitCode, signalCode }) => signalCode ?? exitCode)))`,
)

describe('nothing is left when', () => {
  const stages = {
    parent: ['made', 'written', 'sealed', 'forked', 'answered', 'unmapped'],
    child: ['started', 'inherited', 'added', 'made its own', 'unmapped'],
  }
  const cases = [
    ...stages.parent.map((stage) => ['a parent', stage, 'never'] as const),
    ...stages.child.map((stage) => ['a child', 'never', stage] as const),
    ['both', 'answered', 'added'] as const,
  ]
  it.each(cases)('%s is killed (parent: %s, child: %s)', async (who, ofParent, ofChild) => {
    const label = newLabel()
    const { signal, code, stdout, stderr } = await finished(
      spawn(process.execPath, [parent, ofParent, ofChild, label]),
    )
    expect(stderr).toBe('')
    expect({ signal, code }).toEqual(
      who === 'a child' ? { signal: null, code: 0 } : { signal: 'SIGKILL', code: null },
    )
    const [pids = '[]', ends] = stdout.split('\n')
    if (who === 'a child') expect(JSON.parse(ends ?? '')).toEqual(['SIGKILL', 0])
    await Promise.all(JSON.parse(pids || '[]').map(endOf))
    expect(holdersOf(label)).toEqual([])
    expect(segments()).toEqual([])
  })
})

it('the search for descriptors and mappings finds those of this process', () => {
  const label = newLabel()
  using _memory = SharedMemory.create(1, { label })
  expect(holdersOf(label)).toHaveLength(2)
})

it('children of a killed parent keep the memory, and it ends with the last of them', async () => {
  const label = newLabel()
  const survivor = program(
    'survivor.mjs',
    `import { spawn } from 'node:child_process'
     import { SharedMemory, withShared } from 'posix-mmap'
     const table = SharedMemory.inherited('table')
     process.on('disconnect', () => {
       // The parent is dead: only the inherited descriptor is left to pass on.
       const options = withShared({ table }, { stdio: ['ignore', 'inherit', 'inherit'] })
       spawn(process.execPath, ['${program(
         'heir.mjs',
         `import { SharedMemory } from 'posix-mmap'
          console.log(SharedMemory.inherited('table').read(0, 5).toString())`,
       )}'], options).once('exit', (...end) => console.log(JSON.stringify(end)))
     })
     process.send('ready')`,
  )
  const doomed = program(
    'doomed.mjs',
    `import { fork } from 'node:child_process'
     import { SharedMemory, withShared } from 'posix-mmap'
     const table = SharedMemory.create(100, { label: '${label}' })
     table.write(0, 'hello')
     const child = fork('${survivor}', [], withShared({ table }))
     child.once('message', () => {
       console.log(child.pid)
       process.kill(process.pid, 'SIGKILL')
     })`,
  )
  const { signal, stdout } = await finished(spawn(process.execPath, [doomed]))
  expect(signal).toBe('SIGKILL')
  const [pid, ...said] = stdout.trim().split('\n')
  expect(said).toEqual(['hello', '[0,null]'])
  await endOf(Number(pid))
  expect(holdersOf(label)).toEqual([])
})

it('a parent notices nothing of 30 children that are killed while they write', {
  timeout: 240_000,
}, async () => {
  const label = newLabel()
  const writer = program(
    'writer.mjs',
    `import { SharedMemory } from 'posix-mmap'
     const bytes = SharedMemory.inherited('table').bytes()
     process.send('ready')
     for (let i = 0; ; i++) bytes.fill(i)`,
  )
  using table = SharedMemory.create(1 << 20, { label })
  const before = traces()
  const holders = holdersOf(label)
  for (let round = 0; round < 10; round++) {
    const children = Array.from({ length: 3 }, () =>
      fork(writer, [], withShared({ table }, { silent: true })),
    )
    const ends = children.map(finished)
    await Promise.all(children.map((each) => new Promise((ready) => each.once('message', ready))))
    await delay(round)
    for (const each of children) each.kill('SIGKILL')
    for (const { signal } of await Promise.all(ends)) expect(signal).toBe('SIGKILL')
  }
  expectNothingNew(before)
  expect(holdersOf(label)).toEqual(holders)
  expect(table.fault).toBeNull()
})

/** Kills a program at a random moment after it has reported that it is at work. */
async function killAtWork(victim: ChildProcess, milliseconds: number): Promise<void> {
  const ended = finished(victim)
  if (victim.stdout !== null) {
    await new Promise((ready) => victim.stdout?.once('data', ready))
  }
  await delay(milliseconds)
  victim.kill('SIGKILL')
  expect((await ended).signal).toBe('SIGKILL')
}

it('a maker of memory without a name that is killed at any moment leaves nothing', {
  timeout: 240_000,
}, async () => {
  const label = newLabel()
  const maker = program(
    'maker.mjs',
    `import { SharedMemory, withShared } from 'posix-mmap'
     console.log('at work')
     const options = { label: '${label}' }
     for (;;) {
       const memory = SharedMemory.create(1 << 22, options)
       memory.write(0, 'x')
       const reader = memory.readOnly()
       withShared({ memory, reader })
       memory.sealWrites()
       memory.unmap()
       reader.unmap()
     }`,
  )
  for (let round = 0; round < 15; round++) {
    await killAtWork(spawn(process.execPath, [maker]), round * 1.7)
    expect(holdersOf(label)).toEqual([])
    expect(segments()).toEqual([])
  }
})

it('a maker of names that is killed at any moment leaves a whole segment or one that is ENODATA', {
  timeout: 240_000,
}, async () => {
  const label = newLabel()
  const size = 1 << 24
  const maker = program(
    'named-maker.mjs',
    `import { SharedMemory } from 'posix-mmap'
     console.log('at work')
     for (;;) {
       SharedMemory.create(${size}, { name: '${label}' }).unmap()
       SharedMemory.unlink('${label}')
     }`,
  )
  for (let round = 0; round < 15; round++) {
    await killAtWork(spawn(process.execPath, [maker]), round * 1.7)
    for (const name of segments()) {
      try {
        using memory = SharedMemory.open(name)
        expect(memory.byteLength).toBe(size)
        expect(fs.fstatSync(memory.fd).blocks * 512).toBe(size)
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENODATA' })
      }
      SharedMemory.unlink(name)
    }
    expect(holdersOf(label)).toEqual([])
  }
})

it('a worker of a cluster that is killed is replaced by one that goes on counting', async () => {
  const label = newLabel()
  const main = program(
    'cluster.mjs',
    `import cluster from 'node:cluster'
     import { SharedMemory, withShared } from 'posix-mmap'
     if (cluster.isPrimary) {
       const counts = SharedMemory.create(8, { label: '${label}' })
       cluster.setupPrimary(withShared({ counts }))
       const signals = []
       const next = () => {
         if (signals.length === 6) { console.log(counts.view(Int32Array).join(), signals.join()); return }
         cluster.fork().once('exit', (code, signal) => { signals.push(signal); next() })
       }
       next()
     } else {
       Atomics.add(SharedMemory.inherited('counts').view(Int32Array), 0, 1)
       process.kill(process.pid, 'SIGKILL')
     }`,
  )
  const said = await outputOf(spawn(process.execPath, [main]))
  expect(said).toBe(`6,0 ${Array.from({ length: 6 }, () => 'SIGKILL').join()}\n`)
  expect(holdersOf(label)).toEqual([])
})
