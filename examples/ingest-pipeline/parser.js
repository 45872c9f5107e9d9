// @ts-check
// Parses some of the chunks of a file, and sends their rows through the ring that all parsers have.
//
//   node parser.js FILE CHUNK_BYTES PARSER CHUNK…, with a ring from withShared()

import { mapFile } from 'posix-mmap'
import { MessageRing } from 'posix-mmap/shared'
import { rowOf } from './measurements.js'

const [, , path = '', size = '0', name = '', ...chunks] = process.argv
const chunkBytes = Number(size)
const parser = Number(name)
const rowsOfMessage = 50
const lineFeed = 10

const file = mapFile(path)
const ring = MessageRing.inherited('ring')

/**
 * Where the first line begins at or behind an offset.
 *
 * @param {number} offset
 */
function lineFrom(offset) {
  if (offset === 0) return 0
  if (offset >= file.byteLength) return file.byteLength
  return file.indexOf(lineFeed, offset - 1) + 1
}

/** @param {import('./aggregator.js').Message} message */
const send = (message) => ring.send(JSON.stringify(message))

for (const chunk of chunks.map(Number)) {
  const start = lineFrom(chunk * chunkBytes)
  const end = lineFrom((chunk + 1) * chunkBytes)
  /** @type {[string, number][]} */
  let rows = []
  for (const line of file.lines({ offset: start, length: end - start })) {
    rows.push(rowOf(String(line)))
    if (rows.length < rowsOfMessage) continue
    await send({ parser, chunk, rows })
    rows = []
  }
  // Counts from here on: until then, whoever has the chunk may have to begin it again.
  await send({ parser, chunk, rows, isLast: true })
}
ring[Symbol.dispose]()
