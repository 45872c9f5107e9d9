// Which pages of a file are in the page cache. cachestat(2) counts them, in a time that depends on what
// is in memory; where the kernel does not answer that, mincore(2) shows each page of a mapping. A window
// at a time, so that a file of any size takes little memory, few addresses, and no long silence.

import { pageSize } from '../index.js'
import { countCached } from '../kernel/cachestat.js'
import { MapFlags, mmap, Prot } from '../posix.js'
import { type ByteRange, extentIn, wholeFile } from './byte-range.js'
import { type CachedFile, countedBytes, withPart } from './cached-file.js'
import { append, type Runs, within } from './runs.js'

/** Which pages of a file, or of part of it, are in memory. */
export interface FileResidency {
  /** In bytes, of the file. */
  size: number
  /** What the rest is about, in bytes: all of the file unless a range of it was asked for. */
  offset: number
  length: number
  /** In bytes. */
  pageSize: number
  pages: number
  /** How many pages are in memory. */
  resident: number
  /** How many of the bytes these hold. */
  residentBytes: number
  /**
   * Of each of the equal parts into which the pages were divided: how many of them are in memory.
   */
  parts: number[]
}

/** Called after each window with the number of its bytes, so that a long search shows that it goes on. */
export type OnWindow = (bytes: number) => void

/** Pages of a file from `first` up to `end`. */
interface Span {
  first: number
  end: number
}

interface Found {
  resident: number
  firstIsResident: boolean
  lastIsResident: boolean
}

const nothing: Found = { resident: 0, firstIsResident: false, lastIsResident: false }

/** What is mapped at once: some 10 ms. */
const mappedBytes = 2 ** 30
/** Where some pages are in memory and some not, counting ends at so many, and a mapping shows each. */
const mixedBytes = 2 ** 24

/** cachestat(2) — how many pages are in memory, null where the kernel does not answer. */
function countIn(file: CachedFile, first: number, end: number): number | null {
  if (file.cached !== null && first === 0 && end * pageSize >= file.size) {
    return Math.min(file.cached, end)
  }
  const found = countCached(file.fd, first * pageSize, (end - first) * pageSize)
  return found === null ? null : Math.min(found, end - first)
}

/**
 * mincore(2) — a byte for each page, 1 if it is in memory. null if the kernel does not report it to this
 * process: since Linux 5.2 it does so only for the owner of the file and for processes that may write to
 * it, and for all others it calls every page resident, even one past the end of the file, which cannot be.
 * Such a page is then asked for, far past the end, since the file may be growing.
 */
function vectorOf(file: CachedFile, first: number, end: number): Uint8Array | null {
  const offset = first * pageSize
  const length = Math.min(end * pageSize, file.size) - offset
  const { vector, resident } = withPart(file, offset, length, (part) => part.residency())
  return resident < vector.length || isReported(file) ? vector : null
}

function isReported({ fd, size }: CachedFile): boolean {
  const offset = Math.ceil(size / pageSize) * pageSize + mappedBytes
  // Private, since some file systems have no shared mappings.
  const flags = MapFlags.PRIVATE
  const pastTheEnd = mmap({ fd, offset, length: pageSize, prot: Prot.READ, flags })
  const { resident } = pastTheEnd.residency()
  pastTheEnd.unmap()
  return resident === 0
}

/** The first page of a part of pages that are divided into `count` parts, as equal as pages allow. */
function firstPageOf(part: number, count: number, pages: number): number {
  return Math.floor((part * pages) / count)
}

/** How many pages such a part has. */
export function pagesIn(part: number, count: number, pages: number): number {
  return firstPageOf(part + 1, count, pages) - firstPageOf(part, count, pages)
}

/** Counts the pages of parts by cachestat(2), halving what is in memory only partly. */
class PartCounter {
  readonly #file: CachedFile
  readonly #span: Span
  readonly #onWindow: OnWindow
  readonly parts: number[]

