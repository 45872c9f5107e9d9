// Histories of readers and writers in processes and threads are those of one register: there is an order
// of all operations, which keeps the order of those that did not overlap, in which each read sees the
// write before it. Versions are that order, so that it need not be searched for.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Snapshot } from 'posix-mmap/shared'
import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const program = `${projectRoot}test/shared/snapshot/history.js`

type Operation = [began: number, ended: number, version: number, content: number]

/** What contradicts that order. */
function violations(writes: Operation[], reads: Operation[]): string[] {
  const found: string[] = []
  const content = new Map([[0, 0]])
  for (const [, , version, what] of writes) {
    if (content.has(version)) found.push(`version ${version} twice`)
    content.set(version, what)
  }
  for (const [, , version, what] of reads) {
    if (content.get(version) !== what) found.push(`version ${version} read as ${what}`)
  }
  const isWrite = new Set(writes)
  const all = [...writes, ...reads]
  const byEnd = all.toSorted((a, b) => a[1] - b[1])
  let next = 0
  let newest = 0
  for (const operation of all.toSorted((a, b) => a[0] - b[0])) {
    const [began, , version] = operation
    // The newest version of all that had ended before this one began.
    for (let one = byEnd[next]; one !== undefined && one[1] < began; one = byEnd[++next]) {
      newest = Math.max(newest, one[2])
    }
    const least = isWrite.has(operation) ? newest + 1 : newest
    if (version < least) found.push(`version ${version} at ${began}, after ${newest}`)
  }
  return found
}

async function inProcess(...args: string[]): Promise<Operation[]> {
  const { code, stdout, stderr } = await runCommand(process.execPath, program, ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

async function inThread(...args: string[]): Promise<Operation[]> {
  const worker = new Worker(program, { workerData: args, execArgv: [] })
  const [history] = await once(worker, 'message')
  return history
}

it('the order of versions is that of the operations', { timeout: 120_000 }, async () => {
  using snapshot = Snapshot.create(16, { slots: 3 })
  const path = `/proc/${process.pid}/fd/${snapshot.memory.fd}`
  const count = '8000'
  const [writes, reads] = await Promise.all([
    Promise.all([inProcess('write', path, count, '1'), inThread('write', path, count, '2')]),
    Promise.all([
      inProcess('read', path, count, '3'),
      inThread('read', path, count, '4'),
      inThread('read', path, count, '5'),
    ]),
  ])
  expect(snapshot.version).toBe(2 * Number(count))
  expect(violations(writes.flat(), reads.flat())).toEqual([])
})

it('a wrong history is noticed', () => {
  const write = (at: number, version: number): Operation => [at, at + 1, version, version * 10]
  const writes = [write(0, 1), write(10, 2), write(20, 3)]
  const read = (at: number, version: number, what: number): Operation => [at, at + 1, version, what]
  expect(violations(writes, [read(5, 1, 10), read(10.5, 1, 10), read(11.5, 2, 20)])).toEqual([])
  expect(violations(writes, [read(15, 1, 10)])).toHaveLength(1)
  expect(violations(writes, [read(15, 2, 10)])).toHaveLength(1)
  expect(violations(writes, [read(9.5, 2, 20), read(10.7, 1, 10)])).toHaveLength(1)
  expect(violations([write(0, 2), write(10, 1)], [])).toHaveLength(1)
})
