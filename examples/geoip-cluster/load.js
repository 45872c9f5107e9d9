// @ts-check
// Sends requests over HTTP from a thread of the primary.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {number} connections
 * @property {{ address: string, country: string | null }[]} expected
 */

/**
 * Starts a new thread for each of the two services: client code that the first run has warmed up
 * would make the second service look faster.
 *
 * @param {Load} load
 * @param {AbortSignal} signal
 * @returns {Promise<import('./client.js').Outcome>}
 */
export async function loadOverHttp(load, signal) {
  const client = new Worker(new URL('client.js', import.meta.url), { workerData: load })
  try {
    const [outcome] = await once(client, 'message', { signal })
    return outcome
  } finally {
    await client.terminate()
  }
}
