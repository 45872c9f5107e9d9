// @ts-check
// The payloads of the records: bytes that follow from the number of the record, so that a reader can check
// any record that it finds.

const longest = 2000

/** @param {number} sequence */
export function payloadOf(sequence) {
  const length = 1 + ((sequence * 7919) % longest)
  const payload = Buffer.alloc(length)
  for (let i = 0; i < length; i++) payload[i] = (sequence * 31 + i * 17) % 251
  return payload
}
