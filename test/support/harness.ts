// What the tests need around the package: files to map, the kernel's view of this process, and
// child processes for what would otherwise end the test runner.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { getSystemErrorMap } from 'node:util'
import { type Access, type Mapping, mapAnonymous, pageSize } from 'posix-mmap'
import { addressOf } from 'posix-mmap/posix'
import { afterAll, expect } from 'vitest'
import { native } from '../../dist/internals.js'

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url))

export const accesses: readonly Access[] = ['read', 'read-write', 'copy-on-write']

// Files

export interface Scratch {
  readonly directory: string
  /** A path in the directory, of a file that holds `content` if there is any. */
  file(name: string, content?: Uint8Array | string): string
  /** A path of a file of `size` bytes that has no blocks and no page in the cache. */
  hole(name: string, size: number): string
}

/** A directory that is gone when the tests of the calling file have ended. */
export function scratchDirectory(): Scratch {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'posix-mmap-test-'))
  afterAll(() => fs.rmSync(directory, { recursive: true }))
  const file = (name: string, content?: Uint8Array | string) => {
    const place = path.join(directory, name)
    if (content !== undefined) fs.writeFileSync(place, content)
    return place
  }
  const hole = (name: string, size: number) => {
    const place = file(name, '')
    fs.truncateSync(place, size)
    return place
  }
  return { directory, file, hole }
}

/** Bytes that tell their offset, since the period divides no page size. None of them is 0. */
export function pattern(length: number, seed = 0): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i++) bytes[i] = ((i + seed) % 251) + 1
  return bytes
}

/** Runs `body` with a descriptor that is closed afterwards. */
export function withDescriptor<R>(file: string, flags: string, body: (fd: number) => R): R {
  const fd = fs.openSync(file, flags)
  try {
    return body(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** `length` bytes at `offset` of a file as read(2) gives them. */
export function readFile(file: string, offset: number, length: number): Buffer {
  return withDescriptor(file, 'r', (fd) => {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, length, offset))
  })
}

/** How much of the disk a file takes, in bytes. */
export function blockBytes(file: string): number {
  return fs.statSync(file).blocks * 512
}

// The kernel's view

/** A line of /proc/self/maps; proc(5). */
export interface Area {
  start: bigint
  end: bigint
  permissions: string
  path: string
}

function parseArea(line: string): Area {
  const match = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)$/.exec(line)
  if (match === null) throw new Error(`not a line of maps: ${line}`)
  const [, start = '', end = '', permissions = '', file = ''] = match
  return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), permissions, path: file }
}

export function maps(): Area[] {
  return fs.readFileSync('/proc/self/maps', 'utf8').trimEnd().split('\n').map(parseArea)
}

/** The lines of a file, or of all files below a directory. */
export function mapsOf(place: string): Area[] {
  return maps().filter((area) => area.path.startsWith(place))
}

function areaAt(areas: readonly Area[], address: bigint): Area {
  const area = areas.find(({ start, end }) => start <= address && address < end)
  if (area === undefined) throw new Error(`nothing is mapped at 0x${address.toString(16)}`)
  return area
}

const page = BigInt(pageSize)

/** The whole pages that a mapping lies in. */
function pagesOf(mapping: Mapping): { start: bigint; end: bigint } {
  const address = addressOf(mapping)
  const end = address + BigInt(mapping.byteLength)
  return { start: address - (address % page), end: end + ((page - (end % page)) % page) }
}

/** The permissions of each page of a mapping, as /proc/self/maps has them. */
export function permissionsOf(mapping: Mapping): string[] {
  const areas = maps()
  const { start, end } = pagesOf(mapping)
  const permissions: string[] = []
  for (let at = start; at < end; at += page) permissions.push(areaAt(areas, at).permissions)
  return permissions
}

export interface Details {
  flags: string[]
  bytes(name: string): number
}

/** What /proc/self/smaps says now of the areas that hold the first bytes of mappings. */
export function smaps(): (mapping: Mapping) => Details {
  const records = fs.readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-)/m)
  return (mapping) => {
    const address = addressOf(mapping)
    const record = records.find((text) => {
      const { start, end } = parseArea(text.slice(0, text.indexOf('\n')))
      return start <= address && address < end
    })
    const value = (name: string) => {
      const found = new RegExp(`^${name}: *(.*)$`, 'm').exec(record ?? '')?.[1]
      if (found === undefined) throw new Error(`/proc/self/smaps has no ${name}`)
      return found
    }
    return {
      flags: value('VmFlags').trim().split(' '),
      bytes: (name) => Number.parseInt(value(name), 10) * 1024,
    }
  }
}

export function smapsOf(mapping: Mapping): Details {
  return smaps()(mapping)
}

/** Whether the kernel has MADV_GUARD_INSTALL, Linux 6.13. */
export const guardPagesSupported: boolean = (() => {
  using mapping = mapAnonymous(pageSize)
  try {
    mapping.installGuard(0, pageSize)
    return true
  } catch {
    return false
  }
})()

/** VmLck: how many bytes of this process are locked. */
export function lockedBytes(): number {
  const status = fs.readFileSync('/proc/self/status', 'utf8')
  return Number(/^VmLck:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024
}

export function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length
}

/**
 * Mappings of the package that have addresses now. Those that are closed or were dropped go when the
 * collector gets to them, so it may be less than before at any time.
 */
export function liveRegions(): number {
  return native.regionCounts()[0]
}

interface Traces {
  /** Whose files' mappings are counted. */
  directory: string | null
  descriptors: number
  regions: number
  maps: number
}

/** What a call may leave behind. */
export function traces(directory: string | null = null): Traces {
  return {
    directory,
    descriptors: openDescriptors(),
    regions: liveRegions(),
    maps: directory === null ? 0 : mapsOf(directory).length,
  }
}

