// @ts-check
// Does what a power cut does to records that were not acknowledged: only a part of them is on the disk. A
// process that is killed loses nothing that it has stored in a mapping, so a kill alone tests too little.

import { closeSync, openSync, writeSync } from 'node:fs'
import { payloadOf } from './payloads.js'
import { headerLength, recordLength, writeRecord } from './record.js'

/**
 * Damages a record that was not acknowledged, or adds one that is half written.
 *
 * @param {string} path
 * @param {import('./recovery.js').Recovered} recovered
 * @param {number} acknowledged the last record that must stay
 * @returns {number} how many records are whole
 */
export function tear(path, { offsets, end }, acknowledged) {
  const count = offsets.length
  const victim = acknowledged + 1 + Math.floor(Math.random() * (count - acknowledged + 1))
  const payload = payloadOf(victim)
  const record = Buffer.alloc(recordLength(payload.length))
  writeRecord(record, 0, victim, payload)
  // The record is whole up to somewhere in its payload, and zeros after that.
  const length = headerLength + Math.floor(Math.random() * payload.length)
  record.fill(0, length)
  const fd = openSync(path, 'r+')
  writeSync(fd, record, 0, record.length, offsets[victim - 1] ?? end)
  closeSync(fd)
  return victim - 1
}
