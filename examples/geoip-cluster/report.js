// @ts-check
// Prints the measurements as tables of at most 80 columns.

import { statSync } from 'node:fs'
import { availableParallelism, release } from 'node:os'
import { basename } from 'node:path'
import { addresses } from './addresses.js'
import { databasePath } from './database.js'
import { count, mean, sum } from './numbers.js'

/** @typedef {import('./measure.js').Result} Result */

/** @param {number} workerCount */
export function introduction(workerCount) {
  const size = count(statSync(databasePath).size / 1024)
  return [
    `One country database in ${workerCount} workers: mapped by all, and read into each`,
    `${basename(databasePath)}, ${size} KiB (IP Geolocation by DB-IP, db-ip.com, CC BY 4.0)`,
    `Node ${process.version}, Linux ${release()}, ${availableParallelism()} CPUs`,
  ].join('\n')
}

/**
 * @param {Result} mapped
 * @param {Result} read
 */
export function speed(mapped, read) {
  const runs = [mapped, read]
  return table('Look-ups a second, and the time to open the database', [
    ['', 'mapFile', 'readFile'],
    ['in one worker (mean)', ...runs.map((run) => count(mean(run.perSecond)))],
    ['in all workers at once', ...runs.map((run) => count(sum(run.perSecond)))],
    ['over HTTP, one client process', ...runs.map((run) => count(run.http.perSecond))],
    ['open, ms (mean)', ...runs.map((run) => mean(run.opened.map((o) => o.openedIn)).toFixed(1))],
  ])
}

/**
 * @param {Result} mapped
 * @param {Result} read
 */
export function memory(mapped, read) {
  const runs = [mapped.warmed.process, read.warmed.process]
  const fields = /** @type {const} */ (['alone', 'shared', 'pss'])
  const rows = mapped.warmed.process.map((_, worker) => [
    `worker ${worker + 1}`,
    ...runs.flatMap((run) => fields.map((field) => count(run[worker]?.[field] ?? 0))),
  ])
  const means = runs.flatMap((run) => fields.map((field) => mean(run.map((m) => m[field]))))
  const title = `Memory of each worker after ${count(addresses.length)} look-ups, KiB (smaps_rollup)`
  return table(title, [
    ['', 'mapFile', '', '', 'readFile', '', ''],
    ['', 'alone', 'shared', 'Pss', 'alone', 'shared', 'Pss'],
    ...rows,
    ['mean', ...means.map(count)],
  ])
}

/** @param {Result} mapped */
export function databasePages(mapped) {
  const { atFirst, warmed } = mapped
  const fields = /** @type {const} */ (['rss', 'alone', 'shared', 'pss'])
  const rows = warmed.database.map((memory, worker) => [
    `worker ${worker + 1}`,
    count(atFirst.database[worker]?.rss ?? 0),
    ...fields.map((field) => count(memory[field])),
  ])
  return table('Of that, the mapped database, KiB (its lines of smaps)', [
    ['', 'opened', 'warmed', '', '', ''],
    ['', 'Rss', 'Rss', 'alone', 'shared', 'Pss'],
    ...rows,
    ['all', '', '', '', '', count(sum(warmed.database.map((memory) => memory.pss)))],
  ])
}

/**
 * Rows in columns: the first column is aligned to the left, the others to the right.
 *
 * @param {string} title
 * @param {string[][]} rows
 */
function table(title, rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
  return [title, ...lines.map((line) => `  ${line}`)].join('\n')
}
