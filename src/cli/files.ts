// From the operands of a command to files.

import { readdirSync, type Stats, statSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { systemError } from '../errors.js'
import { type CachedFile, openCached } from './cached-file.js'
import { UsageError } from './command.js'
import { printError } from './output.js'

export interface FoundFile {
  path: string
  /** In bytes; 0 for a block device, which tells only when it is open. */
  size: number
}

export interface Search {
  files: FoundFile[]
  /** Errors that kept something from being found. */
  problems: unknown[]
}

function notInThePageCache(place: string, stats: Stats): unknown {
  const kind = stats.isFIFO() ? 'FIFO' : stats.isSocket() ? 'socket' : 'character device'
  const remark = ` (a ${kind} has no pages in the page cache)`
  return systemError(-constants.errno.ENODEV, 'open', place, remark)
}

/**
 * The files that operands name: of a directory those in it and below, in the order of their names,
 * symbolic links not followed and files with several links once.
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
  // Calls on a descriptor do not know what it is called.
  const where = file === undefined || named !== undefined ? '' : ` '${file}'`
  return printError(`posix-mmap: ${message}${where}\n`)
}

/**
 * Opens what was found, one after the other, for `body`. What fails is told and does not keep the
 * others from their turn.
 *
 * @returns whether nothing failed
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
