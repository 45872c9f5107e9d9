// Options of the functions that map, read once and checked.

import {
  boolean,
  callback,
  flag,
  int32,
  oneOf,
  optional,
  optionalByteCount,
  options as optionsObject,
  type Values,
} from '../arguments.js'
import { invalidArgValue } from '../errors.js'
import { type Advice, checkAdvice, checkAdviceOrAuto } from '../kernel/advice.js'
import { type Access, checkAccess } from '../kernel/protection.js'
import type { FaultListener } from '../mapping/region.js'

/** Options that every mapping has. */
export interface CommonOptions {
  /** Fault everything in before returning; what cannot be read is an error. Linux 5.14. */
  populate?: boolean | undefined
  /** Keep everything in memory: mlock2(2). */
  lock?: boolean | undefined
  /** MADV_HUGEPAGE, and addresses at which the kernel can use huge pages. */
  hugePages?: boolean | undefined
  /** Called from the event loop after faults, never from a signal handler. */
  onFault?: FaultListener | undefined
}

/** How {@link mapFile} maps. */
export interface MapFileOptions extends CommonOptions {
  /** madvise(2) for the whole mapping; `'auto'` as `advise()` has it. */
  advice?: Advice | 'auto' | undefined
  /** Default `'read'`. */
  access?: Access | undefined
  /** Where in the file the mapping starts, in bytes; need not be page aligned. Default 0. */
  offset?: number | bigint | undefined
  /** In bytes, default the rest of the file. */
  length?: number | bigint | undefined
  /**
   * With `'read-write'`: makes the file at least this long first, in bytes, and reserves blocks for
   * all of it with fallocate(2), so that a full disk is ENOSPC here and not a fault later.
   */
  size?: number | bigint | undefined
  /** Create the file if it is missing, O_CREAT; `'exclusive'` fails if it is there, O_EXCL. */
  create?: boolean | 'exclusive' | undefined
  /** Permissions of a created file before the umask, default 0o666. */
  mode?: number | undefined
  /** With `size`: only set the length, ftruncate(2), and reserve nothing. */
  sparse?: boolean | undefined
  /**
   * Of a path: no close(2) by this mapping, now or later, drops the POSIX locks (fcntl(2), F_SETLK) that
   * this process holds on the file, as databases do. The file is then open only in a table of
   * descriptors of the package's own, on a thread that this call waits for; close_range(2) with
   * CLOSE_RANGE_UNSHARE (Linux 5.9). Default false.
   */
  keepLocks?: boolean | undefined
}

/** How {@link mapAnonymous} maps. */
export interface MapAnonymousOptions extends CommonOptions {
  /** madvise(2) for the whole mapping. */
  advice?: Advice | undefined
  /** Do not reserve swap: MAP_NORESERVE. */
  noReserve?: boolean | undefined
}

export interface CommonSettings {
  advice: Advice | 'auto' | undefined
  populate: boolean
  lock: boolean
  hugePages: boolean
  onFault: FaultListener | undefined
}

export interface MapFileSettings extends CommonSettings {
  access: Access
  offset: number
  length: number | undefined
  size: number | undefined
  create: false | true | 'exclusive'
  mode: number
  sparse: boolean
  keepLocks: boolean
}

export interface MapAnonymousSettings extends CommonSettings {
  noReserve: boolean
}

/** The options that every mapping has. */
export const commonNames = ['advice', 'populate', 'lock', 'hugePages', 'onFault'] as const
const fileNames = [
  ...['access', 'offset', 'length', 'size', 'create', 'mode', 'sparse', 'keepLocks'],
  ...commonNames,
]
export const anonymousNames = [...commonNames, 'noReserve']

/** What the options say that every mapping has. */
export function commonSettings(
  values: Values,
  check: (value: unknown, name: string) => Advice | 'auto' = checkAdvice,
): CommonSettings {
  return {
    advice: optional(values['advice'], 'options.advice', check),
    populate: flag(values, 'populate'),
    lock: flag(values, 'lock'),
    hugePages: flag(values, 'hugePages'),
    onFault: optional(values['onFault'], 'options.onFault', callback<FaultListener>),
  }
}

function createSetting(value: unknown, name: string): boolean | 'exclusive' {
  return typeof value === 'string'
    ? oneOf<'exclusive'>(value, name, ['exclusive'])
    : boolean(value, name)
}

export function mapFileSettings(options: unknown): MapFileSettings {
  const values = optionsObject(options, fileNames)
  // Property by property: V8 gives a literal that begins with `...` a new hidden class each time, which
  // costs more than mmap(2).
  const { advice, populate, lock, hugePages, onFault } = commonSettings(values, checkAdviceOrAuto)
  const settings: MapFileSettings = {
    advice,
    populate,
    lock,
    hugePages,
    onFault,
    access: optional(values['access'], 'options.access', checkAccess) ?? 'read',
    offset: optionalByteCount(values['offset'], 'options.offset') ?? 0,
    length: optionalByteCount(values['length'], 'options.length'),
    size: optionalByteCount(values['size'], 'options.size'),
    create: optional(values['create'], 'options.create', createSetting) ?? false,
    mode: optional(values['mode'], 'options.mode', int32) ?? 0o666,
    sparse: flag(values, 'sparse'),
    keepLocks: flag(values, 'keepLocks'),
  }
  if (settings.size !== undefined && settings.access !== 'read-write') {
    throw invalidArgValue('options.size', settings.size, "needs access 'read-write'")
  }
  return settings
}

export function mapAnonymousSettings(
  options: unknown,
  more: readonly string[] = [],
): MapAnonymousSettings {
  const values = optionsObject(
    options,
    more.length === 0 ? anonymousNames : [...anonymousNames, ...more],
  )
  const { advice, populate, lock, hugePages, onFault } = commonSettings(values)
  const noReserve = flag(values, 'noReserve')
  return { advice, populate, lock, hugePages, onFault, noReserve }
}

/** For memory that is mapped without options. */
export const noSettings: CommonSettings = commonSettings({})
