// Every way to ask for bytes, of a file that was cut in every way, against what read(2) would say.
// Prints the rows that went wrong, and how many there were.

import fs from 'node:fs'
import path from 'node:path'
import { MappingFaultError, mapFile, pageSize } from 'posix-mmap'

/** @typedef {import('posix-mmap').Mapping} Mapping */
/** @typedef {import('posix-mmap').Access} Access */

const [directory = '.'] = process.argv.slice(2)
const size = 3 * pageSize + 100

/** No byte of it is 0. @param {number} length */
function pattern(length) {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (i % 251) + 1
  return bytes
}
const content = pattern(size)

/** How a file is changed, as to its size. @type {Record<string, (file: string) => void>} */
const cuts = {
  'not at all': () => {},
  'by a byte': (file) => fs.truncateSync(file, size - 1),
  'on a page border': (file) => fs.truncateSync(file, 2 * pageSize),
  'inside a page': (file) => fs.truncateSync(file, pageSize + 10),
  'inside the first page': (file) => fs.truncateSync(file, 10),
  'to 0': (file) => fs.truncateSync(file, 0),
  'and regrown': (file) => {
    fs.truncateSync(file, pageSize + 10)
    fs.truncateSync(file, size)
  },
  'and written anew': (file) => fs.writeFileSync(file, content),
}

/**
 * How the file can be found when it is asked for its size. `map` gives the place of the file since.
 * @type {Record<string, (file: string, options: { access: Access, offset: number }) => [Mapping, string, (() => void)?]>}
 */
const ways = {
  'by its path': (file, options) => [mapFile(file, options), file],
  'by an open descriptor': (file, options) => {
    const fd = fs.openSync(file, options.access === 'read-write' ? 'r+' : 'r')
    return [mapFile(fd, options), file, () => fs.closeSync(fd)]
  },
  'by a descriptor that was closed': (file, options) => {
    const fd = fs.openSync(file, options.access === 'read-write' ? 'r+' : 'r')
    const mapping = mapFile(fd, options)
    fs.closeSync(fd)
    // Another file has its number now.
    const other = fs.openSync('/dev/null', 'r')
    return [mapping, file, () => fs.closeSync(other)]
  },
  renamed: (file, options) => {
    const mapping = mapFile(file, options)
    fs.renameSync(file, `${file} with\na new name`)
    fs.writeFileSync(file, content) // another file, as long as the first was
    return [mapping, `${file} with\na new name`]
  },
  unlinked: (file, options) => {
    // Kept by a link of another name, which the mapping does not know.
    const mapping = mapFile(file, options)
    fs.linkSync(file, `${file}.kept`)
    fs.unlinkSync(file)
    return [mapping, `${file}.kept`]
  },
}

/** Whether the kernel gives its link to a mapped file to this process. */
const linksReadable = (() => {
  const file = path.join(directory, 'link')
  fs.writeFileSync(file, content)
  const mapping = mapFile(file)
  const line = fs
    .readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .find((l) => l.includes(file))
  const name = (line ?? '').split(' ', 1)[0]?.replaceAll(/(^|-)0+/g, '$1')
  try {
    return fs.statSync(`/proc/self/map_files/${name}`).size === size && !mapping.closed
  } catch {
    return false
  }
})()

/**
 * @typedef {object} Row
 * @property {Mapping} mapping
 * @property {Access} access
 * @property {number} at
 * @property {number} length
 * @property {Buffer} bytes what the file has of the range
 * @property {() => Buffer} file what the file has
 * @property {number} offset
 */

/** @param {unknown} actual @param {unknown} expected @param {string} what */
function same(actual, expected, what) {
  const equal =
    Buffer.isBuffer(actual) && Buffer.isBuffer(expected)
      ? actual.equals(expected)
      : JSON.stringify(actual) === JSON.stringify(expected)
  if (!equal) throw new Error(`${what} is not what was expected`)
}

/** The lines of bytes that are whole, and with `all` the rest. @param {Buffer} bytes @param {boolean} all */
function linesOf(bytes, all) {
  const lines = bytes.toString('latin1').split('\n')
  const rest = lines.pop() ?? ''
  if (all && rest !== '') lines.push(rest)
  return lines.map((line) => line.replace(/\r$/, ''))
}

/**
 * Each either does what it should with a range that lies in the file, or throws.
 * @type {Record<string, (row: Row) => unknown>}
 */
