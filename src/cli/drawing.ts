// Draws files in the page cache: a line for each file, and a line of totals.

import { shareBar } from './bar.js'
import { type FileResidency, pagesIn } from './cached-pages.js'
import { bold, cutName, type Look } from './terminal.js'
import { columnsOf, escaped, padded } from './text.js'
import { byteSize, counted, grouped, percentage, shortByteSize } from './units.js'

/** Columns for numbers such as ` 100%` and `  1023M / 1023M`. */
const numbersWidth = 5 + 15

export interface Layout {
  look: Look
  /** In columns. */
  name: number
  /** In columns. */
  bar: number
}

/** As many columns as the longest name takes, but no more than `most`. */
export function nameColumns(names: readonly string[], most: number): number {
  const longest = names.reduce((max, name) => Math.max(max, columnsOf(escaped(name))), 0)
  return Math.min(longest, most)
}

/** Columns for a bar that still shows something. */
const leastBar = 20

/**
 * Gives the longest name its columns, up to a third of the line, and the bar what is left of it. Where names
 * are not cut, they get more, so that few of them make their line longer.
 */
export function layoutFor(names: readonly string[], look: Look): Layout {
  const rest = look.columns - 2 - numbersWidth
  const third = Math.floor(look.columns / 3)
  const most = look.wholeLines ? Math.max(rest - leastBar, third) : third
  const name = nameColumns(names, most)
  return { look, name, bar: Math.max(rest - name, 1) }
}

/** The share of each part that is in memory. */
function shares({ parts, pages }: FileResidency): number[] {
  return parts.map((resident, part) => resident / pagesIn(part, parts.length, pages))
}

/** A name in the columns for names; where it does not fit there, cut in the middle or whole. */
export function nameColumn(name: string, columns: number, look: Look): string {
  return padded(cutName(name, columns, look), columns)
}

export function fileLine(name: string, residency: FileResidency, layout: Layout): string {
  const { look } = layout
  const { size, length, residentBytes } = residency
  const start = `${nameColumn(name, layout.name, look)}  `
  if (length === 0) return `${start}${size === 0 ? '(empty)' : '(no byte in the range)'}\n`
  const bar = shareBar(shares(residency), layout.bar, look)
  const share = percentage(residentBytes, length).padStart(5)
  const of = `${shortByteSize(residentBytes).padStart(5)} / ${shortByteSize(length).padStart(5)}`
  return `${start}${bar}${share}  ${of}\n`
}

/** The sums over all files. */
export class Totals {
  files = 0
  /** In bytes, of the ranges that were looked at. */
  length = 0
  pages = 0
  resident = 0
  residentBytes = 0

  add({ length, pages, resident, residentBytes }: FileResidency): void {
    this.files++
    this.length += length
    this.pages += pages
    this.resident += resident
    this.residentBytes += residentBytes
  }

  get percentage(): string {
    return this.length === 0 ? '0%' : percentage(this.residentBytes, this.length)
  }
}

/**
 * The line of totals. Remarks for which it has no room are left out, the last one first.
 *
 * @param leftOut how many files were larger than was asked for
 */
export function totalLine(
  totals: Totals,
  leftOut: number,
  remarks: readonly string[],
  look: Look,
): string {
  const { files, length, residentBytes } = totals
  const sum = `${byteSize(residentBytes)} of ${byteSize(length)} resident (${totals.percentage})`
  let line = `${counted(files, 'file')}: ${sum}`
  const all = leftOut > 0 ? [`${grouped(leftOut)} left out`, ...remarks] : remarks
  for (const remark of all) {
    const fits = columnsOf(line) + columnsOf(remark) + 2 <= look.columns
    if (!fits && !look.wholeLines) break
    line += `, ${remark}`
  }
  return `${bold(look)(line)}\n`
}
