// @ts-check
// Summarises the numbers of all rounds.

import { median, quantile } from 'simple-statistics'

/** @typedef {import('./types.js').Result} Result */

/**
 * @param {number[]} rounds
 * @returns {import('./types.js').Summary}
 */
function summarize(rounds) {
  return {
    median: median(rounds),
    lowerQuartile: quantile(rounds, 0.25),
    upperQuartile: quantile(rounds, 0.75),
    lowest: Math.min(...rounds),
    highest: Math.max(...rounds),
    rounds,
  }
}

/**
 * @param {string} name
 * @param {import('./types.js').Case} definition
 * @param {import('./types.js').Parameters} parameters
 * @param {{ measured: Record<string, Record<string, number[]>>, unavailable: Record<string, string> }} outcome
 * @param {boolean} quick
 * @returns {Result}
 */
export function resultOf(name, definition, parameters, outcome, quick) {
  /** @type {Result['measures']} */
  const measures = {}
  for (const [key, measure] of Object.entries(definition.measures)) {
    const taking = Object.entries(outcome.measured).filter(([, values]) => values[key])
    const contenders = taking.map(([who, values]) => [who, summarize(values[key] ?? [])])
    measures[key] = { ...measure, contenders: Object.fromEntries(contenders) }
  }
  const goals = definition.goals.map((goal) => {
    const value = goal.value(
      (who, measure = goal.measure) => measures[measure]?.contenders[who]?.median ?? null,
    )
    const { measure, text } = goal
    return { measure, text, value, met: value === null ? null : goal.met(value) }
  })
  const kinds = Object.entries(definition.contenders).map(([key, { kind }]) => [key, kind])
  return {
    case: name,
    title: definition.title,
    description: definition.describe(parameters),
    quick,
    measures,
    kinds: Object.fromEntries(kinds),
    unavailable: outcome.unavailable,
    goals,
  }
}
