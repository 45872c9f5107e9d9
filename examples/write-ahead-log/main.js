// @ts-check
// Kills the writer of a write-ahead log at a random moment, again and again. Checks that every record that
// was acknowledged is found, and none after the first torn one. The last line says pass or fail.
//
//   node examples/write-ahead-log/main.js [--rounds N]

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { crashWriter } from './crash.js'
import { WriteAheadLog } from './log.js'
import { payloadOf } from './payloads.js'
import { recoverFile } from './recovery.js'
import { tear } from './tear.js'

function roundCount() {
  const { values } = parseArgs({ options: { rounds: { type: 'string' } } })
  const rounds = Number(values.rounds ?? 10)
  if (Number.isInteger(rounds) && rounds >= 1) return rounds
  throw new Error(`--rounds takes a number from 1 up, not '${values.rounds}'`)
}

/** @param {boolean} holds @param {string} claim */
function check(holds, claim) {
  if (!holds) throw new Error(claim)
}

/** @param {Buffer[]} payloads */
function checkPayloads(payloads) {
  const wrong = payloads.findIndex((payload, index) => !payload.equals(payloadOf(index + 1)))
  check(wrong === -1, `record ${wrong + 1} holds something else than was written`)
}

/** @param {string} path */
async function demo(path) {
  const rounds = roundCount()
  console.log(`A log whose writer is killed ${rounds} times`)
  console.log(`Node ${process.version}, Linux ${release()}\n`)
  console.log('  round  acknowledged  flushes    found  whole after a tear       size')

  let acknowledged = 0
  let durable = 0
  for (let round = 1; round <= rounds; round++) {
    const crash = await crashWriter(path)
    acknowledged += crash.acknowledged
    durable = Math.max(durable, crash.last)

    const found = recoverFile(path)
    const count = found.payloads.length
    check(count >= durable, `record ${durable} was acknowledged, ${count} were found`)
    checkPayloads(found.payloads)

    const whole = tear(path, found, durable)
    const afterwards = recoverFile(path).payloads
    check(afterwards.length === whole, `${afterwards.length} found, ${whole} are whole`)
    checkPayloads(afterwards)

    const row = [crash.acknowledged, crash.flushes, count, whole, statSync(path).size]
    const widths = [14, 9, 9, 20, 11]
    const cells = row.map((value, i) => value.toLocaleString('en-US').padStart(widths[i] ?? 0))
    console.log(`  ${String(round).padStart(5)}${cells.join('')}`)
  }

  const log = new WriteAheadLog(path)
  const last = log.append(payloadOf(log.sequence + 1))
  await log.close()
  const { payloads, end } = recoverFile(path)
  check(payloads.length === last, `${payloads.length} found of ${last} after the last opening`)
  check(statSync(path).size === end, 'the file is longer than its records after close()')
  checkPayloads(payloads)
  return `${acknowledged} acknowledged records found after ${rounds} kills, no torn one`
}

const directory = mkdtempSync(join(tmpdir(), 'write-ahead-log-'))
try {
  console.log(`\npass: ${await demo(join(directory, 'log'))}`)
} catch (error) {
  console.log(`\nfail: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  rmSync(directory, { recursive: true })
}
