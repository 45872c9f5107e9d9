// @ts-check
// One worker of the service: it answers look-ups from the edition that was the newest when the request came.

import http from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { Reader } from 'mmdb-lib'
import { mapLatest } from 'posix-mmap/shared'
import { editionOf } from './editions.js'

const latest = mapLatest(process.argv[2] ?? '', { interval: 50, onChange: open })
/** @type {Reader<any>} */
let reader
open()

/** The reader before keeps its mapping, as long as a request has it. */
function open() {
  reader = new Reader(latest.current.asBuffer())
}

/** @param {string[]} addresses */
async function answer(addresses) {
  const mine = reader
  const countries = []
  for (const address of addresses) {
    countries.push(mine.get(address)?.country_code ?? null)
    // Other requests are answered meanwhile, and the file is replaced.
    await setImmediate()
  }
  return { worker: process.pid, edition: editionOf(mine), countries }
}

const server = http.createServer(async (request, response) => {
  try {
    const text = JSON.stringify(await answer((request.url ?? '').slice(1).split(',')))
    response.setHeader('content-type', 'application/json')
    response.end(text)
  } catch (error) {
    console.error(error)
    response.writeHead(500).end()
  }
})

process.once('disconnect', () => latest.close())
// In a cluster, all workers that listen on port 0 get the same free port.
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  process.send?.({ port })
})
