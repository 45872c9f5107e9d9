// @ts-check
// What processes logged last that had no time for last words: one that killed itself, one that ran out
// of heap, and one that was killed in the middle of its work, as by the kernel when memory is short. Their
// parent reads it, and so does somebody who has nothing but the file. Ends by itself; the last line
// says pass or fail.
//
//   node examples/flight-recorder/main.js

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SharedMemory, withShared } from 'posix-mmap'
import { createRecorder, lastLines } from './recorder.js'

const worker = fileURLToPath(new URL('worker.js', import.meta.url))
const reader = fileURLToPath(new URL('read.js', import.meta.url))
const directory = fs.mkdtempSync(path.join(tmpdir(), 'flight-recorder-'))
const recorderBytes = 1 << 16
const shown = 3
const compared = 100

/**
 * Runs a worker to its end.
 *
 * @param {string} end
 * @param {string} file
 */
async function crash(end, file) {
  const counter = SharedMemory.create(4)
  const words = counter.view(Int32Array)
  createRecorder(file, recorderBytes)
  const options = withShared({ counter }, { stdio: ['ignore', 'ignore', 'ignore'] })
  const args = ['--max-old-space-size=48', worker, file, end]
  const child = spawn(process.execPath, args, options)
  const ended = once(child, 'close')
  if (end === 'be killed') {
    // Long after the oldest lines had to go.
    while (Atomics.load(words, 0) < 10_000 && child.exitCode === null) await delay(1)
    child.kill('SIGKILL')
  }
  const [, signal] = await ended
  const logged = Atomics.load(words, 0)
  counter.unmap()
  return { signal, logged }
}

/** @param {string} line */
const numberOf = (line) => Number(/ line (\d+): /.exec(line)?.[1])

/**
 * What is wrong with the last lines of a worker that knew to have logged so many.
 *
 * @param {string[]} lines
 * @param {number} logged
 */
function faultsOf(lines, logged) {
  const numbers = lines.map(numberOf)
  const last = numbers.at(-1) ?? 0
  // The last one may be in the recorder, and not yet in the counter.
  const isLast = last === logged || last === logged + 1
  const isWhole = numbers.every((number, i) => number === last - lines.length + 1 + i)
  return [
    ...(lines.length === compared ? [] : [`there are ${lines.length} lines`]),
    ...(isLast ? [] : [`it ends with ${last} of ${logged}`]),
    ...(isWhole ? [] : ['lines are missing or damaged']),
  ]
}

/** @type {[end: string, signal: string][]} */
const ends = [
  ['kill itself', 'SIGKILL'],
  ['leak', 'SIGABRT'],
  ['be killed', 'SIGKILL'],
]

/** @type {string[]} */
const problems = []
try {
  for (const [end, expected] of ends) {
    const file = path.join(directory, end.replaceAll(' ', '-'))
    const { signal, logged } = await crash(end, file)
    const lines = lastLines(file, compared)
    console.log(`\n${end}: ${signal} after ${logged} lines. The last ones:`)
    for (const line of lines.slice(-shown)) console.log(`  ${line}`)
    if (signal !== expected) problems.push(`${end}: ended with ${signal}`)
    problems.push(...faultsOf(lines, logged).map((fault) => `${end}: ${fault}`))
    // To somebody who was not there.
    const afterwards = execFileSync(process.execPath, [reader, file, String(compared)])
    if (afterwards.toString() !== `${lines.join('\n')}\n`) {
      problems.push(`${end}: the file says something else`)
    }
  }
} catch (error) {
  problems.push(String(error))
} finally {
  fs.rmSync(directory, { recursive: true })
}
if (problems.length > 0) process.exitCode = 1
console.log(
  problems.length === 0
    ? `\npass: the last ${compared} lines of ${ends.length} processes that were killed, in their parent and from the file`
    : `\nfail: ${problems.join('; ')}`,
)
