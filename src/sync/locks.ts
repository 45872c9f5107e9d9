// Locks by name between processes that share nothing else, in the shape of the Web Locks.

import {
  abortSignal,
  boolean,
  callback,
  oneOf,
  optional,
  options as optionsObject,
} from '../arguments.js'
import { invalidArgType } from '../errors.js'
import { timeoutOf } from './attempts.js'
import { type LockInfo, type LockMode, LockTable, type Request } from './lock-table.js'
import { type PendingWait, startWait } from './wait.js'

export type { LockInfo, LockMode }

/** A lock that was granted. */
export interface NamedLock {
  /** As it was asked for. */
  readonly name: string
  /** As it was granted. */
  readonly mode: LockMode
}

/** How {@link locks} are asked for. */
export interface LockRequestOptions {
  /** `'shared'` locks of a name can be held together; default `'exclusive'`. */
  mode?: LockMode | undefined
  /** Call with null instead of waiting. */
  ifAvailable?: boolean | undefined
  /** Take it from those who hold it, whose requests are rejected with an AbortError. */
  steal?: boolean | undefined
  /** Ends the wait for the lock: the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Of the wait for the lock, in milliseconds; then the promise is rejected with a TimeoutError. */
  timeout?: number | undefined
}

/** How often those who wait look whether somebody before them has died, in milliseconds. */
const patienceMilliseconds = 25
/** So that a look at so many takes little of the thread's time. */
const millisecondsEach = 0.05

let current: LockTable | undefined
/** Requests of this thread that have the lock, with what to call when it is stolen. */
const holding = new Map<Request, () => void>()

function tableNow(): LockTable {
  if (current === undefined || !current.isCurrent()) current = new LockTable()
  return current
}

function notSupported(message: string): DOMException {
  return new DOMException(message, 'NotSupportedError')
}

interface Settings {
  mode: LockMode
  ifAvailable: boolean
  steal: boolean
  signal: AbortSignal | undefined
  timeout: number
}

const requestNames = ['mode', 'ifAvailable', 'steal', 'signal', 'timeout']

function settingsOf(value: unknown): Settings {
  const values = optionsObject(value, requestNames)
  const modes = ['exclusive', 'shared'] as const
  const mode = optional(values['mode'], 'options.mode', (one, name) => oneOf(one, name, modes))
  const flag = (name: string) => optional(values[name], `options.${name}`, boolean) ?? false
  const settings: Settings = {
    mode: mode ?? 'exclusive',
    ifAvailable: flag('ifAvailable'),
    steal: flag('steal'),
    signal: optional(values['signal'], 'options.signal', abortSignal),
    timeout: timeoutOf(values['timeout'], 'options.timeout'),
  }
  if (settings.steal && settings.ifAvailable)
    throw notSupported('steal and ifAvailable exclude each other')
  if (settings.steal && settings.mode === 'shared')
    throw notSupported('steal is for exclusive locks only')
  const waits = settings.signal !== undefined || settings.timeout !== Number.POSITIVE_INFINITY
  if (waits && (settings.steal || settings.ifAvailable)) {
    throw notSupported('signal and timeout are for requests that wait')
  }
  return settings
}

/** Requests of this thread that wait, with what makes them look again. */
const waitingFor = new Map<Request, { table: LockTable; look: () => void }>()
let timer: NodeJS.Timeout | undefined

function schedule(): void {
  const pause = Math.max(patienceMilliseconds, waitingFor.size * millisecondsEach)
  timer = setTimeout(() => void sweep(), pause)
  // What waits keeps the process alive itself.
  timer.unref()
}

/** Takes the dead out of the way, and finds what was granted by somebody who died before telling. */
async function sweep(): Promise<void> {
  try {
    const seen = new Set<string>()
    for (const [request, { table, look }] of [...waitingFor]) {
      const { hash } = request.key
      const name = hash.join()
      if (!seen.has(name)) await table.locked(() => table.clear(request))
      seen.add(name)
      if (table.stateOf(request) === 'held') look()
    }
  } catch {
    // The table is unusable, which those who wait find out when they look.
    for (const { look } of waitingFor.values()) look()
  }
  timer = undefined
  if (waitingFor.size > 0) schedule()
}

/** Waits until a request has its lock; throws when that is given up, and the request is still there. */
async function granted(table: LockTable, request: Request, settings: Settings): Promise<void> {
  const { signal, timeout } = settings
  const end = performance.now() + timeout
  const turn = table.turnOf(request)
  let wait: PendingWait | null = null
  const look = () => wait?.cancel()
  signal?.addEventListener('abort', look, { once: true })
  waitingFor.set(request, { table, look })
  if (timer === undefined) schedule()
  try {
    for (;;) {
      signal?.throwIfAborted()
      const seen = Atomics.load(table.words, turn)
      if (table.stateOf(request) === 'held') return
      const rest = end - performance.now()
      if (rest <= 0) throw new DOMException('The lock was not granted in time', 'TimeoutError')
      wait = startWait(table.words, turn, seen, { timeout: rest, confirm: false, keepAlive: true })
      await wait?.result
    }
  } finally {
    waitingFor.delete(request)
    signal?.removeEventListener('abort', look)
  }
}

