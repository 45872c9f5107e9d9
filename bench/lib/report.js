// @ts-check
// Writes results as text and tables, for a terminal and for docs/performance.md.

/** @typedef {import('./types.js').Result} Result */

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 2) {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** @param {number} value */
const ratio = (value) => (value < 10 ? value.toFixed(2) : number(value, 0))

/**
 * The table of one measure, the header first. Ratios are those to the first contender.
 *
 * @param {Result} result
 * @param {string} key
 * @returns {string[][]}
 */
function measureTable(result, key) {
  const measure = /** @type {Result['measures'][string]} */ (result.measures[key])
  const rows = Object.entries(measure.contenders)
  const [reference] = rows
  const spread = rows.some(([, { rounds }]) => rounds.length > 1)
  const columns = spread ? ['quartiles', 'range', 'rounds'] : []
  const header = [`${measure.title}, ${measure.unit}`, 'median', ...columns, `÷ ${reference?.[0]}`]
  const show = (/** @type {number} */ value) => number(value, measure.digits)
  const body = rows.map(([who, summary]) => {
    const { lowerQuartile, upperQuartile, lowest, highest, rounds } = summary
    const base = reference?.[1].median ?? 0
    const range = [
      `${show(lowerQuartile)} – ${show(upperQuartile)}`,
      `${show(lowest)} – ${show(highest)}`,
      String(rounds.length),
    ]
    const relative = base === 0 ? '' : ratio(summary.median / base)
    return [who, show(summary.median), ...(spread ? range : []), relative]
  })
  return [header, ...body]
}

/** @param {Result} result */
export const measuresOf = (result) =>
  Object.keys(result.measures).filter(
    (key) => Object.keys(result.measures[key]?.contenders ?? {}).length > 0,
  )

/** @param {Result['goals'][number]} goal */
function goalRow({ text, value, met }) {
  const shown = value === null ? 'not measured' : ratio(value)
  return [text, shown, met === null ? '–' : met ? 'yes' : '**no**']
}

/**
 * Rows in columns: the first column is aligned to the left, the others to the right.
 *
 * @param {string[][]} rows
 */
function plainTable(rows) {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column === 0 ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

/** @param {string[][]} rows the header first */
function markdownTable(rows) {
  const [header = [], ...body] = rows
  const rule = header.map((_, column) => (column === 0 ? '---' : '---:'))
  return [header, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/**
 * @param {Result} result
 * @param {number} seconds that the case took
 */
export function forTerminal(result, seconds) {
  const lines = [`\n${result.title} (${seconds.toFixed(0)} s)`, `  ${result.description}`]
  for (const key of measuresOf(result)) {
    lines.push('', ...plainTable(measureTable(result, key)).map((line) => `  ${line}`))
  }
  for (const [who, reason] of Object.entries(result.unavailable)) {
    lines.push(`  ${who}: ${reason}`)
  }
  lines.push('')
  for (const goal of result.goals) {
    const [text, value, met] = goalRow(goal)
    const title = result.measures[goal.measure]?.title
    const mark = met === 'yes' ? 'ok  ' : met === '–' ? '–   ' : 'MISS'
    lines.push(`  ${mark}  ${title}: ${text} (${value})`)
  }
  return lines.join('\n')
}

/**
 * @param {Result} result
 * @param {(key: string) => string} pictureOf gives the path of the picture of a measure
 */
export function forMarkdown(result, pictureOf) {
  const parts = [result.description]
  for (const key of measuresOf(result)) {
    const title = `${result.title}: ${result.measures[key]?.title}`
    parts.push(`![${title}](${pictureOf(key)})`, markdownTable(measureTable(result, key)))
  }
  const missing = Object.entries(result.unavailable).map(([who, reason]) => `- ${who}: ${reason}`)
  if (missing.length > 0) parts.push(`Not measured:\n\n${missing.join('\n')}`)
  return parts.join('\n\n')
}

/** @param {Result[]} results */
export function goalsForMarkdown(results) {
  const rows = results.flatMap((result) =>
    result.goals.map((goal) => {
      const title = result.measures[goal.measure]?.title ?? ''
      return [`${result.title}: ${title}`, ...goalRow(goal)]
    }),
  )
  return markdownTable([['', 'goal', 'measured', 'met'], ...rows])
}
