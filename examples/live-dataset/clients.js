// @ts-check
// The load: requests over connections that stay open, with a check of every answer.

import http from 'node:http'
import { json } from 'node:stream/consumers'
import { knownAnswers } from '../geoip-cluster/known-answers.js'
import { countryIn } from './editions.js'

const connections = 16
const addresses = knownAnswers.map(({ address }) => address).join(',')

/**
 * @typedef {object} Seen
 * @property {number} answers
 * @property {string[]} wrong
 * @property {Set<number>} editions
 * @property {Map<number, number>} workers the newest edition that each worker has answered from
 *
 * @typedef {{ worker: number, edition: number, countries: (string | null)[] }} Answer
 */

/**
 * Sends requests until `goesOn` says no.
 *
 * @param {number} port
 * @param {(seen: Seen) => boolean} goesOn
 * @returns {Promise<Seen>}
 */
export async function load(port, goesOn) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  /** @type {Seen} */
  const seen = { answers: 0, wrong: [], editions: new Set(), workers: new Map() }
  async function oneAfterTheOther() {
    while (goesOn(seen)) {
      try {
        note(seen, await get(`http://127.0.0.1:${port}/${addresses}`, agent))
      } catch (error) {
        seen.wrong.push(String(error))
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, oneAfterTheOther))
  agent.destroy()
  return seen
}

/**
 * @param {Seen} seen
 * @param {Answer} answer
 */
function note(seen, { worker, edition, countries }) {
  seen.answers++
  const expected = knownAnswers.map(({ country }) => countryIn(country, edition)).join()
  if (countries.join() !== expected) seen.wrong.push(`edition ${edition}: ${countries}`)
  seen.editions.add(edition)
  seen.workers.set(worker, Math.max(edition, seen.workers.get(worker) ?? 0))
}

/**
 * @param {string} url
 * @param {http.Agent} agent
 * @returns {Promise<any>}
 */
function get(url, agent) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => {
      if (response.statusCode === 200) resolve(json(response))
      else reject(new Error(`status ${response.statusCode}`))
    })
    request.on('error', reject)
  })
}
