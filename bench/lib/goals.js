// @ts-check
// The goals of the package: how fast it must be, compared with its limit and its peers.

/** @typedef {import('./types.js').Goal} Goal */

/**
 * The package takes at most `factor` times what another takes.
 *
 * @param {string} measure
 * @param {number} factor
 * @param {string} other
 * @param {string} [ours]
 * @returns {Goal}
 */
export function atMostTimes(measure, factor, other, ours = 'posix-mmap') {
  return {
    measure,
    text: `${ours} at most ${factor} × ${other}`,
    value: (median) => ratio(median(ours), median(other)),
    met: (value) => value <= factor,
  }
}

/**
 * The speed of the package is at least `factor` times that of another.
 *
 * @param {string} measure
 * @param {number} factor
 * @param {string} other
 * @param {string} [ours]
 * @returns {Goal}
 */
export function asFast(measure, factor, other, ours = 'posix-mmap') {
  return {
    measure,
    text: `${ours} at least ${factor} × as fast as ${other}`,
    value: (median) => ratio(median(other), median(ours)),
    met: (value) => value >= factor,
  }
}

/**
 * @param {string} measure
 * @param {number} limit
 * @param {string} unit
 * @param {string} [ours]
 * @returns {Goal}
 */
export function atMost(measure, limit, unit, ours = 'posix-mmap') {
  return {
    measure,
    text: `${ours} at most ${limit} ${unit}`,
    value: (median) => median(ours),
    met: (value) => value <= limit,
  }
}

/**
 * @param {number | null} a
 * @param {number | null} b
 */
export function ratio(a, b) {
  return a === null || b === null || b === 0 ? null : a / b
}
