// @ts-check
// Reads a log: its records from the first one on, up to the first that is torn or missing.

import { mapFile } from 'posix-mmap'
import { readRecord, recordLength } from './record.js'

/**
 * @typedef {object} Recovered
 * @property {Buffer[]} payloads views of the log; copy them to keep them longer than the mapping
 * @property {number[]} offsets where each record starts
 * @property {number} end where the next record starts
 */

/**
 * @param {Buffer} log
 * @returns {Recovered}
 */
export function recover(log) {
  /** @type {Recovered} */
  const recovered = { payloads: [], offsets: [], end: 0 }
  for (;;) {
    const payload = readRecord(log, recovered.end, recovered.payloads.length + 1)
    if (payload === null) return recovered
    recovered.payloads.push(payload)
    recovered.offsets.push(recovered.end)
    recovered.end += recordLength(payload.length)
  }
}

/**
 * Reads the log in a file, without changing the file.
 *
 * @param {string} path
 * @returns {Recovered}
 */
export function recoverFile(path) {
  const mapping = mapFile(path)
  try {
    return mapping.checked(() => {
      const { payloads, ...rest } = recover(mapping.asBuffer())
      return { ...rest, payloads: payloads.map((payload) => Buffer.from(payload)) }
    })
  } finally {
    mapping.unmap()
  }
}
