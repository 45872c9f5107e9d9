// @ts-check
// Draws a measure: the medians as bars, with the quartiles of the rounds.

import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import { number } from './report.js'

/** @typedef {import('./types.js').Result} Result */

const colours = { limit: '#7a869a', package: '#1f6feb', peer: '#c9a227' }

/**
 * @param {Result} result
 * @param {string} key
 * @returns {Promise<string>} SVG
 */
export async function plot(result, key) {
  const measure = /** @type {Result['measures'][string]} */ (result.measures[key])
  const values = Object.entries(measure.contenders).map(([who, summary]) => ({
    who,
    kind: result.kinds[who],
    median: summary.median,
    low: summary.lowerQuartile,
    high: summary.upperQuartile,
    label: `${number(summary.median, measure.digits)} ${measure.unit}`,
  }))
  const medians = values.map(({ median }) => median)
  const smallest = Math.min(...medians)
  const wide = smallest > 0 && Math.max(...medians) > 20 * smallest
  // A bar on a logarithmic scale has no zero to start at.
  const start = 10 ** Math.floor(Math.log10(smallest / 2))
  const x = {
    field: 'median',
    type: 'quantitative',
    title: `${measure.unit}${wide ? ', logarithmic' : ''}`,
    scale: wide ? { type: 'log', domainMin: start } : { zero: true },
    axis: { grid: true, gridColor: '#e4e7eb', tickCount: 5, ...(wide ? { format: '~s' } : {}) },
  }
  const y = { field: 'who', type: 'nominal', sort: null, title: null, axis: { labelLimit: 260 } }
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: `${result.title}: ${measure.title}`, anchor: 'start', fontSize: 13 },
    background: 'white',
    padding: 8,
    width: 420,
    height: { step: 26 },
    data: { values: values.map((value) => ({ ...value, start })) },
    config: { font: 'sans-serif', view: { stroke: null }, axis: { labelFontSize: 11 } },
    layer: [
      {
        mark: { type: 'bar', height: 14 },
        encoding: {
          x,
          ...(wide ? { x2: { field: 'start' } } : {}),
          y,
          color: {
            field: 'kind',
            type: 'nominal',
            legend: null,
            scale: { domain: Object.keys(colours), range: Object.values(colours) },
          },
        },
      },
      {
        mark: { type: 'rule', color: '#24292f', strokeWidth: 1.5 },
        encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y },
      },
      {
        mark: { type: 'text', align: 'left', dx: 6, fontSize: 11, color: '#24292f' },
        encoding: { x: { ...x, field: 'high' }, y, text: { field: 'label' } },
      },
    ],
  }
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}
