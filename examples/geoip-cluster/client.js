// @ts-check
// The thread that load.js starts: it sends a fixed number of requests over connections that stay open, and
// checks every answer.

import http from 'node:http'
import { json } from 'node:stream/consumers'
import { parentPort, workerData } from 'node:worker_threads'

/** @typedef {{ requests: number, perSecond: number }} Outcome */

const maxRequests = 6_000
const maxMilliseconds = 2_000

const { port, connections, expected } = /** @type {import('./load.js').Load} */ (workerData)
const agent = new http.Agent({ keepAlive: true })

/** @returns {Promise<Outcome>} */
async function round() {
  const start = performance.now()
  let requests = 0

  async function oneAfterTheOther() {
    while (requests < maxRequests && performance.now() - start < maxMilliseconds) {
      const next = expected[requests++ % expected.length]
      if (next !== undefined) await request(next)
    }
  }

  await Promise.all(Array.from({ length: connections }, oneAfterTheOther))
  return { requests, perSecond: (requests / (performance.now() - start)) * 1000 }
}

/** @param {{ address: string, country: string | null }} expected */
async function request({ address, country }) {
  const answer = await get(`http://127.0.0.1:${port}/${address}`)
  if (answer.country !== country) throw new Error(`over HTTP, wrong answer for ${address}`)
}

/**
 * @param {string} url
 * @returns {Promise<any>}
 */
function get(url) {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => {
      if (response.statusCode === 200) resolve(json(response))
      else reject(new Error(`${url}: status ${response.statusCode}`))
    })
    request.on('error', reject)
  })
}

const warmUp = await round()
const { requests, perSecond } = await round()
agent.destroy()
parentPort?.postMessage({ requests: warmUp.requests + requests, perSecond })
