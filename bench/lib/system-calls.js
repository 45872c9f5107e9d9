// @ts-check
// Counts the system calls of a piece of JavaScript with strace(1). The counts repeat exactly, on a busy
// machine too.

import { spawnSync } from 'node:child_process'

// Paths that do not exist and that nothing else asks for: calls with them mark the start and the
// end of the piece in the trace.
const from = '/posix-mmap-count-from'
const to = '/posix-mmap-count-to'

/** The names of the man pages, for the variants that a C library calls instead. */
const manPages = new Map([
  ['newfstatat', 'fstat'],
  ['openat', 'open'],
])

// With these options no garbage collection, no compilation and no other thread adds calls.
export const still = [
  '--jitless',
  '--single-threaded',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
]

/** The reason why strace is missing or may not trace, or null. */
export function whyNoStrace() {
  const { error, status, stderr } = spawnSync('strace', ['-o', '/dev/null', 'true'])
  if (error !== undefined) return 'there is no strace'
  return status === 0 ? null : `strace cannot trace here: ${stderr.toString().trim()}`
}

/**
 * How many calls of each system call the main thread, or with `threads` the whole process, makes each time
 * that `body` runs, which may await something if it says so by `isAsync`.
 *
 * @param {{ before?: string, body: string, after?: string, times?: number, cwd?: string, isAsync?: boolean, threads?: boolean }} script
 * @returns {Record<string, number>}
 */
export function systemCallsOf({
  before = '',
  body,
  after = '',
  times = 100,
  cwd,
  isAsync = false,
  threads = false,
}) {
  const call = isAsync ? 'await once()' : 'once()'
  const program = `import fs from 'node:fs'
    ${before}
    fs.existsSync('${from}'.slice(1))
    const once = ${isAsync ? 'async ' : ''}() => { ${body} }
    for (let i = 0; i < 10; i++) ${call}
    fs.existsSync('${from}')
    for (let i = 0; i < ${times}; i++) ${call}
    fs.existsSync('${to}')
    ${after}`
  const node = [process.execPath, ...still, '--input-type=module', '--eval', program]
  return trace(node, times, cwd, threads)
}

/**
 * The same for a program that makes the marking calls itself.
 *
 * @param {string[]} command
 * @param {number} times
 * @param {string} [cwd]
 * @param {boolean} [threads] counts the calls of all
 * @returns {Record<string, number>}
 */
export function trace(command, times, cwd, threads = false) {
  const args = [...(threads ? ['-f'] : []), '-o', '|cat >&3', ...command]
  const { status, signal, stderr, output } = spawnSync('strace', args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
    encoding: 'utf8',
    ...(cwd === undefined ? {} : { cwd }),
  })
  if (status !== 0) throw new Error(`strace ended with ${signal ?? status}: ${stderr}`)
  const lines = String(output[3]).split('\n')
  const start = lines.findIndex((line) => line.includes(`"${from}"`))
  const end = lines.findIndex((line) => line.includes(`"${to}"`))
  if (start === -1 || end === -1) throw new Error('the marks are not in what strace wrote')
  /** @type {Record<string, number>} */
  const counts = {}
  for (const line of lines.slice(start + 1, end)) {
    const called = /^(?:\d+ +)?(\w+)\(/.exec(line)?.[1]
    // malloc() calls brk(2) now and then.
    if (called === undefined || called === 'brk') continue
    const name = manPages.get(called) ?? called
    counts[name] = (counts[name] ?? 0) + 1 / times
  }
  return Object.fromEntries(
    Object.entries(counts).map(([name, count]) => [name, Number(count.toFixed(3))]),
  )
}
