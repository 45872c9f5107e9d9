// @ts-check
// What a power cut does to records that nobody was told of: a part of them is not on the disk. A
// killed process alone loses nothing that it has stored in a mapping.

import { closeSync, openSync, writeSync } from 'node:fs'
import { payloadOf } from './payloads.js'
import { headerLength, recordLength, writeRecord } from './record.js'

/**
 * Damages a record that was not acknowledged, or adds one that is half written.
 *
 * @param {string} path
 * @param {import('./recovery.js').Recovered} recovered
 * @param {number} acknowledged the last record that has to stay
 * @returns {number} how many records are whole
 */
export function tear(path, { offsets, end }, acknowledged) {
  const count = offsets.length
  const victim = acknowledged + 1 + Math.floor(Math.random() * (count - acknowledged + 1))
  const payload = payloadOf(victim)
  const record = Buffer.alloc(recordLength(payload.length))
  writeRecord(record, 0, victim, payload)
  // All of it up to somewhere in the payload, and zeros after that.
  const length = headerLength + Math.floor(Math.random() * payload.length)
  record.fill(0, length)
  const fd = openSync(path, 'r+')
  writeSync(fd, record, 0, record.length, offsets[victim - 1] ?? end)
  closeSync(fd)
  return victim - 1
}
