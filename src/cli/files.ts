// Finds the files that a selection names, and opens them one after the other.

import { readdirSync, statSync } from 'node:fs'
import { type CachedFile, FileSet, lookAt } from './cached-file.js'
import { notInThePageCache } from './errors.js'
import { printProblem } from './output.js'
import { forNode, pathFrom } from './paths.js'
import { status, wordsLine } from './progress.js'
import type { Selection } from './selection.js'
import { escaped } from './text.js'
import { counted } from './units.js'

export interface FoundFile {
  path: string
  /** In bytes; 0 where it was not asked for, and for a block device until it is open. */
  size: number
}

export interface Search {
  files: FoundFile[]
  /** The errors because of which operands, or entries of directories, are not among the files. */
  problems: { error: unknown; path: string }[]
  selection: Selection
}

interface Entry {
  name: string
  isDirectory(): boolean
  isFile(): boolean
}

function entriesOf(directory: string): Entry[] {
  const place = forNode(directory)
  const entries = readdirSync(place, { withFileTypes: true })
  if (!entries.some(({ name }) => name.includes('\ufffd'))) return entries
  // Some name is not UTF-8, and only its bytes lead to the file.
  return readdirSync(place, { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({
    name: pathFrom(entry.name),
    isDirectory: () => entry.isDirectory(),
    isFile: () => entry.isFile(),
  }))
}

/**
 * The files of a selection. A directory stands for all files below it, ordered by name; symbolic links
 * in it are not followed.
 *
 * @param withSizes whether the sizes are needed before the files are opened
 */
export function findFiles(selection: Selection, withSizes = false): Search {
  const files: FoundFile[] = []
  const problems: Search['problems'] = []

  const attempt = (path: string, body: () => void) => {
    try {
      body()
    } catch (error) {
      problems.push({ error, path })
    }
  }
  const tell = (place: string) => {
    if (!status.isShown) return
    status.show((look) => wordsLine(`${counted(files.length, 'file')} in ${escaped(place)}`, look))
  }
  const add = (path: string) => {
    tell(path)
    files.push({ path, size: withSizes ? statSync(forNode(path)).size : 0 })
  }
  const addBelow = (directory: string) => {
    tell(directory)
    const entries = entriesOf(directory)
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    const start = directory.endsWith('/') ? directory : `${directory}/`
    for (const entry of entries) {
      const path = start + entry.name
      if (selection.isExcluded(path)) continue
      if (entry.isDirectory()) attempt(path, () => addBelow(path))
      else if (entry.isFile()) attempt(path, () => add(path))
    }
  }
  for (const operand of selection.operands) {
    if (selection.isExcluded(operand)) continue
    attempt(operand, () => {
      tell(operand)
      const stats = statSync(forNode(operand))
      if (stats.isDirectory()) addBelow(operand)
      else if (stats.isFile() || stats.isBlockDevice()) {
        files.push({ path: operand, size: stats.size })
      } else throw notInThePageCache(operand, stats)
    })
  }
  return { files, problems, selection }
}

/** What became of the files of a search. */
export interface Outcome {
  failures: number
  /** Larger than was asked for. */
  leftOut: number
}

/**
 * Opens the files one after the other and calls `body` for each, once for a file with several names. An
 * error is printed, and the next file is processed all the same.
 *
 * @param onProblem what is done with an error, if it is not to be printed
 */
export async function forEachFile(
  { files, problems, selection }: Search,
  body: (file: CachedFile, found: FoundFile, index: number) => Promise<void> | void,
  onProblem: (error: unknown, path: string) => Promise<void> | void = printProblem,
): Promise<Outcome> {
  const outcome = { failures: problems.length, leftOut: 0 }
  const seen = new FileSet()
  for (const { error, path } of problems) await onProblem(error, path)
  // Not by entries(), whose pairs are thrown away for each of many thousands of files.
  for (let index = 0; index < files.length; index++) {
    const found = files[index] as FoundFile
    let file: CachedFile | undefined
    try {
      file = lookAt(found.path)
      if (!seen.add(file)) continue
      if (file.size > selection.maxSize) {
        outcome.leftOut++
        continue
      }
      const pending = body(file, found, index)
      // For most files nothing is pending, and a turn of the queue for each of thousands takes its time.
      if (pending !== undefined) await pending
    } catch (error) {
      outcome.failures++
      await onProblem(error, found.path)
    } finally {
      file?.close()
    }
  }
  return outcome
}
