// @ts-check
// The measurements of some stations, a line each, and what is to be known of them.

import fs from 'node:fs'

const stations = 50

/**
 * Writes a file of lines such as `station-7;-12.3`. They are the same each time.
 *
 * @param {string} path
 * @param {number} lines
 */
export function writeMeasurements(path, lines) {
  let state = 1
  const random = (/** @type {number} */ below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
  const text = Array.from(
    { length: lines },
    () => `station-${random(stations)};${((random(1200) - 400) / 10).toFixed(1)}\n`,
  )
  fs.writeFileSync(path, text.join(''))
}

/**
 * A row of a line: the station, and the measurement in tenths, of which sums are exact.
 *
 * @param {string} line
 * @returns {[station: string, tenths: number]}
 */
export function rowOf(line) {
  const end = line.indexOf(';')
  return [line.slice(0, end), Math.round(Number(line.slice(end + 1)) * 10)]
}

/** Of each station: how many measurements, their sum, the least and the greatest. */
export class Totals {
  /** @type {Map<string, { count: number, sum: number, least: number, greatest: number }>} */
  #stations = new Map()
  rows = 0

  /**
   * @param {string} station
   * @param {number} tenths
   */
  add(station, tenths) {
    this.rows++
    const found = this.#stations.get(station)
    if (found === undefined) {
      this.#stations.set(station, { count: 1, sum: tenths, least: tenths, greatest: tenths })
      return
    }
    found.count++
    found.sum += tenths
    found.least = Math.min(found.least, tenths)
    found.greatest = Math.max(found.greatest, tenths)
  }

  /** One line for each station, in their order. */
  toString() {
    return [...this.#stations]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([station, numbers]) => `${station} ${Object.values(numbers).join(' ')}`)
      .join('\n')
  }
}
