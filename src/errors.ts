// Every error that the package throws, with its message. Codes are Node's own where Node has one.

import { constants as bufferConstants } from 'node:buffer'
import { constants } from 'node:os'
import { getSystemErrorMap, inspect } from 'node:util'

/** What went wrong inside a mapping. */
export interface MappingFault {
  /**
   * `'truncated'`: the bytes are past the end of a file that shrank. `'unreadable'`: the file has
   * the page, and its file system could not provide it. `'read-only'`: a store into a page that may
   * only be read. `'no-access'`: any access to a page with protection `'none'`, or to a guard page.
   */
  kind: 'truncated' | 'unreadable' | 'read-only' | 'no-access'
  /** Of the first fault, in bytes from the start of the mapping. */
  offset: number
  /** How many faults there were. */
  count: number
  /**
   * Why a page is `'unreadable'`, where it can be found out: `'ENOSPC'`, `'EDQUOT'`, `'EIO'`,
   * `'ESTALE'`, `'ENOTCONN'`, …
   */
  code?: string
}

/** An access failed inside a mapping: thrown instead of data that is not the file's. */
export class MappingFaultError extends Error {
  /** Always `'ERR_MAPPING_FAULT'`. */
  readonly code = 'ERR_MAPPING_FAULT'
  /** What happened, and where in the mapping. */
  readonly fault: MappingFault
  /** The path that was mapped; absent for descriptors and anonymous memory. */
  readonly path?: string

  constructor(fault: MappingFault, path: string | null = null, options?: ErrorOptions) {
    const { kind, offset, code } = fault
    const cause = code === undefined ? '' : ` (${code})`
    super(`${faultWords[kind]}${cause} at offset ${offset} of the mapping${of(path)}`, options)
    this.fault = fault
    if (path !== null) this.path = path
  }

  static {
    // On the prototype, like the built-in errors, so that console.log() does not list it as a
    // property.
    MappingFaultError.prototype.name = 'MappingFaultError'
  }
}

const faultWords = {
  truncated: 'the file has no byte any more',
  unreadable: 'the file system could not provide the page',
  'read-only': 'write to a page that may only be read',
  'no-access': 'access to a protected page',
} as const

function of(path: string | null): string {
  return path === null ? '' : ` of '${path}'`
}

function coded<E extends Error>(error: E, code: string, more: object = {}): E & { code: string } {
  return Object.assign(error, { code }, more)
}

function shown(value: unknown): string {
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

export function invalidArgType(name: string, expected: string, actual: unknown): TypeError {
  const received = `${actual == null ? '' : `${typeof actual} `}${shown(actual)}`
  const message = `The "${name}" argument must be ${expected}. Received ${received}`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
}

export function invalidArgValue(name: string, value: unknown, reason: string): TypeError {
  const message = `The argument '${name}' ${reason}. Received ${shown(value)}`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
}

/** How many letters to insert, remove, replace or swap with their neighbour make one word of another. */
function distance(from: string, to: string): number {
  const rows = Array.from({ length: from.length + 1 }, (_, i) => [i])
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let j = 1; j <= to.length; j++) {
    for (let i = 0; i <= from.length; i++) {
      const same = from[i - 1] === to[j - 1]
      const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      const least = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + (same ? 0 : 1),
        swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      )
      rows[i]?.splice(j, 1, i === 0 ? j : least)
    }
  }
  return at(from.length, to.length)
}

/** The known word that is most like this one; '' if none is. */
export function nearest(word: string, known: readonly string[]): string {
  const wanted = word.toLowerCase()
  const near = known.map((each) => ({ each, far: distance(wanted, each.toLowerCase()) }))
  return near.reduce((best, next) => (next.far < best.far ? next : best), {
    each: '',
    far: 1 + Math.max(2, Math.floor(word.length / 2)),
  }).each
}

/** A property of an options object that has no effect: a slip, or an option of something else. */
export function unknownOption(name: string, known: readonly string[]): TypeError {
  const near = nearest(name, known)
  const guess = near === '' ? '' : `; did you mean '${near}'?`
  const message =
    `The property 'options.${name}' is not known${guess}` +
    ` (known: ${known.map((each) => `'${each}'`).join(', ')})`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
}

