// Threads and processes that hold what the tests want.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { SharedMemory } from 'posix-mmap'
import { afterAll, expect } from 'vitest'
import { projectRoot } from '../support/processes.js'

/** Memory for one test file, and places in it that no other test has. */
export function testMemory(byteLength = 1 << 16): { memory: SharedMemory; place: () => number } {
  const memory = SharedMemory.create(byteLength)
  afterAll(() => memory.unmap())
  let next = 0
  const place = () => {
    next += 512
    return next
  }
  return { memory, place }
}

const imports = `
  import { SharedMemory, Mapping } from 'posix-mmap'
  import { setTimeout as delay } from 'node:timers/promises'
  import { Barrier, Condition, Mutex, RwLock, Semaphore, locks } from 'posix-mmap/sync'
`

/** A process that has `memory` and says things. */
export interface Process {
  readonly child: ChildProcess
  /** Resolves when it has printed this line. */
  said(line: string): Promise<void>
  /** Everything that it has printed so far. */
  output(): string
  /** How it ended: its code or signal. */
  readonly end: Promise<number | string | null>
}

const started = new Set<ChildProcess>()
afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
})

/** Runs a module in a process of its own, with `memory` in it. */
export function startProcess(
  body: string,
  memory?: SharedMemory,
  execPath = process.execPath,
): Process {
  const place = memory === undefined ? '' : `/proc/${process.pid}/fd/${memory.fd}`
  const opening = memory === undefined ? '' : `const memory = SharedMemory.open('${place}')\n`
  const script = `${imports}\n${opening}const say = (line) => process.stdout.write(line + '\\n')\n${body}`
  const child = spawn(execPath, ['--input-type=module', '--eval', script], {
    cwd: projectRoot,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  started.add(child)
  let text = ''
  child.stdout?.setEncoding('utf8').on('data', (data) => {
    text += data
    child.emit('said')
  })
  const end = once(child, 'close').then(() => child.signalCode ?? child.exitCode)
  const said = async (line: string) => {
    while (!`\n${text}`.includes(`\n${line}\n`)) {
      const ended = await Promise.race([
        once(child, 'said').then(() => false),
        end.then(() => true),
      ])
      if (ended && !`\n${text}`.includes(`\n${line}\n`)) throw new Error(`ended with: ${text}`)
    }
  }
  return { child, said, output: () => text, end }
}

export interface Thread {
  readonly worker: Worker
  said(line: string): Promise<void>
}

/** Runs a function's body in a thread of its own, with `memory` in it. */
export function startThread(body: string, memory: SharedMemory): Thread {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const { setTimeout: delay } = require('node:timers/promises')
     const { Mapping } = require('posix-mmap')
     const { Barrier, Condition, Mutex, RwLock, Semaphore, locks } = require('posix-mmap/sync')
     const memory = Mapping.attach(workerData)
     const say = (line) => parentPort.postMessage(line)
     ;(async () => { ${body} })()`,
    { eval: true, execArgv: [], workerData: memory.share() },
  )
  const lines: string[] = []
  worker.on('message', (line) => {
    lines.push(line)
    worker.emit('said')
  })
  const said = async (line: string) => {
    while (!lines.includes(line)) await once(worker, 'said')
  }
  return { worker, said }
}

export const notHeld = expect.objectContaining({ code: 'EPERM', errno: -1 })
export const inconsistent = expect.objectContaining({ code: 'ERR_MUTEX_INCONSISTENT' })
