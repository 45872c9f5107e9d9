// A picture of the page cache in a file: which bytes of which files were in memory. Lines of JSON: what
// it is, a line for each file, and last a digest of all that comes before it.

import fs from 'node:fs'
import type { CachedFile } from './cached-file.js'
import { badPicture } from './errors.js'
import { contentOf } from './input.js'
import { forNode, fromJson, inJson } from './paths.js'
import { append, type Runs } from './runs.js'

const version = 1
const start = Buffer.from('{"posix-mmap":"picture",')

/** What tells a file from one that has its name now. */
export interface Condition {
  /** In bytes. */
  size: number
  /** In nanoseconds since 1970. */
  mtime: string
  inode: string
}

export interface PicturedFile extends Condition {
  /** Absolute. */
  path: string
  runs: Runs
}

/** fstat(2). The device is left out, since it may have another number after a restart. */
export function conditionOf({ fd, size }: CachedFile): Condition {
  const { mtimeNs, ino } = fs.fstatSync(fd, { bigint: true })
  return { size, mtime: String(mtimeNs), inode: String(ino) }
}

export function isChanged(before: Condition, now: Condition): boolean {
  return before.size !== now.size || before.mtime !== now.mtime || before.inode !== now.inode
}

/** How many bytes each range begins behind the one before it, and how many it has, in turn. */
function distancesOf(runs: Runs): number[] {
  return runs.map((edge, i) => edge - (runs[i - 1] ?? 0))
}

function digestOf(content: Buffer): string {
  // Loaded here, since it takes longer than the work of most commands.
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha256').update(content).digest('hex')
}

export function encodePicture(files: readonly PicturedFile[]): Buffer {
  const head = { 'posix-mmap': 'picture', version, time: new Date().toISOString() }
  const lines = files.map(({ path, runs, size, mtime, inode }) =>
    JSON.stringify({ ...inJson(path), size, mtime, inode, runs: distancesOf(runs) }),
  )
  const content = Buffer.from(`${[JSON.stringify(head), ...lines].join('\n')}\n`)
  return Buffer.concat([content, Buffer.from(`${JSON.stringify({ sha256: digestOf(content) })}\n`)])
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** The ranges; null for anything that {@link distancesOf} does not return. */
function runsFrom(distances: unknown): number[] | null {
  if (!Array.isArray(distances) || distances.length % 2 !== 0) return null
  if (!distances.every(Number.isSafeInteger)) return null
  const runs: number[] = []
  let at = 0
  for (let i = 0; i < distances.length; i += 2) {
    const from = at + distances[i]
    const to = from + distances[i + 1]
    const isRun = Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= at && to > from
    if (!isRun) return null
    append(runs, from, to)
    at = to
  }
  return runs
}

function fileFrom(line: string): PicturedFile | null {
  const { path, pathBytes, size, mtime, inode, runs: distances } = JSON.parse(line) ?? {}
  const runs = runsFrom(distances)
  if (!isText(path) || (pathBytes !== undefined && !isText(pathBytes)) || runs === null) return null
  if (!Number.isSafeInteger(size) || size < 0 || !isText(mtime) || !isText(inode)) return null
  const whole = fromJson({ path, pathBytes })
  return whole.startsWith('/') && !whole.includes('\0')
    ? { path: whole, size, mtime, inode, runs }
    : null
}

/**
 * Reads a picture. Nothing in it is believed: ranges that a file does not have are left to the caller.
 *
 * @param name for the errors
 */
export function decodePicture(content: Buffer, name: string): PicturedFile[] {
  if (!content.subarray(0, start.length).equals(start)) {
    throw badPicture(name, 'is not a picture that posix-mmap save has made')
  }
  const damaged = (what: string) => badPicture(name, `is a damaged picture: ${what}`)
  const [first = '', ...lines] = content.toString().trimEnd().split('\n')
  let head: { version?: unknown }
  try {
    head = JSON.parse(first)
  } catch {
    throw damaged('its first line is no JSON')
  }
  if (head.version !== version && Number.isSafeInteger(head.version)) {
    const newer = `is a picture of version ${head.version}, and this posix-mmap knows version ${version}`
    throw badPicture(name, newer)
  }
  const last = lines.pop() ?? ''
  const end = content.lastIndexOf('\n', content.length - 2) + 1
  const expected = JSON.stringify({ sha256: digestOf(content.subarray(0, end)) })
  if (last !== expected || content.at(-1) !== 10) {
    throw damaged('its end is missing, or its digest is not that of its content')
  }
  return lines.map((line, i) => {
    let file: PicturedFile | null = null
    try {
      file = fileFrom(line)
    } catch {}
    if (file === null) throw damaged(`line ${i + 2} describes no file`)
    return file
  })
}

/** Whether a file begins like a picture; so a data file of any size is told apart by a few bytes. */
function looksLikePicture(file: string): boolean {
  const fd = fs.openSync(forNode(file), 'r')
  const bytes = Buffer.alloc(start.length)
  try {
    return fs.readSync(fd, bytes, 0, bytes.length, 0) === bytes.length && bytes.equals(start)
  } finally {
    fs.closeSync(fd)
  }
}

export async function readPicture(file: string): Promise<PicturedFile[]> {
  const regular = file !== '-' && fs.statSync(forNode(file)).isFile()
  const content = regular && !looksLikePicture(file) ? Buffer.alloc(0) : await contentOf(file)
  return decodePicture(content, file)
}

/** What is at the path now; null if nothing is. */
function statsOf(file: string): fs.Stats | null {
  return fs.statSync(forNode(file), { throwIfNoEntry: false }) ?? null
}

/** Throws if there is a file that would be lost. */
export function assertReplaceable(file: string): void {
  const stats = statsOf(file)
  if (stats?.isFile() !== true || stats.size === 0 || looksLikePicture(file)) return
  throw badPicture(file, 'exists and is not a picture: save does not replace it')
}

/**
 * Writes a picture, so that at any time the old one or the new one is there: to another file, which then
 * gets the name; rename(2). What is no regular file, such as a FIFO, is written to.
 */
export function writePicture(file: string, content: Buffer): void {
  const stats = statsOf(file)
  if (stats !== null && !stats.isFile()) {
    fs.writeFileSync(forNode(file), content)
    return
  }
  // Behind a symbolic link, which stays one.
  const place = stats === null ? Buffer.from(forNode(file)) : realPath(file)
  const next = Buffer.concat([place, Buffer.from(`.${process.pid}.tmp`)])
  const fd = fs.openSync(next, 'wx', stats === null ? 0o666 : stats.mode & 0o777)
  try {
    fs.writeFileSync(fd, content)
    fs.fsyncSync(fd)
    fs.renameSync(next, place)
  } catch (error) {
    fs.unlinkSync(next)
    throw error
  } finally {
    fs.closeSync(fd)
  }
}

function realPath(file: string): Buffer {
  return fs.realpathSync.native(forNode(file), { encoding: 'buffer' })
}