const operations = {
  read: ({ mapping, at, length, bytes }) => same(mapping.read(at, length), bytes, 'read()'),
  readInto({ mapping, at, length, bytes }) {
    const target = Buffer.alloc(length)
    same(mapping.readInto(target, at), length, 'the count')
    same(target, bytes, 'the target')
  },
  text: ({ mapping, at, length, bytes }) =>
    same(mapping.text(at, length, 'latin1'), bytes.toString('latin1'), 'text()'),
  indexOf({ mapping, at, length, bytes }) {
    const found = bytes.indexOf(0)
    same(mapping.indexOf(0, at, at + length), found < 0 ? -1 : at + found, 'indexOf(0)')
  },
  lastIndexOf({ mapping, at, length, bytes }) {
    const found = bytes.lastIndexOf(0)
    const result = mapping.lastIndexOf(Buffer.alloc(1), at + length - 1, at)
    same(result, found < 0 ? -1 : at + found, 'lastIndexOf(0)')
  },
  lines({ mapping, at, length, bytes }) {
    const seen = []
    try {
      for (const line of mapping.lines({ offset: at, length, encoding: 'latin1' })) seen.push(line)
    } catch (error) {
      same(seen, linesOf(bytes, false), 'what lines() gave before')
      throw error
    }
    same(seen, linesOf(bytes, true), 'lines()')
  },
  async createReadStream({ mapping, at, length, bytes }) {
    const chunks = []
    const stream = mapping.createReadStream({ offset: at, length, highWaterMark: 1000 })
    for await (const chunk of stream) chunks.push(Buffer.from(chunk))
    same(Buffer.concat(chunks), bytes, 'the stream')
  },
  checked({ mapping, at, length, bytes }) {
    same(
      mapping.checked(() => Buffer.from(mapping.asBuffer(at, length))),
      bytes,
      'checked()',
    )
  },
  async 'checked, of a promise'({ mapping, at, length, bytes }) {
    const copy = await mapping.checked(async () => Buffer.from(mapping.asBuffer(at, length)))
    same(copy, bytes, 'checked()')
  },
  write({ mapping, access, at, length, file, offset }) {
    const before = file()
    const source = Buffer.alloc(length, 0xee)
    try {
      same(mapping.write(at, source), length, 'the count')
    } catch (error) {
      same(file(), before, 'the file')
      if (
        access === 'read' &&
        error instanceof MappingFaultError &&
        error.fault.kind === 'read-only'
      )
        return
      throw error
    }
    if (access === 'read-write') source.copy(before, offset + at)
    same(file(), before, 'the file')
    same(mapping.read(at, length), source, 'what was written')
  },
  flush: ({ mapping, at, length }) => mapping.flush({ offset: at, length }),
  flushSync: ({ mapping, at, length }) => mapping.flushSync({ offset: at, length }),
}
/** These show zeros in views, and say where a page is missing, or that the end of the file is. */
const viewing = ['checked', 'checked, of a promise']

let rows = 0
/** @type {string[]} */
const wrong = []

/**
 * @param {string} operation @param {string} cut @param {string} way @param {Access} access
 * @param {number} offset @param {[number, number]} range
 */
async function check(operation, cut, way, access, offset, [from, to]) {
  const file = path.join(directory, `file-${rows++}`)
  fs.writeFileSync(file, content)
  const made = ways[way]?.(file, { access, offset })
  if (made === undefined) throw new Error(way)
  const [mapping, place, end] = made
  try {
    cuts[cut]?.(place)
    const at = Math.max(0, from - offset)
    const length = to - offset - at
    const data = fs.readFileSync(place)
    const fileEnd = Math.max(0, data.length - offset)
    const lost = at + length > fileEnd
    const silent = fileEnd < mapping.byteLength && data.length % pageSize !== 0
    const expected = viewing.includes(operation) ? lost || silent : lost
    const bytes = Buffer.from(data.subarray(offset + at, offset + at + length))
    let error = /** @type {unknown} */ (null)
    try {
      const row = { mapping, access, at, length, bytes, file: () => fs.readFileSync(place), offset }
      await operations[operation]?.(row)
    } catch (thrown) {
      error = thrown
    }
    if (!expected) {
      if (error !== null) throw error
      return
    }
    if (!(error instanceof MappingFaultError)) throw error ?? new Error('nothing was thrown')
    same(error.fault.kind, 'truncated', 'the kind')
    if (viewing.includes(operation)) return
    const wanted = { kind: 'truncated', offset: Math.max(at, fileEnd), count: 1 }
    same(error.fault, wanted, `the fault ${JSON.stringify(error.fault)}`)
    same(mapping.fault, wanted, `the fault afterwards, ${JSON.stringify(mapping.fault)},`)
  } catch (error) {
    const name = [operation, cut, way, access, `offset ${offset}`, `${from} to ${to}`].join(', ')
    wrong.push(`${name}: ${error instanceof Error ? error.message : error}`)
  } finally {
    mapping.unmap()
    end?.()
    for (const name of [file, place]) fs.rmSync(name, { force: true })
  }
}

/** In the file, so that each cut lies before, in and behind some. @type {[number, number][]} */
const ranges = [
  [pageSize + 1, pageSize + 10],
  [pageSize + 1, pageSize + 11],
  [pageSize + 20, pageSize + 30],
  [pageSize + 1, 2 * pageSize],
  [2 * pageSize, 2 * pageSize + 5],
  [pageSize + 1, 3 * pageSize],
  [3 * pageSize + 10, size - 1],
  [0, size],
]
const offsets = [0, 3, pageSize, pageSize + 5]
/** @type {Access[]} */
const accesses = ['read', 'read-write', 'copy-on-write']

for (const way of Object.keys(ways)) {
  if (way === 'unlinked' && !linksReadable) continue
  for (const cut of Object.keys(cuts)) {
    for (const operation of Object.keys(operations)) {
      // Each way to find the file is one for all of them.
      const thorough = way === 'by its path'
      for (const access of thorough ? accesses : accesses.slice(1, 2)) {
        for (const offset of thorough ? offsets : offsets.slice(1, 2)) {
          for (const range of ranges) {
            await check(operation, cut, way, access, offset, range)
          }
        }
      }
    }
  }
}
console.log(
  JSON.stringify({ rows, wrong: wrong.slice(0, 20), failures: wrong.length, linksReadable }),
)