  constructor(file: CachedFile, span: Span, count: number, onWindow: OnWindow) {
    this.#file = file
    this.#span = span
    this.#onWindow = onWindow
    this.parts = new Array<number>(count).fill(0)
  }

  /** All parts of a window are counted at once. Returns false where the kernel does not answer. */
  countAll(): boolean {
    const { first, end } = this.#span
    const count = this.parts.length
    const bytes = (end - first) * pageSize
    const atOnce = Math.max(Math.floor((count * countedBytes) / bytes), 1)
    for (let part = 0; part < count; part += atOnce) {
      const next = Math.min(part + atOnce, count)
      const resident = this.#countIn(part, next)
      if (resident === null) return false
      this.#divide(part, next, resident)
      this.#onWindow((this.#pageOf(next) - this.#pageOf(part)) * pageSize)
    }
    return true
  }

  #pageOf(part: number): number {
    const { first, end } = this.#span
    return first + firstPageOf(part, this.parts.length, end - first)
  }

  #countIn(from: number, to: number): number | null {
    const end = this.#pageOf(to)
    let sum = 0
    for (let at = this.#pageOf(from); at < end; at += countedBytes / pageSize) {
      const found = countIn(this.#file, at, Math.min(at + countedBytes / pageSize, end))
      if (found === null) return null
      sum += found
      // Bytes are told once, when their parts are known; this only shows that it goes on.
      if (at + countedBytes / pageSize < end) this.#onWindow(0)
    }
    return sum
  }

  /** Divides `resident` pages among parts. */
  #divide(from: number, to: number, resident: number): void {
    if (resident === 0) return
    const all = this.#pageOf(to) - this.#pageOf(from)
    if (to - from === 1) this.parts[from] = Math.min(resident, all)
    else if (resident >= all) {
      const { first, end } = this.#span
      for (let part = from; part < to; part++) {
        this.parts[part] = pagesIn(part, this.parts.length, end - first)
      }
    } else {
      const middle = (from + to) >> 1
      const left = this.#countIn(from, middle) ?? 0
      this.#divide(from, middle, left)
      // The file may have lost pages since they were counted together.
      this.#divide(middle, to, Math.max(resident - left, 0))
    }
  }
}

interface PartsFound extends Found {
  parts: number[]
}

/**
 * The resident pages of each part by cachestat(2).
 *
 * @returns null where the kernel does not answer
 */
function countParts(
  file: CachedFile,
  span: Span,
  count: number,
  onWindow: OnWindow,
): PartsFound | null {
  const { first, end } = span
  const pages = end - first
  const counter = new PartCounter(file, span, count, onWindow)
  if (!counter.countAll()) return null
  const { parts } = counter
  const resident = parts.reduce((sum, part) => sum + part, 0)
  const isResident = (page: number, part: number | undefined) =>
    count === pages ? part === 1 : resident > 0 && countIn(file, page, page + 1) === 1
  const firstIsResident = isResident(first, parts[0])
  return { parts, resident, firstIsResident, lastIsResident: isResident(end - 1, parts.at(-1)) }
}

/** Adds the resident pages of a vector that starts at page `first` to the parts in which they lie. */
function addTo(parts: number[], vector: Uint8Array, first: number, pages: number): number {
  const count = parts.length
  let part = Math.floor((first * count) / pages)
  let end = firstPageOf(part + 1, count, pages) - first
  let resident = 0
  for (let page = 0; page < vector.length; page++) {
    while (page >= end) end = firstPageOf(++part + 1, count, pages) - first
    const one = vector[page] ?? 0
    parts[part] = (parts[part] ?? 0) + one
    resident += one
  }
  return resident
}

