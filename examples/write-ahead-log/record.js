// @ts-check
// The format of a record: a CRC-32 and a length of 4 bytes each, a sequence number of 8 bytes, the payload,
// and zeros up to a multiple of 8. The checksum covers everything after it except the zeros.

import { crc32 } from 'node:zlib'

export const headerLength = 16
const alignment = 8

/** How many bytes of the log a record takes. @param {number} payloadLength */
export function recordLength(payloadLength) {
  return Math.ceil((headerLength + payloadLength) / alignment) * alignment
}

/**
 * @param {Buffer} log must have room for the record, and zeros there
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
 * The payload of a record; null if there is no record with this number at this place, or a torn one.
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
