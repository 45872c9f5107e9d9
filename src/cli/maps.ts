// posix-mmap maps PID

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { type Command, exit, UsageError } from './command.js'
import { print, printJson } from './output.js'
import { inJson, pathFrom } from './paths.js'
import { type ProcessMapping, parseSmaps } from './smaps.js'
import { bold, cutName, dim, type Look, lookOf } from './terminal.js'
import { counted, shortByteSize } from './units.js'

const help = `Usage: posix-mmap maps [--json] [--sort KEY] PID

Lists the mappings of a process: addresses, permissions, and how much of each is
resident (in memory), shared (resident, and mapped by other processes too) and
dirty (resident, written to and not yet written back); K, M, G are powers of
1024. The names are those of the kernel; proc_pid_smaps(5).

  --sort KEY  address (default), or the largest first: size, resident, shared,
              dirty
  --json      an array with an object for each mapping:
                start, end       addresses, as strings: "0x7f…"
                permissions      "rw-s"
                offset           in the file, in bytes
                path             the file or the kernel's name, null if none
                pathBytes        in base64, if the path is not UTF-8
                size, residentBytes, sharedBytes, dirtyBytes, swapBytes
                proportionalBytes
                                 the sum of the resident pages, each divided
                                 by how many processes have it mapped
  -h, --help  print this text
`

const sortKeys = {
  address: null,
  size: 'size',
  resident: 'residentBytes',
  shared: 'sharedBytes',
  dirty: 'dirtyBytes',
} as const

type SortKey = keyof typeof sortKeys

function sortKey(value: unknown): SortKey {
  if (value === undefined) return 'address'
  if (Object.hasOwn(sortKeys, value as string)) return value as SortKey
  throw new UsageError(`--sort takes ${Object.keys(sortKeys).join(', ')}, not '${value}'`)
}

function processId(operands: readonly string[]): string {
  const [pid, ...more] = operands
  if (pid === undefined) throw new UsageError('PID is missing')
  if (more.length > 0) throw new UsageError('maps takes one PID')
  if (!/^(self|[1-9]\d*)$/.test(pid)) throw new UsageError(`'${pid}' is not a process id`)
  return pid
}

/** @throws ESRCH, EACCES, EPERM */
function mappingsOf(pid: string): ProcessMapping[] {
  const file = `/proc/${pid}/smaps`
  try {
    return parseSmaps(pathFrom(readFileSync(file)))
  } catch (error) {
    // /proc has no directory for a process that does not exist.
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw gone ? systemError(-constants.errno.ESRCH, 'open', file) : error
  }
}

function sorted(mappings: readonly ProcessMapping[], key: SortKey): readonly ProcessMapping[] {
  const bytes = sortKeys[key]
  return bytes === null ? mappings : mappings.toSorted((a, b) => b[bytes] - a[bytes])
}

const sums = ['size', 'residentBytes', 'sharedBytes', 'dirtyBytes'] as const
type Sums = Readonly<Record<(typeof sums)[number], number>>

function columns(values: readonly string[]): string {
  return values.map((value) => value.padStart(6)).join('')
}

function numbers(of: Sums): string {
  return columns(sums.map((name) => shortByteSize(of[name])))
}

function rangeOf({ start, end }: ProcessMapping): string {
  return `${start.slice(2)}-${end.slice(2)}`
}

/** Columns for two addresses of 48 bits; the row of [vsyscall], which lies above them, is longer. */
const rangeWidth = 25

function table(mappings: readonly ProcessMapping[], look: Look): string {
  const line = (mapping: ProcessMapping) => {
    const range = rangeOf(mapping).padEnd(rangeWidth)
    const start = `${range} ${mapping.permissions}${numbers(mapping)}  `
    const room = Math.max(look.columns - start.length, 8)
    const name = cutName(mapping.path ?? '[anon]', room, look)
    return `${start}${mapping.residentBytes > 0 ? name : dim(look)(name)}\n`
  }
  const total = Object.fromEntries(
    sums.map((name) => [name, mappings.reduce((sum, mapping) => sum + mapping[name], 0)]),
  ) as Sums
  const titles = columns(['size', 'res', 'share', 'dirty'])
  const title = `${'address'.padEnd(rangeWidth)} perm${titles}  name`
  const last = `${counted(mappings.length, 'mapping').padEnd(rangeWidth + 5)}${numbers(total)}`
  return `${bold(look)(title)}\n${mappings.map(line).join('')}${bold(look)(last)}\n`
}

function objectFor(mapping: ProcessMapping): object {
  return mapping.path === null ? mapping : { ...mapping, ...inJson(mapping.path) }
}

export const maps: Command = {
  help,
  options: { sort: { type: 'string' } },
  async run({ operands, options }) {
    const pid = processId(operands)
    const key = sortKey(options['sort'])
    const mappings = sorted(mappingsOf(pid), key)
    if (options['json'] === true) await printJson(mappings.map(objectFor))
    else if (mappings.length === 0) await print(`process ${pid} has no mappings\n`)
    else await print(table(mappings, lookOf(process.stdout)))
    return exit.ok
  },
}
