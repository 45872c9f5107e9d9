// The options that say which files a command is about, and which bytes of them.

import { type ByteRange, parseRange, wholeFile } from './byte-range.js'
import { type Command, type CommandLine, UsageError } from './command.js'
import { type Glob, glob } from './glob.js'
import { contentOf } from './input.js'
import { pathFrom } from './paths.js'
import { parseSize } from './units.js'

export interface Selection {
  /** Files, and directories that stand for all files below them. */
  operands: readonly string[]
  /** In bytes. */
  maxSize: number
  /** Of each file. */
  range: ByteRange
  isExcluded(path: string): boolean
}

export const selectionOptions: Command['options'] = {
  'files-from': { type: 'string' },
  null: { type: 'boolean', short: '0' },
  exclude: { type: 'string', multiple: true },
  'max-size': { type: 'string' },
  range: { type: 'string' },
}

export const selectionHelp = `\
A directory stands for all files below it. Symbolic links in it are not
followed.

  --files-from LIST  also the files and directories that LIST names, one a line;
                     - is standard input
  -0, --null         the names in LIST end with NUL bytes, as find -print0 ends
                     them; without --files-from, LIST is standard input
  --exclude GLOB     not the files and directories whose name is like GLOB: * is
                     any characters, ? one, [a-z] one of these; a GLOB with a
                     slash is compared with the end of the path, ** is any
                     directories, and one that begins with a slash must be like
                     all of it; may be given several times
  --max-size SIZE    not the files larger than SIZE: 5000, 64k, 100M, 1.5GiB;
                     powers of 1024, but kB, MB, … are powers of 1000
  --range RANGE      only these bytes of each file: START-END, START-, -END or
                     END, without the byte at END; or OFFSET,LENGTH; in the
                     units of SIZE
`

/** The names in a list. The last one needs no end. */
async function namesIn(list: string, end: number): Promise<string[]> {
  const content = await contentOf(list)
  const names: string[] = []
  for (let at = 0; at < content.length; ) {
    const next = content.indexOf(end, at)
    const stop = next < 0 ? content.length : next
    if (stop > at) names.push(pathFrom(content.subarray(at, stop)))
    at = stop + 1
  }
  return names
}

function texts(value: CommandLine['options'][string]): string[] {
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string')
}

function globFrom(pattern: string): Glob {
  if (pattern === '') throw new UsageError('--exclude takes a pattern, not an empty one')
  return glob(pattern)
}

/** @param mayBeEmpty whether a command without FILE is about all that it knows */
export async function selectionOf(
  { operands, options }: CommandLine,
  mayBeEmpty = false,
): Promise<Selection> {
  const [size] = texts(options['max-size'])
  const [range] = texts(options['range'])
  const [named] = texts(options['files-from'])
  const globs = texts(options['exclude']).map(globFrom)
  const maxSize = size === undefined ? Number.POSITIVE_INFINITY : parseSize(size, '--max-size')
  const bytes = range === undefined ? wholeFile : parseRange(range)
  const isExcluded = (path: string) => {
    if (globs.length === 0) return false
    const components = path.replace(/(?<=.)\/+$/, '').split(/\/+/)
    return globs.some((fits) => fits(components))
  }
  const nul = options['null'] === true
  const list = named ?? (nul ? '-' : undefined)
  const listed = list === undefined ? [] : await namesIn(list, nul ? 0 : 10)
  if (list === undefined && operands.length === 0 && !mayBeEmpty) {
    throw new UsageError('FILE is missing')
  }
  return { operands: [...operands, ...listed], maxSize, range: bytes, isExcluded }
}
