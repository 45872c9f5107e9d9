// Snapshot between processes and threads, those that are stopped and killed among them.

import { fork } from 'node:child_process'
import { Worker } from 'node:worker_threads'
import { withShared } from 'posix-mmap'
import { Snapshot } from 'posix-mmap/shared'
import { expect, it } from 'vitest'
import { thrownBy } from '../../support/errors.js'
import { scratchDirectory } from '../../support/files.js'
import { outputOf, programsIn } from '../../support/programs.js'
import { startProcess } from '../../sync/support.js'

const full = expect.objectContaining({ code: 'ERR_SHARED_FULL' })
const program = programsIn(scratchDirectory())
const text = (snapshot: Snapshot) => snapshot.copy()?.toString()

const holding = `
  const { Snapshot } = await import('posix-mmap/shared')
  const snapshot = Snapshot.attach(memory)
  const timer = setInterval(() => {}, 1000)
  snapshot.read(() => new Promise(() => {}))
  say('holds')
`

it('does not overtake a reader that is stopped, and waits for none that was killed', async () => {
  using snapshot = Snapshot.create(16, { slots: 2 })
  snapshot.publish('a')
  const reader = startProcess(holding, snapshot.memory)
  await reader.said('holds')
  snapshot.publish('b')
  expect(thrownBy(() => snapshot.publish('c', { timeout: 20 }))).toEqual(full)
  reader.child.kill('SIGSTOP')
  expect(thrownBy(() => snapshot.publish('c', { timeout: 20 }))).toEqual(full)
  expect(text(snapshot)).toBe('b')
  reader.child.kill('SIGKILL')
  expect(await reader.end).toBe('SIGKILL')
  expect(snapshot.publish('c')).toBe(3)
  expect(snapshot.publish('d')).toBe(4)
})

it('has the entries of readers that were killed again', async () => {
  using snapshot = Snapshot.create(16, { readers: 1 })
  snapshot.publish('a')
  for (let round = 0; round < 2; round++) {
    const reader = startProcess(holding, snapshot.memory)
    await reader.said('holds')
    expect(thrownBy(() => snapshot.copy())).toEqual(full)
    reader.child.kill('SIGKILL')
    await reader.end
  }
  expect(text(snapshot)).toBe('a')
})

it('goes on after a writer that was killed while it filled', async () => {
  using snapshot = Snapshot.create(16, { slots: 2 })
  snapshot.publish('old')
  const writer = startProcess(
    `const { Snapshot } = await import('posix-mmap/shared')
     Snapshot.attach(memory).publishWith(16, (target) => {
       target.fill(1)
       process.kill(process.pid, 'SIGKILL')
       for (;;);
     })`,
    snapshot.memory,
  )
  expect(await writer.end).toBe('SIGKILL')
  expect(text(snapshot)).toBe('old')
  expect(snapshot.version).toBe(1)
  expect(snapshot.publish('new')).toBe(2)
  expect(text(snapshot)).toBe('new')
})

it('keeps a second writer waiting no longer than it wants', async () => {
  using snapshot = Snapshot.create(16)
  const writer = startProcess(
    `const { Snapshot } = await import('posix-mmap/shared')
     Snapshot.attach(memory).publishWith(16, () => { say('fills'); for (;;); })`,
    snapshot.memory,
  )
  await writer.said('fills')
  const late = expect.objectContaining({ code: 'ETIMEDOUT' })
  expect(thrownBy(() => snapshot.publish('a', { timeout: 20 }))).toEqual(late)
  writer.child.kill('SIGKILL')
  await writer.end
  expect(snapshot.publish('a')).toBe(1)
})

it('gives a slot to a reader that asks for one', () => {
  using snapshot = Snapshot.create(16, { slots: 3, readers: 2 })
  snapshot.publish('a')
  snapshot.copy()
  // The first entry is 64 bytes for each slot behind byte 320; its second word is the request.
  const words = snapshot.memory.view(Int32Array, 320 + 3 * 64, 16)
  words[1] = 1
  snapshot.publish('b')
  const gift = words[1]
  expect(gift).toBeGreaterThanOrEqual(2)
  // As if held: of three slots, the two others are used by turns.
  for (const letter of 'cdefg') snapshot.publish(letter)
  expect(words[1]).toBe(gift)
  expect(snapshot.memory.bytes(320 + 5 * 64 + ((gift ?? 0) - 2) * 64, 1)[0]).toBe(97)
})

it('is inherited, and says what changes', async () => {
  using snapshot = Snapshot.create(16)
  const child = program(
    'child.mjs',
    `import { Snapshot } from 'posix-mmap/shared'
     const snapshot = Snapshot.inherited('state')
     process.send('ready')
     for await (const version of snapshot.changes()) {
       console.log(version, snapshot.copy().toString())
       if (version === 2) break
       process.send('next')
     }
     process.disconnect()`,
  )
  const options = withShared({ state: snapshot.memory }, { silent: true })
  const worker = fork(child, [], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit', ...options.stdio.slice(3)],
  })
  const output = outputOf(worker)
  worker.on('message', () => setTimeout(() => snapshot.publish('abc'), 20))
  expect(await output).toBe('1 abc\n2 abc\n')
})

it('works in threads', async () => {
  using snapshot = Snapshot.create(16)
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const { Mapping } = require('posix-mmap')
     const { Snapshot } = require('posix-mmap/shared')
     const snapshot = Snapshot.attach(Mapping.attach(workerData))
     ;(async () => {
       for await (const version of snapshot.changes()) {
         parentPort.postMessage([version, snapshot.copy().toString()])
         if (version === 3) break
       }
     })()
     parentPort.postMessage('ready')`,
    { eval: true, execArgv: [], workerData: snapshot.memory.share() },
  )
  const messages: unknown[] = []
  worker.on('message', (message) => {
    messages.push(message)
    snapshot.publish(`v${snapshot.version + 1}`)
  })
  await new Promise((resolve) => worker.once('exit', resolve))
  expect(messages).toEqual(['ready', [1, 'v1'], [2, 'v2'], [3, 'v3']])
  // What a thread held that has ended is free.
  for (let round = 0; round < 8; round++) snapshot.publish('x')
})
