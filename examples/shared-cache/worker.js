// @ts-check
// One worker of the service: GET /KEY is answered from the cache that all workers have, and computed by one of
// them if it is not there. main.js starts it.
//
//   worker.js shared|redis WHERE

import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { answerTo, computationMilliseconds } from './answers.js'
import { openStore } from './stores.js'

const [, , kind = '', where = ''] = process.argv
const { cache, exclusively } = openStore(kind === 'redis' ? 'redis' : 'shared', where)

/** @param {string} key */
async function compute(key) {
  process.send?.({ started: key })
  await delay(computationMilliseconds(key))
  const answer = answerTo(key)
  await cache.set(key, answer)
  process.send?.({ finished: key })
  return answer
}

/** @param {string} key */
async function answer(key) {
  const found = await cache.get(key)
  if (found !== undefined) return found
  return exclusively(key, async () => (await cache.get(key)) ?? (await compute(key)))
}

const server = http.createServer(async (request, response) => {
  try {
    response.setHeader('content-type', 'application/json')
    const text = await answer((request.url ?? '').slice(1))
    response.end(JSON.stringify({ worker: process.pid, answer: text }))
  } catch (error) {
    console.error(error)
    response.writeHead(500).end()
  }
})

process.once('disconnect', () => process.exit())
// In a cluster, all workers that listen on port 0 get the same free port.
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.send?.({ port })
})