/** Nothing is open or mapped that was not before; what was dropped may have been collected since. */
export function expectNothingNew(before: Traces, label = ''): void {
  const now = traces(before.directory)
  expect(now.regions, label).toBeLessThanOrEqual(before.regions)
  expect({ ...now, regions: 0 }, label).toEqual({ ...before, regions: 0 })
}

/**
 * Three mappings without a gap between them, lowest address first. The kernel places most new ones
 * below the last, so a few attempts are enough.
 */
export function threeInARow(make: (index: number) => Mapping): [Mapping, Mapping, Mapping] {
  const made: Mapping[] = []
  for (let index = 0; index < 200; index++) {
    made.push(make(index))
    made.sort((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1))
    for (const [i, low] of made.entries()) {
      const [middle, high] = made.slice(i + 1, i + 3)
      if (middle === undefined || high === undefined) break
      if (pagesOf(low).end !== pagesOf(middle).start) continue
      if (pagesOf(middle).end !== pagesOf(high).start) continue
      for (const other of made) if (![low, middle, high].includes(other)) other.unmap()
      return [low, middle, high]
    }
  }
  throw new Error('the kernel put no three of 200 mappings in a row')
}

// Errors

export const outOfRange = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })
export const invalidType = expect.objectContaining({
  name: 'TypeError',
  code: 'ERR_INVALID_ARG_TYPE',
})
export const invalidValue = expect.objectContaining({
  name: 'TypeError',
  code: 'ERR_INVALID_ARG_VALUE',
})
export const mappingClosed = expect.objectContaining({ code: 'ERR_MAPPING_CLOSED' })

export type Errno = keyof typeof os.constants.errno

/** An error of the kernel's in the form of Node's own. */
export function systemError(code: Errno, syscall: string, file?: string): unknown {
  const errno = -os.constants.errno[code]
  const reason = getSystemErrorMap().get(errno)?.[1]
  const message = `${code}: ${reason}, ${syscall}${file === undefined ? '' : ` '${file}'`}`
  const named = file === undefined ? {} : { path: file }
  const words = expect.stringContaining(message)
  return expect.objectContaining({ name: 'Error', code, errno, syscall, message: words, ...named })
}

export function thrownBy(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

/** For values that the types forbid. */
export function untyped(value: unknown): never {
  return value as never
}

// Threads

/** Whether the runtime makes a SharedArrayBuffer over memory that it did not allocate. */
export const externalSharedBuffers: boolean = (() => {
  using mapping = mapAnonymous(pageSize)
  try {
    return mapping.sharedBuffer.byteLength === pageSize
  } catch {
    return false
  }
})()

/**
 * The start of a script for {@link run}: `start(body, data)` runs a body in a worker thread that has
 * the package and `parentPort`, `next(worker)` is what the worker posts next, `ended(worker)` its
 * end, `mapped(path)` how many kernel mappings of a file there are.
 */
export const threadScript = `
  import fs from 'node:fs'
  import { once } from 'node:events'
  import { Worker } from 'node:worker_threads'
  import { setTimeout as delay } from 'node:timers/promises'
  import { Mapping, SharedMemory, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
  import { native } from './dist/internals.js'
  const needs = "const { Mapping, SharedMemory, mapAnonymous, mapFile, pageSize } = require('posix-mmap');" +
    "const { parentPort, workerData } = require('node:worker_threads');"
  const ends = new Map()
  const start = (body, workerData) => {
    const worker = new Worker(needs + '(' + body + ')()', { eval: true, execArgv: [], workerData })
    // From the start: a thread may have ended before anybody asks.
    ends.set(worker, new Promise((resolve) => worker.once('exit', resolve)))
    return worker
  }
  const next = async (worker) => (await once(worker, 'message'))[0]
  const ended = (worker) => ends.get(worker)
  const mapped = (path) => fs.readFileSync('/proc/self/maps', 'utf8').split(path).length - 1
  const codeOf = (body) => { try { body(); return 'none' } catch (error) { return error.code ?? error.name } }
  const collect = async () => { for (let i = 0; i < 8; i++) { globalThis.gc?.(); await delay(5) } }
  const print = (value) => console.log(JSON.stringify(value))
`

// Child processes

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Runs a program from the project's root, where `import 'posix-mmap'` finds the package itself. */
export function runCommand(command: string, ...args: string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd: projectRoot, timeout: 240_000, maxBuffer: 1 << 24 }
    const child = execFile(command, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr })
    })
  })
}

/** Flags of V8 that the matrix wants every child to have. */
const matrixFlags = process.env['POSIX_MMAP_TEST_FLAGS']?.split(' ').filter(Boolean) ?? []

/** Runs an ES module in a `node` of its own. */
export async function run(script: string, ...flags: string[]): Promise<Finished> {
  const options = [...matrixFlags, ...flags]
  const command =
    process.versions['deno'] === undefined
      ? [...options, '--input-type=module', '--eval', script]
      : ['eval', ...options.map((flag) => `--v8-flags=${flag}`), script]
  const finished = await runCommand(process.execPath, ...command)
  // V8 says so of some of those flags, and it is not what the tests look for.
  const stderr = finished.stderr.replaceAll(/^Warning: disabling flag .*\n/gm, '')
  return { ...finished, stderr }
}

/** {@link run} for a script that ends well, and what it printed, as JSON. */
export async function runForJson(script: string, ...flags: string[]): Promise<unknown> {
  const finished = await run(script, ...flags)
  const { code, signal, stderr } = finished
  if (code !== 0 || signal !== null) throw new Error(`ended with ${signal ?? code}: ${stderr}`)
  return JSON.parse(finished.stdout)
}
