// How a child process finds shared memory: descriptors in its stdio, and one environment variable
// that says which is which.

import { constants } from 'node:os'
import { anyOptions } from '../arguments.js'
import { invalidArgType, invalidArgValue, systemError } from '../errors.js'
import { identityOf } from '../kernel/file-identity.js'
import type { SharedAccess } from './descriptors.js'
import { type Entry, type EntryTable, parseEntries, writeEntries } from './entries.js'

/** The environment variable. Its value is for this package alone. */
const variable = 'POSIX_MMAP_SHARED'

// Read once, before withShared() changes the variable for children: later it would no longer say what
// this process itself inherited.
const own = parseEntries(process.env[variable])

/** An inherited segment. `place` is a descriptor of this process, or a path to one of its parent. */
export interface Inherited {
  readonly place: number | string
  readonly access: SharedAccess
  readonly identity: string
}

export function findInherited(key: string): Inherited {
  const entries = own.get(key)
  if (entries === undefined) {
    throw invalidArgValue('key', key, `must name inherited shared memory (${whatThereIs()})`)
  }
  const newestFirst = entries.toReversed()
  const descriptors = newestFirst.map((entry) => ({ ...entry, place: entry.fd }))
  const paths = newestFirst.map((entry) => ({ ...entry, place: entry.holder }))
  for (const { place, access, identity } of [...descriptors, ...paths]) {
    if (isSame(place, identity)) return { place, access, identity }
  }
  throw inheritedClosed(key)
}

export function inheritedClosed(key: string): Error {
  const remark = ` (the descriptor of '${key}' was closed or was not passed on; ${whatThereIs()})`
  return systemError(-constants.errno.EBADF, 'fstat', null, remark)
}

function whatThereIs(): string {
  if (own.size === 0) {
    return `${variable} is not set or names nothing: the parent passes memory on with withShared({ key })`
  }
  return `there is ${Array.from(own.keys(), (key) => `'${key}'`).join(', ')}`
}

function isSame(place: number | string, identity: string): boolean {
  try {
    return identityOf(place) === identity
  } catch {
    return false
  }
}

/** Options for a child process, copied: the caller's object may change after they were checked. */
export interface ChildOptions {
  readonly all: Readonly<Record<string, unknown>>
  readonly stdio: readonly unknown[]
  readonly env: NodeJS.ProcessEnv | undefined
}

export function childOptions(value: unknown): ChildOptions {
  const all = { ...anyOptions(value) }
  const { stdio, silent, env } = all
  if (env !== undefined && (env === null || typeof env !== 'object')) {
    throw invalidArgType('options.env', 'of type object', env)
  }
  return { all, stdio: stdioArray(stdio, silent), env: env as NodeJS.ProcessEnv | undefined }
}

/**
 * `stdio` as an array. A word becomes what fork() makes of it, since fork() alone insists on an
 * 'ipc'.
 */
function stdioArray(stdio: unknown, silent: unknown): unknown[] {
  if (Array.isArray(stdio)) return [...stdio]
  const each = stdio ?? (silent === true ? 'pipe' : 'inherit')
  if (typeof each !== 'string') throw invalidArgType('options.stdio', 'a string or an array', stdio)
  return [each, each, each, 'ipc']
}

/** Puts a descriptor into the first free place from 3 on, and returns that place. */
function insert(stdio: unknown[], fd: number): number {
  let index = 3
  while (index < stdio.length && stdio[index] !== undefined && stdio[index] !== null) index++
  while (stdio.length < index) stdio.push(undefined)
  stdio[index] = fd
  return index
}

/** Shared memory that is passed on under a key. */
export interface Passed {
  readonly fd: number
  readonly access: SharedAccess
  /** Whether the memory is still open. Does not keep it from the garbage collector. */
  isOpen(): boolean
}

let published: { key: string; entry: Entry; isOpen(): boolean }[] = []
let publishedTable: EntryTable | null = null

/** How long a worker may take to start and read the variable that it was started with. */
const startUpMs = 60_000

/** What the variable holds that this copy of the package has not put there: another copy may have. */
function publishedByOthers(): Map<string, Entry[]> {
  const texts = new Set([...own.values()].flat().map((entry) => JSON.stringify(entry)))
  for (const { entry } of published) texts.add(JSON.stringify(entry))
  const others = new Map<string, Entry[]>()
  for (const [key, entries] of parseEntries(process.env[variable])) {
    const foreign = entries.filter((entry) => !texts.has(JSON.stringify(entry)))
    if (foreign.length > 0) others.set(key, foreign)
  }
  return others
}

/**
 * Sets the variable in the environment of this process, which is the one that cluster gives to its
 * workers. Entries of earlier calls stay while their memory is open: a worker that is started again
 * later needs what the first ones were given.
 */
function publish(entries: ReadonlyMap<string, Entry>, shared: ReadonlyMap<string, Passed>): void {
  const others = publishedByOthers()
  published = published.filter(({ key, entry, isOpen }) => {
    return isOpen() && JSON.stringify(entries.get(key)) !== JSON.stringify(entry)
  })
  for (const [key, { isOpen }] of shared) {
    const entry = entries.get(key)
    if (entry !== undefined) published.push({ key, entry, isOpen })
  }
  const all = new Map<string, readonly Entry[]>(own)
  const add = (key: string, more: readonly Entry[]) =>
    all.set(key, [...(all.get(key) ?? []), ...more])
  for (const [key, foreign] of others) add(key, foreign)
  for (const { key, entry } of published) add(key, [entry])
  const { text, table } = writeEntries(all)
  process.env[variable] = table?.reference(-1) ?? text
  const before = publishedTable
  publishedTable = table
  if (before !== null) setTimeout(() => before.close(), startUpMs).unref()
}

/** Options for a child, and what must stay until it has started. */
export interface PassedOn {
  readonly options: object
  readonly table: EntryTable | null
}

/** The options, with the descriptors added to `stdio` and the variable to `env`. */
export function passOn(shared: ReadonlyMap<string, Passed>, options: ChildOptions): PassedOn {
  const stdio = [...options.stdio]
  const entries = new Map<string, Entry>()
  for (const [key, { fd, access }] of shared) {
    const holder = `/proc/${process.pid}/fd/${fd}`
    entries.set(key, { fd: insert(stdio, fd), holder, access, identity: identityOf(fd) })
  }
  // The options may come from an earlier call of withShared(), whose keys must stay.
  const forChild = new Map(parseEntries(options.env?.[variable]))
  for (const [key, entry] of entries) forChild.set(key, [entry])
  const { text, table } = writeEntries(forChild)
  const value = table === null ? text : table.reference(insert(stdio, table.fd))
  const env = { ...(options.env ?? process.env), [variable]: value }
  publish(entries, shared)
  return { options: { ...options.all, stdio, env }, table }
}
