// @ts-check
// Counters and histograms in a SharedMap: a number for each series, which all processes add to. Whoever has the
// map can write the text that Prometheus reads.

/** @typedef {Record<string, string>} Labels */

/**
 * @typedef {object} Description
 * @property {string} name
 * @property {string} help
 * @property {readonly number[]} [bounds] upper ones of a histogram, in ascending order; none for a counter
 */

/**
 * A series as Prometheus writes it, which is its key in the map.
 *
 * @param {string} name
 * @param {Labels} labels
 */
function seriesOf(name, labels) {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value)}"`)
  return pairs.length > 0 ? `${name}{${pairs.join(',')}}` : name
}

/** @param {string} value */
const escaped = (value) =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')

export class SharedMetrics {
  #map

  /** @param {import('posix-mmap/shared').SharedMap<any>} map one that evicts nothing, since that would lose counts */
  constructor(map) {
    this.#map = map
  }

  /**
   * Counts one more.
   *
   * @param {Description} counter
   * @param {Labels} labels
   */
  count({ name }, labels) {
    this.#map.increment(seriesOf(name, labels))
  }

  /**
   * Adds a value to a histogram. Two steps: who is killed between them has counted a value that the sum
   * does not have.
   *
   * @param {Description} histogram
   * @param {Labels} labels
   * @param {number} value
   */
  observe({ name, bounds = [] }, labels, value) {
    const bound = bounds.find((upper) => value <= upper)
    this.#map.increment(seriesOf(`${name}_bucket`, { le: `${bound ?? '+Inf'}`, ...labels }))
    this.#map.increment(seriesOf(`${name}_sum`, labels), value)
  }

  /**
   * All series of these metrics. Asks nobody: what it reads is what has been counted, also by processes
   * that are busy, or stopped, or dead.
   *
   * @param {readonly Description[]} descriptions
   */
  text(descriptions) {
    /** @type {Map<string, number>} */
    const series = new Map(/** @type {Iterable<[string, number]>} */ (this.#map.entries()))
    return `${descriptions.map((one) => textOf(one, series)).join('\n\n')}\n`
  }
}

/**
 * @param {Description} description
 * @param {Map<string, number>} series
 */
function textOf({ name, help, bounds }, series) {
  const kind = bounds === undefined ? 'counter' : 'histogram'
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`]
  if (bounds !== undefined) return [...lines, ...histogramLines(name, bounds, series)].join('\n')
  for (const [key, value] of series) if (key.split('{')[0] === name) lines.push(`${key} ${value}`)
  return lines.join('\n')
}

/**
 * The buckets are stored each for itself, and written with those below.
 *
 * @param {string} name
 * @param {readonly number[]} bounds
 * @param {Map<string, number>} series
 */
function histogramLines(name, bounds, series) {
  const lines = []
  for (const [key, sum] of series) {
    if (key.split('{')[0] !== `${name}_sum`) continue
    const labels = key.slice(`${name}_sum`.length).slice(1, -1)
    const more = labels === '' ? '' : `,${labels}`
    let count = 0
    for (const bound of [...bounds, '+Inf']) {
      const bucket = `${name}_bucket{le="${bound}"${more}}`
      count += series.get(bucket) ?? 0
      lines.push(`${bucket} ${count}`)
    }
    lines.push(`${key} ${sum}`, `${name}_count${labels === '' ? '' : `{${labels}}`} ${count}`)
  }
  return lines
}