export function outOfRange(name: string, range: string, actual: unknown): RangeError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown(actual)}`
  return coded(new RangeError(message), 'ERR_OUT_OF_RANGE')
}

/** `what` the string was to be of, and what to do instead. */
export function stringTooLong(what: string, length: number, remedy: string): Error {
  const message =
    `Cannot create a string longer than 0x${bufferConstants.MAX_STRING_LENGTH.toString(16)} ` +
    `characters: ${what} has ${length} bytes (${remedy})`
  return coded(new Error(message), 'ERR_STRING_TOO_LONG')
}

export function illegalConstructor(): TypeError {
  const message =
    'Illegal constructor: use mapFile(), mapAnonymous(), SharedMemory.create() or SharedMemory.open()'
  return coded(new TypeError(message), 'ERR_ILLEGAL_CONSTRUCTOR')
}

/** For whatever would take a mapping for its bytes, and end up with none. */
export function notItsBytes(): TypeError {
  const message =
    'A Mapping has byteLength, and is not its bytes: bytes(), view() and asBuffer() give views of them, ' +
    'read() and text() copies'
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
}

export function mappingClosed(): Error {
  return coded(new Error('The mapping was unmapped'), 'ERR_MAPPING_CLOSED')
}

export function mappingDetached(): Error {
  const message = 'The mapping was resized: take views, lines and streams of it again'
  return coded(new Error(message), 'ERR_MAPPING_DETACHED')
}

export function externalBuffersForbidden(): Error {
  const message = 'This runtime does not allow an ArrayBuffer over memory that it did not allocate'
  return coded(new Error(message), 'ERR_EXTERNAL_BUFFERS')
}

export function sharedBuffersUnavailable(): Error {
  const message =
    'This runtime cannot make a SharedArrayBuffer over memory that it did not allocate, which all but ' +
    'sealed and writable SharedMemory needs (Node.js can from 22.23.3, 24.16 and 26.1 on); share() ' +
    'and attach() give other threads an ArrayBuffer over the same memory'
  return coded(new Error(message), 'ERR_EXTERNAL_BUFFERS')
}

export function notResizable(access: string): TypeError {
  const message =
    `resize() cannot change the size of a mapping with access '${access}': it needs 'read-write' ` +
    'access to a file, shared memory or anonymous memory'
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
}

export function notIssuedHere(): TypeError {
  const message =
    "The argument 'handle' must be what share() returned in this process: use SharedMemory between " +
    'processes'
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
}

function firstLine(cause: unknown): string {
  return String(cause).split('\n', 1)[0] ?? ''
}

function linuxOnly(cause: unknown): Error {
  const message =
    `posix-mmap works on Linux only, and this is ${process.platform}: run the program in a Linux ` +
    'container or virtual machine, or import posix-mmap only where it is used, as one of ' +
    'optionalDependencies'
  return coded(new Error(message, { cause }), 'ERR_NO_BINDING')
}

/** The code runs outside of its package, whose folder has the binary; `root` is where it looked. */
export function movedAway(
  root: string | undefined,
  isSingleExecutable: boolean,
  cause: unknown,
): Error {
  const where =
    root === undefined ? 'its own file is unknown' : `${root} is not the package's folder`
  const remedy = isSingleExecutable
    ? 'This is a single executable application: leave posix-mmap out of its bundle, put ' +
      'node_modules/posix-mmap and node_modules/node-gyp-build next to the executable, and load it with ' +
      "createRequire(process.execPath)('posix-mmap'). "
    : 'A bundler must leave posix-mmap out, as an external module, and node_modules/posix-mmap must be ' +
      "there at run time: external: ['posix-mmap'] for esbuild, Rollup and others, " +
      "serverExternalPackages: ['posix-mmap'] for Next.js. "
  const message =
    `posix-mmap finds its binary next to its code, and its code was put somewhere else (${where}). ` +
    `${remedy}${firstLine(cause)}`
  return coded(new Error(message, { cause }), 'ERR_NO_BINDING')
}

export function noBinding(root: string, cause: unknown): Error {
  if (process.platform !== 'linux') return linuxOnly(cause)
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } }
  const libc = report?.header?.glibcVersionRuntime
  const message =
    `posix-mmap has no binary that loads on ${process.platform}-${process.arch} ` +
    `(${libc === undefined ? 'no glibc, perhaps musl' : `glibc ${libc}`}): looked for build/Release ` +
    `and prebuilds/${process.platform}-${process.arch} in ${root}. Linux on x64 and arm64 is ` +
    'supported; from a checkout, `npm run build:native` builds one, and PREBUILDS_ONLY=1 in the ' +
    'environment ignores build/. ' +
    firstLine(cause)
  return coded(new Error(message, { cause }), 'ERR_NO_BINDING')
}

