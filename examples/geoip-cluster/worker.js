// @ts-check
// One worker of the service: it answers look-ups over HTTP, and does the tasks that the primary sends. Its
// argument is the way to open the database.

import http from 'node:http'
import { isIP } from 'node:net'
import { addresses } from './addresses.js'
import { measureLookUps } from './benchmark.js'
import { openDatabase } from './database.js'

const way = /** @type {import('./database.js').Way} */ (process.argv[2])
const started = performance.now()
const database = await openDatabase[way]()
const openedIn = performance.now() - started

let served = 0

const server = http.createServer((request, response) => {
  const address = (request.url ?? '').slice(1)
  if (isIP(address) === 0) {
    response.writeHead(400).end()
    return
  }
  try {
    const country = database.country(address)
    database.check()
    served++
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ address, country }))
  } catch (error) {
    console.error(error)
    response.writeHead(500).end()
  }
})

/** @typedef {typeof tasks} Tasks */
const tasks = {
  answers: () => addresses.map(database.country),
  benchmark: () => measureLookUps(database.country, addresses),
  served: () => served,
  // Called before memory is measured: garbage would hide the difference between the two ways.
  collectGarbage: () => globalThis.gc?.() ?? null,
}

/** @param {keyof Tasks} task */
function perform(task) {
  const result = tasks[task]()
  database.check()
  process.send?.(result)
}

process.on('message', perform)
process.once('disconnect', () => database.close())

// In a cluster, all workers that listen on port 0 get the same free port.
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.send?.({ port, openedIn, zeroCopy: database.zeroCopy })
})
