// The files of a picture that a selection names, and files as a picture has them.

import { readlinkSync } from 'node:fs'
import type { CachedFile } from './cached-file.js'
import { type OnWindow, runsOf } from './cached-pages.js'
import { hiddenResidency } from './errors.js'
import { pathFrom } from './paths.js'
import { conditionOf, type PicturedFile, readPicture } from './picture.js'
import { within } from './runs.js'
import type { Selection } from './selection.js'

/** A path from the root on, without the components that stand for nothing. */
export function absolute(path: string): string {
  // process.cwd() would have lost the bytes that are not UTF-8.
  const from = path.startsWith('/') ? '' : pathFrom(readlinkSync('/proc/self/cwd', 'buffer'))
  const names = `${from}/${path}`.split('/').filter((name) => name !== '' && name !== '.')
  return `/${names.join('/')}`
}

/** Whether a path is that of a directory, or below it. */
export function isAtOrBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root === '/' ? root : `${root}/`)
}

/** Whether a pattern leaves out the file, or a directory above it. */
function isLeftOut(path: string, { isExcluded }: Selection): boolean {
  for (let slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
    if (isExcluded(path.slice(0, slash))) return true
  }
  return isExcluded(path)
}

/**
 * The files of a picture at or below the operands, or all if there are none, by their paths; with the ranges
 * wanted of them.
 */
export async function readPictured(
  picture: string,
  selection: Selection,
): Promise<Map<string, PicturedFile>> {
  const { operands, maxSize, range } = selection
  const roots = operands.map(absolute)
  const isWanted = ({ path, size }: PicturedFile) =>
    size <= maxSize &&
    (roots.length === 0 || roots.some((root) => isAtOrBelow(path, root))) &&
    !isLeftOut(path, selection)
  const files = (await readPicture(picture)).filter(isWanted)
  return new Map(
    files.map((file) => [file.path, { ...file, runs: within(file.runs, range.start, range.end) }]),
  )
}

/**
 * A file as a picture has it now, under this path.
 *
 * @throws EPERM where the kernel does not report to this process what is in memory
 */
export function pictureOf(
  file: CachedFile,
  path: string,
  { range }: Selection,
  onWindow: OnWindow | undefined,
): PicturedFile {
  const runs = runsOf(file, range, onWindow)
  if (runs === null) throw hiddenResidency(file.path)
  return { path, runs, ...conditionOf(file) }
}
