// How a child process finds shared memory: descriptors in its stdio, and one environment variable
// that says which is which.

import type { StdioOptions } from 'node:child_process'
import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { options as optionsObject } from './arguments.js'
import { invalidArgType, invalidArgValue, systemError } from './errors.js'

/** The environment variable; its value is JSON and nobody else's business. */
export const variable = 'POSIX_MMAP_SHARED'

/** What can be done with shared memory. */
export type SharedAccess = 'read' | 'read-write'

/** Where a child finds one segment. */
interface Entry {
  /** In the child, if its stdio was passed on. */
  fd: number
  /** Who holds it, and where: the way for children whose stdio was not (execFile, cluster). */
  holder: string
  /** What the holder's descriptor allows: a path can be opened for more than that. */
  access: SharedAccess
  /** Device and inode: descriptors are only numbers, and another file may have this one. */
  identity: string
}

type Entries = Record<string, Entry>

function parse(text: string | undefined): Entries {
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as Entries
  } catch {
    return {}
  }
}

// Read once: withShared() changes the variable for children, and not what this process inherited.
const own = parse(process.env[variable])

/** An inherited segment: a descriptor of this process, or a path, and how it was passed on. */
export interface Inherited {
  place: number | string
  access: SharedAccess
}

export function findInherited(key: string): Inherited {
  const entry = Object.hasOwn(own, key) ? own[key] : undefined
  const keys = Object.keys(own).map((name) => `'${name}'`)
  const there = keys.length === 0 ? `${variable} is not set` : `there is ${keys.join(', ')}`
  if (entry === undefined) {
    throw invalidArgValue('key', key, `must name inherited shared memory (${there})`)
  }
  for (const place of [entry.fd, entry.holder]) {
    if (isSame(place, entry.identity)) return { place, access: entry.access }
  }
  const remark = ` (the descriptor of '${key}' was closed, or not passed on; ${there})`
  throw systemError(-constants.errno.EBADF, 'fstat', null, remark)
}

function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  return `${dev}:${ino}`
}

function isSame(place: number | string, identity: string): boolean {
  try {
    return identityOf(typeof place === 'number' ? `/proc/self/fd/${place}` : place) === identity
  } catch {
    return false
  }
}

/** As fork() fills it in, which is the one that has to have an 'ipc'. */
function stdioArray(stdio: StdioOptions | undefined, silent: unknown): unknown[] {
  if (Array.isArray(stdio)) return [...stdio]
  const each = stdio ?? (silent === true ? 'pipe' : 'inherit')
  return [each, each, each, 'ipc']
}

/** Puts a descriptor where nothing is yet, behind the three that every process has. */
function insert(stdio: unknown[], fd: number): number {
  let index = 3
  while (index < stdio.length && stdio[index] !== undefined && stdio[index] !== null) index++
  while (stdio.length < index) stdio.push(undefined)
  stdio[index] = fd
  return index
}

/** The options with the descriptors added to stdio and the keys to the environment. */
export function passOn(
  shared: ReadonlyMap<string, { fd: number; access: SharedAccess }>,
  options: unknown,
): object {
  const values = optionsObject(options)
  const { stdio, silent, env } = values
  if (env !== undefined && (env === null || typeof env !== 'object')) {
    throw invalidArgType('options.env', 'of type object', env)
  }
  const slots = stdioArray(stdio as StdioOptions | undefined, silent)
  const entries: Entries = {}
  for (const [key, { fd, access }] of shared) {
    const holder = `/proc/${process.pid}/fd/${fd}`
    entries[key] = { fd: insert(slots, fd), holder, access, identity: identityOf(holder) }
  }
  const text = JSON.stringify(entries)
  // cluster has no option for the environment of its workers: they are given this process's.
  process.env[variable] = JSON.stringify({ ...parse(process.env[variable]), ...entries })
  return { ...values, stdio: slots, env: { ...(env ?? process.env), [variable]: text } }
}
