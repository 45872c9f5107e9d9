// A file that is replaced by rename(2), as a mapping of the newest one.

import { Buffer } from 'node:buffer'
import { closeSync, type FSWatcher, watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { anyOptions, callback, int32, optional, signalOption } from '../arguments.js'
import {
  illegalConstructor,
  invalidArgType,
  invalidArgValue,
  mappingClosed,
  outOfRange,
} from '../errors.js'
import { type MapFileOptions, mapFileSettings } from '../map/options.js'
import type { Mapping } from '../mapping.js'
import { isSame, type MappedFile, mapNow, stateOfPath } from './file-state.js'

type Listener = (current: Mapping, version: number, previous: Mapping) => void

/** How {@link mapLatest} maps and follows a file. `create`, `size` and `keepLocks` are refused. */
export interface MapLatestOptions extends MapFileOptions {
  /**
   * Called after each change, from the event loop or by {@link LatestFile.refresh}; in the first case what it
   * throws is an uncaught exception. `previous` is unmapped when it is collected, or at once by whoever knows
   * that nobody reads it any more.
   */
  onChange?: ((current: Mapping, version: number, previous: Mapping) => void) | undefined
  /**
   * How often to look at the path, in milliseconds, 1 to 2 ** 31 - 1, default 1000. Where inotify(7) works, most changes
   * are seen at once, and this is for the others.
   */
  interval?: number | undefined
}

const construction = Symbol('posix-mmap construction of a LatestFile')
let construct: (path: string | Buffer, options: unknown) => LatestFile

/**
 * Maps a file, and the one that takes its place, each time that it is replaced by rename(2). Each mapping
 * is one whole file and never becomes another one. Does not keep the process alive; goes on until
 * {@link LatestFile.close}.
 *
 * @param path that a file is found by, through symbolic links as well; it must exist now, and may be
 *   missing later
 * @throws the errors of mapFile(), for the first mapping · ERR_INVALID_ARG_TYPE,
 *   ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE
 */
export function mapLatest(path: string | URL | Buffer, options?: MapLatestOptions): LatestFile {
  return construct(pathOf(path), options)
}

/** The newest file of a path, stat(2), inotify(7); {@link mapLatest} makes one. */
export class LatestFile implements Disposable {
  readonly #path: string | Buffer
  readonly #options: MapFileOptions
  readonly #onChange: Listener | undefined
  readonly #timer: NodeJS.Timeout
  readonly #waiting = new Set<() => void>()
  #file: MappedFile | null
  #version = 1
  #error: Error | null = null
  #watcher: FSWatcher | null = null
  #lookIsDue = false

  static {
    construct = (path, options) => new LatestFile(construction, path, options)
  }

  /** @internal */
  private constructor(key: typeof construction, path: string | Buffer, options: unknown) {
    if (key !== construction) throw illegalConstructor()
    const values = anyOptions(options)
    this.#onChange = optional(values['onChange'], 'options.onChange', callback<Listener>)
    const interval = optional(values['interval'], 'options.interval', milliseconds) ?? 1000
    this.#path = path
    this.#options = mapOptions(values)
    this.#file = mapNow(path, this.#options)
    this.#timer = setInterval(() => this.#poll(), interval)
    this.#timer.unref()
    this.#watch()
  }

  /**
   * A mapping of the newest file that was seen. The one before stays as it is for those who have it, or a view
   * of it, and is unmapped when it is collected.
   *
   * @throws ERR_MAPPING_CLOSED after {@link close}
   */
  get current(): Mapping {
    return this.#open().mapping
  }

  /** How many files there were so far: 1 at first, and one more for each change. */
  get version(): number {
    return this.#version
  }

  /**
   * Why the last look at the path did not succeed, such as ENOENT; null when it did. {@link current} stays
   * what it was meanwhile.
   */
  get error(): Error | null {
    return this.#error
  }

  /**
   * Looks at the path now.
   *
   * @returns whether there was another file, or a change of this one
   * @throws ERR_MAPPING_CLOSED · what `onChange` throws
   */
  refresh(): boolean {
    const file = this.#open()
    try {
      const changed = !isSame(stateOfPath(this.#path), file.state)
      if (changed) this.#replace(file, mapNow(this.#path, this.#options))
      this.#error = null
      if (!changed) return false
    } catch (error) {
      this.#error = error as Error
      return false
    }
    for (const wake of this.#waiting) wake()
    this.#onChange?.(this.current, this.#version, file.mapping)
    return true
  }

  /**
   * The versions from this call on; whoever is slow gets the newest and not those in between. Does not
   * keep the process alive. Ends with {@link close}.
   *
   * @throws the reason of `signal` · ERR_INVALID_ARG_TYPE · ERR_MAPPING_CLOSED
   */
  changes(options?: { signal?: AbortSignal | undefined }): AsyncIterableIterator<number> {
    const signal = signalOption(options)
    this.#open()
    return this.#follow(this.#version, signal)
  }

  /** Ends to follow the file. Mappings that somebody has stay mapped. Idempotent; never throws. */
  close(): void {
    if (this.#file === null) return
    closeSync(this.#file.fd)
    this.#file = null
    clearInterval(this.#timer)
    this.#watcher?.close()
    for (const wake of this.#waiting) wake()
  }

  /** {@link close}, for `using`. Never throws. */
  [Symbol.dispose](): void {
    this.close()
  }

  #open(): MappedFile {
    if (this.#file === null) throw mappingClosed()
    return this.#file
  }

  #replace(before: MappedFile, file: MappedFile): void {
    this.#file = file
    this.#version++
    // Not unmapped: somebody may be reading.
    closeSync(before.fd)
  }

  async *#follow(from: number, signal: AbortSignal | undefined): AsyncGenerator<number> {
    let seen = from
    for (;;) {
      while (this.#version === seen && this.#file !== null) {
        signal?.throwIfAborted()
        await this.#change(signal)
      }
      signal?.throwIfAborted()
      if (this.#file === null) return
      seen = this.#version
      yield seen
    }
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((end) => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        end()
      }
      this.#waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }

  #poll(): void {
    // What the watcher has not seen may mean that its directory was replaced.
    if (this.#watcher === null || this.refresh()) this.#watch()
    if (this.#file !== null) this.refresh()
  }

  /** Looks soon, once for many events of a directory. */
  #look(): void {
    if (this.#lookIsDue) return
    this.#lookIsDue = true
    setImmediate(() => {
      this.#lookIsDue = false
      if (this.#file !== null) this.refresh()
    })
  }

  /** inotify(7) — of the directory: a file that is replaced says nothing. Without it there is the timer. */
  #watch(): void {
    this.#watcher?.close()
    this.#watcher = null
    if (this.#file === null) return
    try {
      const directory = dirname(this.#path.toString())
      // Any name, since what a symbolic link leads to may be replaced beside it.
      const watcher = watch(directory, { persistent: false }, () => this.#look())
      this.#watcher = watcher
      watcher.on('error', () => {
        watcher.close()
        if (this.#watcher === watcher) this.#watcher = null
      })
    } catch {}
  }
}

function pathOf(file: unknown): string | Buffer {
  const path = file instanceof URL ? fileURLToPath(file) : file
  if (typeof path !== 'string' && !Buffer.isBuffer(path)) {
    throw invalidArgType('path', 'of type string or an instance of Buffer or URL', file)
  }
  if (path.includes('\0')) throw invalidArgValue('path', file, 'must have no null bytes')
  // For programs that change their directory later.
  return typeof path === 'string' ? resolve(path) : path
}

function milliseconds(value: unknown, name: string): number {
  const number = int32(value, name)
  if (number === 0) throw outOfRange(name, '>= 1 and <= 2147483647', value)
  return number
}

/** What each mapping is made with, read and checked once. */
function mapOptions(values: Readonly<Record<string, unknown>>): MapFileOptions {
  for (const name of ['create', 'size', 'keepLocks']) {
    if (values[name] === undefined || values[name] === false) continue
    throw invalidArgValue(`options.${name}`, values[name], 'cannot be used to follow a file')
  }
  const { onChange: _, interval: __, ...rest } = values
  mapFileSettings(rest)
  return rest
}
