// posix-mmap residency FILE…

import type { CachedFile } from './cached-file.js'
import { type FileResidency, residencyOf } from './cached-pages.js'
import { type Command, type CommandLine, type ExitCode, exit, UsageError } from './command.js'
import { fileLine, layoutFor, Totals, totalLine } from './drawing.js'
import { hiddenResidency, lineFor } from './errors.js'
import { findFiles, forEachFile, type Outcome, type Search } from './files.js'
import { flushOutput, print, printJson, printProblem, printSoon } from './output.js'
import { inJson } from './paths.js'
import { FileProgress, status } from './progress.js'
import { type Selection, selectionHelp, selectionOf, selectionOptions } from './selection.js'
import { lookOf } from './terminal.js'
import { jsonText } from './text.js'
import { grouped } from './units.js'

const partsInJson = 64

const help = `Usage: posix-mmap residency [OPTION…] FILE…

Draws which parts of each file are in the page cache. The bar goes from the
first byte of the file to its last, and is as high at each place as the share of
the pages there that are in memory. On a terminal without UTF-8, and where there
is no terminal, it goes from "." (none) over "-", "+" and "*" to "#" (all).
Nothing is read in to find out; cachestat(2), or mincore(2) where that does not
answer.

${selectionHelp}
  --watch [SECONDS]  again and again until Ctrl-C, every 2 seconds if no number
                     follows; on a terminal in place, else one round after the
                     other; with --json a line for each round, an object with
                     time and files
  --json      an array with an object for each file:
                path, size       in bytes
                pathBytes        in base64, if the path is not UTF-8
                offset, length   with --range: what the rest is about, in bytes
                pageSize         in bytes
                pages, resident  how many pages it has and are in memory
                residentBytes    how many of its bytes are in memory
                parts            resident pages of each of at most ${partsInJson} equal
                                 parts; part i of n begins with page
                                 floor(i * pages / n)
  -h, --help  print this text

Lines have 80 columns, or as many as the terminal or COLUMNS in the environment
has. A name that is too long is cut on a terminal, and makes its line longer
elsewhere. What is not printed of a name appears as in C, "\\n", "\\x1b",
"\\u202e"; a byte that is not UTF-8 as "\\xff", a backslash as "\\\\".

The kernel reports residency only to the owner of a file and to processes that
may write to it; to all others it would call every page resident. For files of
which it reports nothing, the command fails with EPERM.
`

/** The residency of files that have been found, with a line on the terminal if it takes long. */
function look({ files, selection }: Search) {
  const progress = new FileProgress(files.length)
  return (file: CachedFile, parts: number, index: number): FileResidency => {
    const residency = residencyOf(file, parts, selection.range, progress.of(file, index))
    if (residency === null) throw hiddenResidency(file.path)
    return residency
  }
}

type OnProblem = (error: unknown, path: string) => Promise<void> | void

/** The objects that `--json` prints. */
async function objectsOf(selection: Selection): Promise<{ files: object[]; outcome: Outcome }> {
  const search = findFiles(selection)
  const residencyOfFile = look(search)
  const files: object[] = []
  const ranged = selection.range.start > 0 || selection.range.end < Number.POSITIVE_INFINITY
  const outcome = await forEachFile(search, (file, _found, index) => {
    const { size, offset, length, ...rest } = residencyOfFile(file, partsInJson, index)
    files.push({ ...inJson(file.path), size, ...(ranged ? { offset, length } : {}), ...rest })
  })
  return { files, outcome }
}

/** Draws files a line at a time. */
async function draw(
  selection: Selection,
  onLine: (line: string) => Promise<void> | undefined,
  onProblem: OnProblem = printProblem,
): Promise<boolean> {
  const search = findFiles(selection)
  const residencyOfFile = look(search)
  const terminal = lookOf(process.stdout)
  const names = search.files.map(({ path }) => path)
  const layout = layoutFor(names, terminal)
  const totals = new Totals()
  const { failures, leftOut } = await forEachFile(
    search,
    (file, _found, index) => {
      const residency = residencyOfFile(file, layout.bar, index)
      totals.add(residency)
      return onLine(fileLine(file.path, residency, layout))
    },
    onProblem,
  )
  const remarks = [`${grouped(totals.resident)} of ${grouped(totals.pages)} pages`]
  if (totals.files > 0 || failures === 0)
    await onLine(totalLine(totals, leftOut, remarks, terminal))
  return failures === 0
}

/** How many seconds there are between two rounds. */
function intervalFrom(text: unknown): number {
  const seconds = Number(text)
  if (seconds >= 0.1 && seconds <= 86_400) return seconds
  throw new UsageError(`--watch takes 0.1 to 86400 seconds, not '${text}'`)
}

/** One round on a terminal, over what was there: as many lines as it has. */
async function drawFrame(selection: Selection): Promise<void> {
  const lines: string[] = []
  const problems: string[] = []
  await draw(
    selection,
    (line) => void lines.push(line.trimEnd()),
    (error, path) => void problems.push(`posix-mmap: ${lineFor(error, path)}`),
  )
  // The last line of the terminal stays free, so that nothing scrolls.
  const room = Math.max((process.stdout.rows || 24) - 1, 2)
  const total = lines.pop() ?? ''
  const all = [...lines, ...problems]
  const shown = all.length < room ? all : all.slice(0, room - 2)
  if (shown.length < all.length) shown.push(`… ${grouped(all.length - shown.length)} more`)
  const text = [...shown, total].map((line) => `${line}\u001b[K\n`).join('')
  await print(`\u001b[H${text}\u001b[J`)
}

/** Never returns: SIGINT ends the process, as a shell expects it. */
async function watch(selection: Selection, seconds: number, json: boolean): Promise<never> {
  const inPlace = process.stdout.isTTY && !json
  if (inPlace) {
    status.silenced = true
    await print('\u001b[2J')
  }
  for (;;) {
    const time = new Date().toISOString()
    if (json) {
      const { files } = await objectsOf(selection)
      await print(`${jsonText({ time, files })}\n`)
    } else if (inPlace) await drawFrame(selection)
    else {
      await print(`${time}\n`)
      await draw(selection, printSoon)
      await flushOutput()
    }
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  }
}

export const residency: Command = {
  help,
  options: { ...selectionOptions, watch: { type: 'string' } },
  defaults: { watch: '2' },
  async run(line: CommandLine): Promise<ExitCode> {
    const { watch: interval, json } = line.options
    const seconds = interval === undefined ? null : intervalFrom(interval)
    const selection = await selectionOf(line)
    if (seconds !== null) return watch(selection, seconds, json === true)
    if (json === true) {
      const { files, outcome } = await objectsOf(selection)
      await printJson(files)
      return outcome.failures === 0 ? exit.ok : exit.failure
    }
    const allWell = await draw(selection, printSoon)
    await flushOutput()
    return allWell ? exit.ok : exit.failure
  },
}
