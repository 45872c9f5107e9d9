// @ts-check
// What the records hold: bytes that follow from the number of the record, so that whoever finds one
// knows whether it is right.

const longest = 2000

/** @param {number} sequence */
export function payloadOf(sequence) {
  const length = 1 + ((sequence * 7919) % longest)
  const payload = Buffer.alloc(length)
  for (let i = 0; i < length; i++) payload[i] = (sequence * 31 + i * 17) % 251
  return payload
}
