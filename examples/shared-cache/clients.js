// @ts-check
// The load: many requests for each key at the same time, each over a connection of its own, so that the cluster
// spreads them over all workers.

import http from 'node:http'
import { json } from 'node:stream/consumers'
import { answerTo } from './answers.js'

const connections = 64
/** A connection that cluster has handed to a worker who died before taking it is never answered. */
const patience = 3000

/**
 * @typedef {object} Seen
 * @property {number} answers
 * @property {string[]} wrong
 * @property {number} repeated requests whose worker died before it answered
 * @property {Set<number>} workers those that have answered
 */

/**
 * Sends every request, again if its worker has died.
 *
 * @param {number} port
 * @param {string[]} keys
 * @returns {Promise<Seen>}
 */
export async function load(port, keys) {
  const agent = new http.Agent()
  const left = keys.values()
  /** @type {Seen} */
  const seen = { answers: 0, wrong: [], repeated: 0, workers: new Set() }
  async function oneAfterTheOther() {
    for (const key of left) await ask(port, key, agent, seen)
  }
  await Promise.all(Array.from({ length: connections }, oneAfterTheOther))
  agent.destroy()
  return seen
}

/**
 * @param {number} port
 * @param {string} key
 * @param {http.Agent} agent
 * @param {Seen} seen
 */
async function ask(port, key, agent, seen) {
  for (;;) {
    try {
      const { worker, answer } = await get(`http://127.0.0.1:${port}/${key}`, agent)
      seen.answers++
      seen.workers.add(worker)
      if (answer !== answerTo(key)) seen.wrong.push(`${key}: ${answer}`)
      return
    } catch (error) {
      const { name, code } = /** @type {NodeJS.ErrnoException} */ (error)
      if (code !== 'ECONNRESET' && name !== 'TimeoutError') throw error
      seen.repeated++
    }
  }
}

/**
 * @param {string} url
 * @param {http.Agent} agent
 * @returns {Promise<any>}
 */
function get(url, agent) {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patience)
    const request = http.get(url, { agent, signal }, (response) => {
      if (response.statusCode === 200) resolve(json(response))
      else reject(new Error(`status ${response.statusCode}`))
    })
    request.on('error', (error) => reject(signal.aborted ? signal.reason : error))
  })
}