/** The same by mincore(2). null if the kernel does not report it to this process. */
function showParts(
  file: CachedFile,
  { first, end }: Span,
  count: number,
  onWindow: OnWindow,
): PartsFound | null {
  const parts = new Array<number>(count).fill(0)
  const found = { ...nothing, parts }
  for (let at = first; at < end; at += mappedBytes / pageSize) {
    const vector = vectorOf(file, at, Math.min(at + mappedBytes / pageSize, end))
    if (vector === null) return null
    if (at === first) found.firstIsResident = vector[0] === 1
    found.lastIsResident = vector.at(-1) === 1
    found.resident += addTo(parts, vector, at - first, end - first)
    onWindow(vector.length * pageSize)
  }
  return found
}

function silent(): void {}

/**
 * The residency of a file that is in memory as a whole or not at all, as most small files are; null for any
 * other. There may be many thousands of them, for which the general way would take longer than the kernel.
 */
function wholeResidency(size: number, cached: number, maxParts: number): FileResidency | null {
  const pages = Math.ceil(size / pageSize)
  if (cached > 0 && cached < pages) return null
  const count = Math.min(pages, maxParts)
  const all = cached > 0
  const parts = new Array<number>(count).fill(0)
  if (all) for (let part = 0; part < count; part++) parts[part] = pagesIn(part, count, pages)
  const resident = all ? pages : 0
  const residentBytes = all ? size : 0
  return { size, offset: 0, length: size, pageSize, pages, resident, residentBytes, parts }
}

/**
 * Which pages of a file, or of a range of it, are in memory: of all of it, and of each of at most
 * `maxParts` equal parts. Reads nothing in.
 *
 * @returns null if the kernel does not report it to this process
 */
export function residencyOf(
  file: CachedFile,
  maxParts: number,
  range: ByteRange = wholeFile,
  onWindow: OnWindow = silent,
): FileResidency | null {
  const { size, cached } = file
  if (cached !== null && range === wholeFile) {
    const whole = wholeResidency(size, cached, maxParts)
    if (whole !== null) return whole
  }
  const { offset, length } = extentIn(size, range)
  const first = Math.floor(offset / pageSize)
  const end = length === 0 ? first : Math.ceil((offset + length) / pageSize)
  const pages = end - first
  const span = { first, end }
  const count = Math.min(pages, maxParts)
  const found =
    pages === 0
      ? { ...nothing, parts: [] }
      : (countParts(file, span, count, onWindow) ?? showParts(file, span, count, onWindow))
  if (found === null) return null
  const { resident, firstIsResident, lastIsResident, parts } = found
  const before = firstIsResident ? offset - first * pageSize : 0
  const behind = lastIsResident ? end * pageSize - (offset + length) : 0
  const residentBytes = resident * pageSize - before - behind
  return { size, offset, length, pageSize, pages, resident, residentBytes, parts }
}

/**
 * Which bytes of a file, or of a range of it, are in memory. Reads nothing in.
 *
 * @returns null if the kernel does not report it to this process
 */
export function runsOf(
  file: CachedFile,
  range: ByteRange = wholeFile,
  onWindow: OnWindow = silent,
): Runs | null {
  const { offset, length } = extentIn(file.size, range)
  const runs: number[] = []
  const add = (first: number, end: number) => append(runs, first * pageSize, end * pageSize)
  const show = (first: number, end: number): boolean => {
    const vector = vectorOf(file, first, end)
    vector?.forEach((one, page) => {
      if (one === 1) add(first + page, first + page + 1)
    })
    return vector !== null
  }
  const search = (first: number, end: number): boolean => {
    const resident = countIn(file, first, end)
    if (resident === 0) return true
    if (resident === end - first) add(first, end)
    else if (end - first <= (resident === null ? mappedBytes : mixedBytes) / pageSize) {
      return show(first, end)
    } else {
      const middle = Math.floor((first + end) / 2)
      return search(first, middle) && search(middle, end)
    }
    return true
  }
  const last = length === 0 ? 0 : Math.ceil((offset + length) / pageSize)
  for (let first = Math.floor(offset / pageSize); first < last; ) {
    const end = Math.min(first + countedBytes / pageSize, last)
    if (!search(first, end)) return null
    onWindow((end - first) * pageSize)
    first = end
  }
  return within(runs, offset, offset + length)
}
