// @ts-check
// A process that appends records until it is killed. For each record that is on the disk it prints a line:
// the number of the record, and how many flushes there were so far.
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
    // Written only now, and at once: each line stands for a record that must survive the kill.
    writeSync(1, `${sequence} ${log.flushes}\n`)
  }
}

await Promise.all(Array.from({ length: clients }, client))
