// The part that the commands warm and evict share: both change which pages of files are in memory,
// and print the result.

import type { CachedFile } from './cached-file.js'
import { type FileResidency, residencyOf } from './cached-pages.js'
import { type ExitCode, exit } from './command.js'
import { fileLine, layoutFor, Totals, totalLine } from './drawing.js'
import { type FoundFile, forEachFile, type Search } from './files.js'
import { print, printJson } from './output.js'
import { inJson } from './paths.js'
import { FileProgress } from './progress.js'
import { type Look, lookOf } from './terminal.js'
import { counted } from './units.js'

/** The residency of a file before and after the change; null where the kernel does not report it. */
interface Outcome {
  path: string
  /** In bytes. */
  size: number
  before: FileResidency | null
  after: FileResidency | null
  succeeded: boolean
  details: object
}

export interface Change {
  /** Changes one file. Returns false if there was nothing to do. */
  apply(file: CachedFile, found: FoundFile, before: FileResidency | null): boolean
  /** Whether the change had its full effect on a file. */
  succeeded(after: FileResidency, file: CachedFile): boolean
  /** The reason printed below the files on which the change did not have its full effect. */
  shortfall: string
  /** More figures for the line of totals. */
  remarks?(): string[]
  /** Lines below the totals. */
  notes?(): string[]
  /** More keys for JSON. */
  details?(file: CachedFile): object
}

/** About as many as a wide terminal has columns: more would not be seen. */
const maxParts = 200

async function draw(
  outcomes: readonly Outcome[],
  leftOut: number,
  change: Change,
  look: Look,
): Promise<void> {
  const before = new Totals()
  const after = new Totals()
  const short: (Outcome & { after: FileResidency })[] = []
  for (const outcome of outcomes) {
    if (outcome.before !== null) before.add(outcome.before)
    if (outcome.after === null) continue
    after.add(outcome.after)
    if (!outcome.succeeded) short.push({ ...outcome, after: outcome.after })
  }
  const layout = layoutFor(
    short.map(({ path }) => path),
    look,
  )
  for (const { path, after } of short) await print(fileLine(path, after, layout))
  const remarks = [`${before.percentage} before`, ...(change.remarks?.() ?? [])]
  if (after.files === outcomes.length || after.files > 0)
    await print(totalLine(after, leftOut, remarks, look))
  if (short.length > 0) await print(`${change.shortfall}\n`)
  for (const note of change.notes?.() ?? []) await print(`${note}\n`)
  const hidden = outcomes.length - after.files
  if (hidden > 0) {
    const done = `${counted(hidden, 'file')} done`
    await print(`${done}; the kernel reports residency only to owners and writers of a file\n`)
  }
}

function objectFor({ path, size, before, after, details }: Outcome): object {
  return {
    ...inJson(path),
    size,
    pageSize: after?.pageSize ?? null,
    pages: after?.pages ?? null,
    resident: after?.resident ?? null,
    residentBytes: after?.residentBytes ?? null,
    residentBefore: before?.resident ?? null,
    residentBytesBefore: before?.residentBytes ?? null,
    ...details,
  }
}

/** Applies a change to files and prints what is in memory of them afterwards. */
export async function applyTo(search: Search, change: Change, json: boolean): Promise<ExitCode> {
  const outcomes: Outcome[] = []
  const { range } = search.selection
  const progress = new FileProgress(search.files.length)
  const body = (file: CachedFile, found: FoundFile, index: number) => {
    const onWindow = progress.of(file, index)
    const before = residencyOf(file, maxParts, range, onWindow)
    const isChanged = change.apply(file, found, before)
    if (isChanged) file.forgetCached()
    const after = isChanged ? residencyOf(file, maxParts, range, onWindow) : before
    const succeeded = after !== null && change.succeeded(after, file)
    const details = change.details?.(file) ?? {}
    outcomes.push({ path: file.path, size: file.size, before, after, succeeded, details })
  }
  const { failures, leftOut } = await forEachFile(search, body)
  if (json) await printJson(outcomes.map(objectFor))
  else await draw(outcomes, leftOut, change, lookOf(process.stdout))
  return failures === 0 ? exit.ok : exit.failure
}

/** The keys of {@link objectFor}, for `--help`. */
export const changeKeysHelp = `\
  --json      an array with an object for each file:
                path, size       in bytes
                pathBytes        in base64, if the path is not UTF-8
                pageSize         in bytes
                pages, resident  how many pages it has and are in memory now
                residentBytes    how many of its bytes are in memory now
                residentBefore, residentBytesBefore
                                 the same before
              null where the kernel does not report it: it reports only to the
              owner of a file and to processes that may write to it
  -h, --help  print this text
`
