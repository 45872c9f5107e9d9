// Finds the files that the operands of a command name, and opens them one after the other.

import { readdirSync, type Stats, statSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { systemError } from '../errors.js'
import { type CachedFile, openCached } from './cached-file.js'
import { UsageError } from './command.js'
import { printError } from './output.js'

export interface FoundFile {
  path: string
  /** In bytes; 0 for a block device, whose size is known only once it is open. */
  size: number
}

export interface Search {
  files: FoundFile[]
  /** The errors because of which operands, or entries of directories, are not among the files. */
  problems: unknown[]
}

function notInThePageCache(place: string, stats: Stats): unknown {
  const kind = stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'character device'
  const remark = ` (a ${kind} has no pages in the page cache)`
  return systemError(-constants.errno.ENODEV, 'open', place, remark)
}

/**
 * The files that operands name. A directory stands for all files below it, ordered by name; symbolic
 * links in it are not followed, and a file with several names appears once.
 */
export function findFiles(operands: readonly string[]): Search {
  if (operands.length === 0) throw new UsageError('FILE is missing')
  const files: FoundFile[] = []
  const problems: unknown[] = []
  const seen = new Set<string>()

  const attempt = (body: () => void) => {
    try {
      body()
    } catch (error) {
      problems.push(error)
    }
  }
  const add = (place: string, { dev, ino, size }: Stats) => {
    const identity = `${dev}:${ino}`
    if (seen.has(identity)) return
    seen.add(identity)
    files.push({ path: place, size })
  }
  const addBelow = (directory: string) => {
    const entries = readdirSync(directory, { withFileTypes: true })
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const place = path.join(directory, entry.name)
      if (entry.isDirectory()) attempt(() => addBelow(place))
      else if (entry.isFile()) attempt(() => add(place, statSync(place)))
    }
  }
  for (const operand of operands) {
    attempt(() => {
      const stats = statSync(operand)
      if (stats.isDirectory()) addBelow(operand)
      else if (stats.isFile() || stats.isBlockDevice()) add(operand, stats)
      else throw notInThePageCache(operand, stats)
    })
  }
  return { files, problems }
}

function report(error: unknown, file?: string): Promise<void> {
  const { message, path: named } = error as NodeJS.ErrnoException
  // The error of a call on a descriptor has no path.
  const where = file === undefined || named !== undefined ? '' : ` '${file}'`
  return printError(`posix-mmap: ${message}${where}\n`)
}

/**
 * Opens the files one after the other and calls `body` for each. An error is printed, and the next
 * file is processed all the same.
 *
 * @returns whether there was no error
 */
export async function forEachFile(
  { files, problems }: Search,
  body: (file: CachedFile, found: FoundFile) => void | Promise<void>,
): Promise<boolean> {
  let failures = problems.length
  for (const problem of problems) await report(problem)
  for (const found of files) {
    let file: CachedFile | undefined
    try {
      file = openCached(found.path)
      await body(file, found)
    } catch (error) {
      failures++
      await report(error, found.path)
    } finally {
      file?.close()
    }
  }
  return failures === 0
}
