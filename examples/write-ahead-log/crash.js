// @ts-check
// Starts a writer on the log, and kills it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const writer = fileURLToPath(new URL('writer.js', import.meta.url))
const longestLife = 150

/**
 * @typedef {object} Crash
 * @property {number} last the greatest number that was acknowledged, 0 for none
 * @property {number} acknowledged how many records
 * @property {number} flushes
 */

/**
 * @param {string} path
 * @returns {Promise<Crash>}
 */
export async function crashWriter(path) {
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const closed = once(child, 'close')
  // Waits for the first acknowledgment: otherwise most writers would be killed while they start.
  await Promise.race([once(child.stdout, 'data'), closed])
  await delay(Math.random() * longestLife)
  child.kill('SIGKILL')
  const [code, signal] = await closed
  const [acknowledgments, errors] = await output
  if (signal !== 'SIGKILL') throw new Error(`the writer ended with ${signal ?? code}: ${errors}`)
  // The last line may be incomplete.
  const lines = acknowledgments.split('\n').slice(0, -1)
  const rows = lines.map((line) => line.split(' ').map(Number))
  return {
    last: Math.max(0, ...rows.map(([sequence = 0]) => sequence)),
    acknowledged: rows.length,
    flushes: Math.max(0, ...rows.map(([, flushes = 0]) => flushes)),
  }
}
