// @ts-check
// The claims that must hold for the demo to pass.

import { count, mebibytes, sum } from '../geoip-cluster/numbers.js'
import { countersIn } from './counters.js'

/**
 * @typedef {object} Result
 * @property {import('./cities.js').City[]} cities
 * @property {import('posix-mmap').SharedMemory} table
 * @property {import('posix-mmap').SharedMemory} counters
 * @property {[country: string, name: string][][]} questions of each worker
 * @property {(import('./look-up.js').Answer | null)[][]} answers of each worker
 * @property {string[][]} vandalised how each worker's attempts to change the table ended
 * @property {Record<'table' | 'process', import('../geoip-cluster/memory.js').Memory[]>} memory
 */

/**
 * @param {Result} result
 * @returns {{ claim: string, holds: boolean }[]}
 */
export function checks(result) {
  const { cities, table, counters, questions, answers, vandalised, memory } = result
  const expected = new Map(cities.map((city, index) => [`${city.country}/${city.name}`, index]))
  const all = questions.flat()
  const numbers = all.map(([country, name]) => expected.get(`${country}/${name}`))

  const right = answers.flat().every((answer, index) => {
    const number = numbers[index]
    return number === undefined ? answer === null : isCity(answer, number, cities[number])
  })
  const pss = sum(memory.table.map((each) => each.pss))
  return [
    {
      claim: `${count(all.length)} answers of ${answers.length} workers are right`,
      holds: answers.flat().length === all.length && right,
    },
    {
      claim: 'the counters are exact, of every country and of names that do not exist',
      holds: counted(counters, all, numbers),
    },
    {
      claim: 'no worker could change the table by mprotect, mmap, open or a store',
      holds:
        vandalised.every((ends) => ends.join() === 'EACCES,EPERM,EPERM,ERR_MAPPING_FAULT') &&
        table.fault === null,
    },
    {
      claim: `the table is in memory once: ${mebibytes(pss)} MiB of all processes together`,
      holds: pss * 1024 > table.byteLength / 2 && pss * 1024 < table.byteLength * 1.1,
    },
  ]
}

/**
 * @param {import('./look-up.js').Answer | null} answer
 * @param {number} number
 * @param {import('./cities.js').City | undefined} city
 */
function isCity(answer, number, city) {
  if (answer === null || city === undefined) return false
  const [longitude, latitude] = city.loc.coordinates
  return (
    answer.rank === number + 1 &&
    answer.population === city.population &&
    answer.latitude === Math.fround(latitude) &&
    answer.longitude === Math.fround(longitude)
  )
}

/**
 * @param {import('posix-mmap').SharedMemory} memory
 * @param {[country: string, name: string][]} questions
 * @param {(number | undefined)[]} numbers
 */
function counted(memory, questions, numbers) {
  const counters = countersIn(memory)
  const answered = questions.filter((_, index) => numbers[index] !== undefined)
  const byCountry = new Map()
  for (const [country] of answered) byCountry.set(country, (byCountry.get(country) ?? 0) + 1)
  return (
    counters.ofMissed() === questions.length - answered.length &&
    [...byCountry].every(([country, times]) => counters.ofCountry(country) === times)
  )
}
