// @ts-check
// A process that appends records until it is killed. Prints a line for each that is on the disk: its
// number, and how many flushes that took so far.
//
//   node writer.js LOG

import { writeSync } from 'node:fs'
import { WriteAheadLog } from './log.js'
import { payloadOf } from './payloads.js'

const clients = 8
const log = new WriteAheadLog(process.argv[2] ?? '')
let next = log.sequence + 1

async function client() {
  for (;;) {
    const sequence = log.append(payloadOf(next++))
    await log.commit()
    // Blocks until the pipe has it: what was told was on the disk before.
    writeSync(1, `${sequence} ${log.flushes}\n`)
  }
}

await Promise.all(Array.from({ length: clients }, client))