let watched: LockTable | undefined

/** Hears of locks that are stolen; keeps nothing alive, and goes on when this thread has none. */
async function watchSteals(table: LockTable): Promise<void> {
  watched = table
  while (watched === table) {
    const seen = Atomics.load(table.words, table.steals)
    for (const [request, stolen] of holding) if (table.stateOf(request) === 'stolen') stolen()
    const settings = { timeout: Number.POSITIVE_INFINITY, confirm: false, keepAlive: false }
    await startWait(table.words, table.steals, seen, settings)?.result
  }
}

async function run<R>(
  table: LockTable,
  request: Request,
  lock: NamedLock,
  body: (lock: NamedLock) => R,
): Promise<Awaited<R>> {
  const stolen = new Promise<never>((_, reject) => {
    holding.set(request, () => reject(new DOMException('The lock was stolen', 'AbortError')))
  })
  if (watched !== table) void watchSteals(table)
  stolen.catch(() => {})
  const result = (async () => await body(lock))()
  try {
    return await Promise.race([result, stolen])
  } finally {
    const release = async () => {
      holding.delete(request)
      await table.locked(() => table.remove(request))
    }
    // Stolen or not, the record is this thread's until the body has ended.
    if (table.stateOf(request) === 'stolen') void result.then(release, release)
    else await release()
  }
}

/** Locks by name, see {@link locks}. Their table is a segment of shm_open(3); waiting is done with futex(2). */
export interface Locks {
  /**
   * Runs `body` with the lock of a name, and gives the lock back when what `body` returns is settled.
   * Requests are granted in the order in which they came. A process that ends, however it does, and a
   * thread that ends, has no locks any more.
   *
   * @returns what `body` returns
   * @throws what `body` throws · the reason of the signal · DOMException: AbortError when it was stolen,
   *   TimeoutError, NotSupportedError for options that exclude each other · ERR_INVALID_ARG_TYPE,
   *   ERR_INVALID_ARG_VALUE · ERR_SHARED_LAYOUT · EACCES, ENOSPC, … of the segment · ENOLCK when there are
   *   16,384 requests
   */
  request<R>(name: string, body: (lock: NamedLock) => R): Promise<Awaited<R>>
  /** The same, without waiting: where the lock is not to be had at once, `body` is called with null. */
  request<R>(
    name: string,
    options: LockRequestOptions & { ifAvailable: true },
    body: (lock: NamedLock | null) => R,
  ): Promise<Awaited<R>>
  /** The same with options. */
  request<R>(
    name: string,
    options: LockRequestOptions,
    body: (lock: NamedLock) => R,
  ): Promise<Awaited<R>>
  /**
   * What is held and waited for now, in the order of the requests; long names are cut.
   *
   * @throws ERR_SHARED_LAYOUT · EACCES, ENOSPC, … of the segment
   */
  query(): Promise<{ held: LockInfo[]; pending: LockInfo[] }>
}

async function request<R>(
  name: string,
  options: unknown,
  body?: (lock: NamedLock | null) => R,
): Promise<Awaited<R>> {
  if (typeof name !== 'string') throw invalidArgType('name', 'of type string', name)
  const [given, last] = body === undefined ? [undefined, options] : [options, body]
  const call = callback<(lock: NamedLock | null) => R>(last, 'callback')
  const settings = settingsOf(given)
  const { mode, ifAvailable, steal, signal } = settings
  signal?.throwIfAborted()
  const table = tableNow()
  const made = await table.locked(() => {
    const added = table.add(name, mode, steal)
    if (added === null) return null
    if (table.stateOf(added) !== 'held') table.clear(added)
    if (!ifAvailable || table.stateOf(added) === 'held') return added
    table.remove(added)
    return undefined
  })
  if (made === null) throw tooMany()
  if (made === undefined) return await call(null)
  try {
    if (table.stateOf(made) !== 'held') await granted(table, made, settings)
  } catch (error) {
    await table.locked(() => table.remove(made))
    throw error
  }
  return run(table, made, { name, mode }, call)
}

function tooMany(): Error {
  const message = 'ENOLCK: no locks available, request (this user has 16,384 requests at a time)'
  return Object.assign(new Error(message), { code: 'ENOLCK', errno: -37, syscall: 'request' })
}

/**
 * Locks by name between all processes of a user on this machine, in the shape of the Web Locks, which
 * Node has for the threads of one process. They need nothing in common but the name: what is held is in
 * the segment `/dev/shm/posix-mmap-locks-<uid>`.
 */
export const locks: Locks = {
  request: request as Locks['request'],
  query: async () => {
    const table = tableNow()
    return table.locked(() => table.query())
  },
}