/** Loading was refused by Node itself, whatever binaries there are. */
export function addonsForbidden(cause: unknown): Error {
  const message =
    'posix-mmap is a native addon, and loading addons is disabled: the permission model needs ' +
    `--allow-addons for it, and --no-addons forbids it. ${firstLine(cause)}`
  return coded(new Error(message, { cause }), 'ERR_DLOPEN_DISABLED')
}

const permissionNames = { 'fs.read': 'FileSystemRead', 'fs.write': 'FileSystemWrite' } as const

/** What the permission model refuses, in the words of Node's own error. */
export function accessDenied(scope: 'fs.read' | 'fs.write', resource: string): Error {
  const option = scope === 'fs.read' ? '--allow-fs-read' : '--allow-fs-write'
  const message = `Access to this API has been restricted. Use ${option} to manage permissions.`
  const more = { permission: permissionNames[scope], resource }
  return coded(new Error(message), 'ERR_ACCESS_DENIED', more)
}

/** What the kernel counts of this process, in bytes; -1 for what is not known or has no limit. */
export interface MemoryCounts {
  /** Mappings of the package. */
  live: number
  /** Those of them that are closed, and wait for their buffers. */
  quarantined: number
  locked: number
  lockLimit: number
  addresses: number
  addressLimit: number
  data: number
  dataLimit: number
  /** Kernel mappings. */
  mappings: number
  mappingLimit: number
  /** Of the machine's memory. */
  available: number
}

/** Which kernel mappings the package leaves to the runtime and to repairs; map_budget.cc. */
const reservedMappings = 2048

/** Which limit it was that ENOMEM or EAGAIN does not name, for a call that wanted `bytes` more. */
export function memoryRemark(wanted: 'map' | 'lock', bytes: number, now: MemoryCounts): string {
  const more = bytes === 0 ? '' : `, and ${bytes} more were asked for`
  const own = `${now.live} mappings of this process are alive, ${now.quarantined} of them closed`
  const collector =
    'those that were dropped without unmap() wait for the garbage collector and for a turn of the ' +
    'event loop, unmap() frees at once'
  if (wanted === 'lock' && now.lockLimit >= 0 && now.locked + bytes > now.lockLimit) {
    return (
      ` (RLIMIT_MEMLOCK lets this process lock ${now.lockLimit} bytes, of which ${now.locked} are ` +
      `locked${more}: ulimit -l, setrlimit(2), or CAP_IPC_LOCK)`
    )
  }
  // Some calls cut a kernel mapping into three.
  if (now.mappingLimit >= 0 && now.mappings >= now.mappingLimit - reservedMappings - 2) {
    return (
      ` (vm.max_map_count lets this process have ${now.mappingLimit} kernel mappings, of which ` +
      `${now.mappings} are used and the last ${reservedMappings} are left to the runtime and to repairs; ${own}; ` +
      `${collector})`
    )
  }
  if (now.addressLimit >= 0 && now.addresses + bytes > now.addressLimit) {
    return (
      ` (RLIMIT_AS lets this process have ${now.addressLimit} bytes of addresses, of which ` +
      `${now.addresses} are taken${more}; ${own}; ${collector})`
    )
  }
  if (now.dataLimit >= 0 && now.data + bytes > now.dataLimit) {
    return (
      ` (RLIMIT_DATA lets this process have ${now.dataLimit} bytes of private memory, of which ` +
      `${now.data} are taken${more})`
    )
  }
  const unread = wanted === 'lock' ? 'a page cannot be read, or ' : ''
  const available = now.available < 0 ? 'it' : `${now.available} bytes are available, and it`
  return (
    ` (${unread}the system has no memory or addresses for it: ${available} would take ` +
    `${bytes === 0 ? 'more' : bytes}, or vm.overcommit_memory forbids it; no limit of the process is ` +
    `reached; ${own})`
  )
}

/** The code of an errno, also of those that libuv has no words for, such as ESTALE. */
export function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `E${errno}`
}

/** An error in the form of Node's own: `ENOSPC: no space left on device, fallocate '/x'`. */
export function systemError(
  errno: number,
  syscall: string,
  path: string | null = null,
  remark = '',
): NodeJS.ErrnoException {
  const [code, reason] = getSystemErrorMap().get(errno) ?? [nameOf(-errno), 'unknown error']
  const where = path === null ? '' : ` '${path}'`
  const message = `${code}: ${reason}, ${syscall}${where}${remark}`
  const more = path === null ? { errno, syscall } : { errno, syscall, path }
  return coded(new Error(message), code, more)
}
