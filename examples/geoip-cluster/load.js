// @ts-check
// Load over HTTP, from a thread of the primary.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {number} connections
 * @property {{ address: string, country: string | null }[]} expected
 */

/**
 * A new thread for each service, because code that the service before has warmed up would make the
 * second one look faster than the first.
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
