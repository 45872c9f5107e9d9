// More shared memory for a child than an environment variable can tell of.

import { type ChildProcess, execFile, fork, spawn } from 'node:child_process'
import fs from 'node:fs'
import { SharedMemory, withShared } from 'posix-mmap'
import { afterAll, describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { outputOf, programsIn } from '../support/programs.js'

const count = 1500
const scratch = scratchDirectory()
const program = programsIn(scratch)

const sum = program(
  'sum.mjs',
  `import { SharedMemory } from 'posix-mmap'
   let sum = 0
   for (let i = 0; i < ${count}; i++) {
     const memory = SharedMemory.inherited('segment ' + i)
     sum += memory.view(Int32Array, 0, 1)[0]
     memory.unmap()
   }
   console.log(sum)
   process.disconnect?.()`,
)
const expected = `${(count * (count - 1)) / 2}\n`

const shared: Record<string, SharedMemory> = {}
for (let i = 0; i < count; i++) {
  const memory = SharedMemory.create(4)
  memory.view(Int32Array)[0] = i
  shared[`segment ${i}`] = memory
}
afterAll(() => {
  for (const memory of Object.values(shared)) memory.unmap()
})

const descriptors = () => fs.readdirSync('/proc/self/fd').length

describe(`${count} segments by`, () => {
  const pipes = ['ignore', 'pipe', 'pipe'] as const
  it.each<[string, () => ChildProcess]>([
    ['fork', () => fork(sum, [], withShared(shared, { silent: true }))],
    ['spawn', () => spawn(process.execPath, [sum], withShared(shared, { stdio: [...pipes] }))],
    ['execFile', () => execFile(process.execPath, [sum], withShared(shared))],
  ])('%s', async (_name, start) => {
    expect(await outputOf(start())).toBe(expected)
  })

  it('cluster, a worker that is started again included', async () => {
    const main = program(
      'cluster.mjs',
      `import cluster from 'node:cluster'
       import { SharedMemory, withShared } from 'posix-mmap'
       const shared = {}
       for (let i = 0; i < ${count}; i++) {
         shared['segment ' + i] = SharedMemory.create(4)
         shared['segment ' + i].view(Int32Array)[0] = i
       }
       cluster.setupPrimary(withShared(shared, { exec: '${sum}', silent: true }))
       const say = () => new Promise((resolve) => {
         let text = ''
         const worker = cluster.fork()
         worker.process.stdout.on('data', (data) => (text += data))
         worker.on('exit', () => resolve(text))
       })
       console.log(JSON.stringify([await say(), await say()]))`,
    )
    const seen = JSON.parse(await outputOf(spawn(process.execPath, [main])))
    expect(seen).toEqual([expected, expected])
  })

  it('a child of a child', async () => {
    const middle = program(
      'middle.mjs',
      `import { fork } from 'node:child_process'
       import { SharedMemory, withShared } from 'posix-mmap'
       const all = Object.fromEntries(Array.from({ length: ${count} }, (_, i) => ['segment ' + i, SharedMemory.inherited('segment ' + i)]))
       fork('${sum}', [], withShared(all))`,
    )
    expect(await outputOf(fork(middle, [], withShared(shared, { silent: true })))).toBe(expected)
  })
})

it('the table is sealed, and is not left open', () => {
  const before = descriptors()
  const options = withShared(shared, { stdio: ['pipe', 'pipe', 'pipe'] })
  const table = Number(options.stdio.at(-1))
  expect(() => fs.writeSync(table, 'x', 0)).toThrow(expect.objectContaining({ code: 'EPERM' }))
  expect(() => fs.ftruncateSync(table, 0)).toThrow(expect.objectContaining({ code: 'EPERM' }))
  for (const [name, value] of Object.entries(options.env)) {
    expect(`${name}=${value}`.length).toBeLessThan(32 * 4096)
  }
  for (let i = 0; i < 20; i++) withShared(shared)
  globalThis.gc?.()
  expect(descriptors()).toBeLessThan(before + 60)
})

it('a table that is no table, or of another, is nothing inherited', async () => {
  const failing = program(
    'failing.mjs',
    `import { SharedMemory } from 'posix-mmap'
     try { SharedMemory.inherited('segment 0') } catch ({ code }) { console.log(code) }`,
  )
  const hostile = [
    '[]',
    '[1]',
    '[{"fd":0,"holder":"/nowhere","access":"read","identity":"0:0"}]',
    '[{"fd":1000000,"holder":"/dev/zero","access":"read","identity":"1:1"}]',
    `[{"fd":-1,"holder":"${failing}","access":"read","identity":"${fs.statSync(failing).dev}:${fs.statSync(failing).ino}"}]`,
  ]
  for (const text of hostile) {
    const env = { ...process.env, POSIX_MMAP_SHARED: text }
    expect(await outputOf(spawn(process.execPath, [failing], { env }))).toBe(
      'ERR_INVALID_ARG_VALUE\n',
    )
  }
})
