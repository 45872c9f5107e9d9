// @ts-check
// One record: CRC32 and length of 4 bytes, sequence number of 8, then the payload, then zeros up to
// a multiple of 8. The checksum is over everything after it but the zeros.

import { crc32 } from 'node:zlib'

export const headerLength = 16
const alignment = 8

/** How much of the log a record takes. @param {number} payloadLength */
export function recordLength(payloadLength) {
  return Math.ceil((headerLength + payloadLength) / alignment) * alignment
}

/**
 * @param {Buffer} log with room for the record, and zeros there
 * @param {number} at
 * @param {number} sequence
 * @param {Uint8Array} payload
 */
export function writeRecord(log, at, sequence, payload) {
  log.writeUInt32LE(payload.length, at + 4)
  log.writeBigUInt64LE(BigInt(sequence), at + 8)
  log.set(payload, at + headerLength)
  log.writeUInt32LE(checksum(log, at, payload.length), at)
}

/**
 * The payload of the record, or null where there is none with this number, or a torn one.
 *
 * @param {Buffer} log
 * @param {number} at
 * @param {number} sequence
 */
export function readRecord(log, at, sequence) {
  if (at + headerLength > log.length) return null
  const length = log.readUInt32LE(at + 4)
  if (at + recordLength(length) > log.length) return null
  if (log.readBigUInt64LE(at + 8) !== BigInt(sequence)) return null
  if (log.readUInt32LE(at) !== checksum(log, at, length)) return null
  return log.subarray(at + headerLength, at + headerLength + length)
}

/** @param {Buffer} log @param {number} at @param {number} length */
function checksum(log, at, length) {
  return crc32(log.subarray(at + 4, at + headerLength + length))
}
