// What warm and evict have in common: they change what is in memory of files, and show what it came
// to.

import { constants } from 'node:os'
import { systemError } from '../errors.js'
import { type CachedFile, type FileResidency, residencyOf } from './cached-file.js'
import { type ExitCode, exit } from './command.js'
import { type FoundFile, forEachFile, type Search } from './files.js'
import { print, printJson } from './output.js'
import { fileLine, layoutFor, Totals, totalLine } from './picture.js'
import { type Look, lookOf } from './terminal.js'
import { counted } from './units.js'

/** A file before and after, null where the kernel does not tell. */
interface Outcome {
  path: string
  size: number
  before: FileResidency | null
  after: FileResidency | null
}

export interface Change {
  /** Does it to one file. */
  apply(file: CachedFile, found: FoundFile): void
  /** Called when all files had their turn, before anything is printed. */
  end?(): void
  /** Whether it came to what was wanted. */
  succeeded(after: FileResidency): boolean
  /** What to say of all files that it did not. */
  shortfall: string
  remarks?(): string[]
}

/** About as many as a line has columns. */
const mostParts = 200

export function hiddenResidency(path: string): Error {
  const remark = ' (the kernel tells only the owner of the file and who may write to it)'
  return systemError(-constants.errno.EPERM, 'mincore', path, remark)
}

async function draw(outcomes: readonly Outcome[], change: Change, look: Look): Promise<void> {
  const before = new Totals()
  const after = new Totals()
  const short: (Outcome & { after: FileResidency })[] = []
  for (const outcome of outcomes) {
    if (outcome.before !== null) before.add(outcome.before)
    if (outcome.after === null) continue
    after.add(outcome.after)
    if (!change.succeeded(outcome.after)) short.push({ ...outcome, after: outcome.after })
  }
  const layout = layoutFor(
    short.map(({ path }) => path),
    look,
  )
  for (const { path, after } of short) await print(fileLine(path, after, layout))
  const remarks = [`${before.percentage} before`, ...(change.remarks?.() ?? [])]
  if (after.files === outcomes.length || after.files > 0)
    await print(totalLine(after, remarks, look))
  if (short.length > 0) await print(`${change.shortfall}\n`)
  const hidden = outcomes.length - after.files
  if (hidden > 0) {
    const them = counted(hidden, 'file')
    await print(`${them} done; what is resident is told only to who may write there\n`)
  }
}

function inJson({ path, size, before, after }: Outcome): object {
  return {
    path,
    size,
    pageSize: after?.pageSize ?? null,
    pages: after?.pages ?? null,
    resident: after?.resident ?? null,
    residentBytes: after?.residentBytes ?? null,
    residentBefore: before?.resident ?? null,
    residentBytesBefore: before?.residentBytes ?? null,
  }
}

/** Applies a change to files and prints what is in memory of them afterwards. */
export async function applyTo(search: Search, change: Change, json: boolean): Promise<ExitCode> {
  const outcomes: Outcome[] = []
  const allWell = await forEachFile(search, (file, found) => {
    const before = residencyOf(file, 1)
    change.apply(file, found)
    const after = residencyOf(file, mostParts)
    outcomes.push({ path: file.path, size: file.size, before, after })
  })
  change.end?.()
  if (json) await printJson(outcomes.map(inJson))
  else await draw(outcomes, change, lookOf(process.stdout))
  return allWell ? exit.ok : exit.failure
}

/** The keys of {@link inJson}, for `--help`. */
export const changeKeysHelp = `\
  --json      an array with an object for each file:
                path, size       in bytes
                pageSize         in bytes
                pages, resident  how many pages it has and are in memory now
                residentBytes    how many of its bytes are in memory now
                residentBefore, residentBytesBefore
                                 the same before
              null where the kernel does not tell: it tells only the owner of
              a file and who may write to it
  -h, --help  this
`
