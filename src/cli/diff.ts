// posix-mmap diff PICTURE [FILE…]

import { type Command, type CommandLine, type ExitCode, exit, UsageError } from './command.js'
import { nameColumn, nameColumns } from './drawing.js'
import { findFiles, forEachFile } from './files.js'
import { flushOutput, printJson, printProblem, printSoon } from './output.js'
import { inJson } from './paths.js'
import { isChanged, type PicturedFile } from './picture.js'
import { absolute, isAtOrBelow, pictureOf, readPictured } from './pictured-files.js'
import { FileProgress } from './progress.js'
import { byteCountOf, inPairs, type Runs, without } from './runs.js'
import { type Selection, selectionHelp, selectionOf, selectionOptions } from './selection.js'
import { bold, type Look, lookOf } from './terminal.js'
import { byteSize, counted, shortByteSize } from './units.js'

const help = `Usage: posix-mmap diff [OPTION…] PICTURE [FILE…]

Compares a picture that "save" has made with what is in the page cache now: how
many bytes of each file have come in and gone out. It is about all files of the
picture, or about those that are FILE or below it, also those that the picture
does not have. - is standard input. Nothing is read in to find out.

  --to PICTURE       compare with this picture instead of what is resident now

${selectionHelp}
  --json      an array with an object for each file:
                path             absolute
                pathBytes        in base64, if the path is not UTF-8
                state            "same", "changed" (size, time of change or
                                 inode), "gone", "new" (not in the picture)
                size             in bytes, null if it is gone
                residentBytesBefore, residentBytes
                                 how many of its bytes were and are in memory
                cameInBytes, wentOutBytes
                cameIn, wentOut  the ranges: [[offset, length], …]
  -h, --help  print this text
`

type State = 'same' | 'changed' | 'gone' | 'new'

interface Difference {
  path: string
  state: State
  /** In bytes; null if the file is gone. */
  size: number | null
  before: Runs
  after: Runs
  cameIn: Runs
  wentOut: Runs
}

function difference(
  path: string,
  before: PicturedFile | undefined,
  after: PicturedFile | undefined,
): Difference {
  const then = before?.runs ?? []
  const now = after?.runs ?? []
  const runs = { before: then, after: now, cameIn: without(now, then), wentOut: without(then, now) }
  if (after === undefined) return { path, state: 'gone', size: null, ...runs }
  const known = before === undefined ? 'new' : isChanged(before, after) ? 'changed' : 'same'
  return { path, state: known, size: after.size, ...runs }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

interface Now {
  /** Without those that are gone. */
  files: Map<string, PicturedFile>
  /** Files about which nothing can be said, or is to be said. */
  ignored: Set<string>
  failures: number
}

/** What is resident of files now. Errors are printed. */
async function lookAtNow(paths: readonly string[], selection: Selection): Promise<Now> {
  const now: Now = { files: new Map(), ignored: new Set(), failures: 0 }
  const progress = new FileProgress(paths.length)
  const search = {
    files: paths.map((path) => ({ path, size: 0 })),
    problems: [],
    selection: { ...selection, maxSize: Number.POSITIVE_INFINITY },
  }
  await forEachFile(
    search,
    (file, { path }, index) => {
      if (file.size > selection.maxSize) now.ignored.add(path)
      else now.files.set(path, pictureOf(file, path, selection, progress.of(file, index)))
    },
    async (error, path) => {
      if (isMissing(error)) return
      now.ignored.add(path)
      now.failures++
      await printProblem(error, path)
    },
  )
  return now
}

function objectFor({ path, state, size, before, after, cameIn, wentOut }: Difference): object {
  return {
    ...inJson(path),
    state,
    size,
    residentBytesBefore: byteCountOf(before),
    residentBytes: byteCountOf(after),
    cameInBytes: byteCountOf(cameIn),
    wentOutBytes: byteCountOf(wentOut),
    cameIn: inPairs(cameIn),
    wentOut: inPairs(wentOut),
  }
}

const titles = ['came in', 'went out', 'before', 'after']

function columns(texts: readonly string[]): string {
  return texts.map((text) => text.padStart(10)).join('')
}

/** Only files of which something came in or went out have a line. */
async function draw(all: readonly Difference[], look: Look): Promise<void> {
  const moved = all.filter(({ cameIn, wentOut }) => cameIn.length + wentOut.length > 0)
  const room = look.columns - 10 * titles.length - '  changed'.length
  const width = nameColumns(
    moved.map(({ path }) => path),
    Math.max(room, 8),
  )
  if (moved.length > 0) await printSoon(`${bold(look)(' '.repeat(width) + columns(titles))}\n`)
  for (const { path, state, before, after, cameIn, wentOut } of moved) {
    const sizes = [cameIn, wentOut, before, after].map((runs) => shortByteSize(byteCountOf(runs)))
    const word = state === 'same' ? '' : `  ${state}`
    await printSoon(`${nameColumn(path, width, look)}${columns(sizes)}${word}\n`)
  }
  const sum = (key: 'cameIn' | 'wentOut') =>
    byteSize(all.reduce((total, each) => total + byteCountOf(each[key]), 0))
  const words = [`${sum('cameIn')} came in, ${sum('wentOut')} went out`]
  for (const state of ['changed', 'gone', 'new'] as const) {
    const count = all.filter((each) => each.state === state).length
    if (count > 0) words.push(`${count} ${state}`)
  }
  await printSoon(`${bold(look)(`${counted(all.length, 'file')}: ${words.join(', ')}`)}\n`)
  await flushOutput()
}

async function run({ operands, options }: CommandLine): Promise<ExitCode> {
  const [picture, ...rest] = operands
  const { to } = options
  if (picture === undefined) throw new UsageError('PICTURE is missing')
  const selection = await selectionOf({ operands: rest, options }, true)
  const before = await readPictured(picture, selection)
  const paths = new Set(before.keys())
  const now: Now = { files: new Map(), ignored: new Set(), failures: 0 }
  if (typeof to === 'string') {
    now.files = await readPictured(to, selection)
    for (const path of now.files.keys()) paths.add(path)
  } else {
    const { files, problems } = findFiles(selection)
    for (const { path } of files) paths.add(absolute(path))
    Object.assign(now, await lookAtNow([...paths], selection))
    for (const { error, path } of problems) {
      const root = absolute(path)
      // The picture has files there, of which the result says that they are gone.
      if (isMissing(error) && [...before.keys()].some((each) => isAtOrBelow(each, root))) continue
      now.failures++
      await printProblem(error, path)
    }
  }
  const all = [...paths]
    .filter((path) => !now.ignored.has(path) && (before.has(path) || now.files.has(path)))
    .map((path) => difference(path, before.get(path), now.files.get(path)))
  if (options['json'] === true) await printJson(all.map(objectFor))
  else await draw(all, lookOf(process.stdout))
  return now.failures === 0 ? exit.ok : exit.failure
}

export const diff: Command = {
  help,
  options: { ...selectionOptions, to: { type: 'string' } },
  run,
}
