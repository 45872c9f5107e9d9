// @ts-check
// Runs the service once, from start to stop, and measures it on the way.

import { addresses } from './addresses.js'
import { databasePath } from './database.js'
import { loadOverHttp } from './load.js'
import { memoryOfMappedFile, memoryOfProcess } from './memory.js'
import { Service } from './service.js'

const connectionsPerWorker = 4

/** @typedef {Awaited<ReturnType<typeof run>>} Result */

/**
 * @param {import('./database.js').Way} way
 * @param {number} workerCount
 * @returns {Promise<Result>}
 */
export async function measure(way, workerCount) {
  const service = new Service(way, workerCount)
  try {
    return await run(service)
  } catch (error) {
    throw service.signal.aborted ? service.signal.reason : error
  } finally {
    service.kill()
  }
}

/** @param {Service} service */
async function run(service) {
  const opened = await service.ready()
  const atFirst = await memory(service.pids)

  // Every worker looks up the same addresses, and so touches the same pages of the database.
  const answers = await service.askAll('answers')
  const perSecond = await service.askAll('benchmark')
  const http = await load(service, opened[0]?.port ?? 0, answers[0] ?? [])
  const served = await service.askAll('served')

  await service.askAll('collectGarbage')
  const warmed = await memory(service.pids)
  await service.stop()
  return { opened, answers, perSecond, http, served, atFirst, warmed }
}

/** @param {number[]} pids */
async function memory(pids) {
  return {
    process: await Promise.all(pids.map((pid) => memoryOfProcess(pid))),
    database: await Promise.all(pids.map((pid) => memoryOfMappedFile(pid, databasePath))),
  }
}

/**
 * @param {Service} service
 * @param {number} port
 * @param {(string | null)[]} answers
 */
function load(service, port, answers) {
  const connections = connectionsPerWorker * service.pids.length
  const expected = addresses.map((address, index) => ({ address, country: answers[index] ?? null }))
  return loadOverHttp({ port, connections, expected }, service.signal)
}
