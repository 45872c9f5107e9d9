// What the storms say about times, each of which they measure some hundred times.

/**
 * @param {number[]} times
 * @returns {{ median: number | undefined, p99: number | undefined, worst: number | undefined }} of none, nothing
 */
export function quantiles(times) {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (/** @type {number} */ part) => sorted[Math.floor(sorted.length * part)]
  return { median: at(0.5), p99: at(0.99), worst: sorted.at(-1) }
}
