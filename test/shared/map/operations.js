// Very many operations on one SharedMap, in the order of a generator of numbers, next to a Map that has to agree.
//   node test/shared/map/operations.js [operations] [seed]
// prints what happened, as JSON.

import { SharedMap } from '../../../dist/shared.js'
import { problemsOf } from './checker.js'

const byteLength = 4 << 20
const keyCount = 4000
/** So that the map is never full: the longest value, with its header and its key, takes about 800 bytes. */
const longest = 700

/** @param {number} seed @returns {(below: number) => number} */
function numbers(seed) {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** A value that its number determines. @param {number} number */
function contentOf(number) {
  const length = (Math.imul(number, 2_654_435_761) >>> 8) % longest
  if (number % 4 === 0) return number
  if (number % 4 === 1) return { number, bytes: new Uint8Array(length).fill(number) }
  return `${number % 4 === 2 ? '€' : 'x'}${number}`.padEnd(
    number % 4 === 2 ? length / 2 : length,
    '.',
  )
}

/** @param {unknown} found @param {number} number */
function isRight(found, number) {
  const expected = contentOf(number)
  if (typeof expected !== 'object') return found === expected
  const { number: same, bytes } = /** @type {typeof expected} */ (found)
  return same === number && Buffer.compare(bytes, expected.bytes) === 0
}

/** @param {number} operations @param {number} seed */
function run(operations, seed) {
  /** @type {SharedMap<any>} */
  const map = SharedMap.create(byteLength, { evict: 'none' })
  const other = SharedMap.attach(map.memory)
  /** @type {Map<string, number>} */
  const model = new Map()
  const next = numbers(seed)
  let wrong = 0
  for (let i = 0; i < operations; i++) {
    const one = i % 2 === 0 ? map : other
    const key = `key ${next(keyCount)}`
    const what = next(10)
    const known = model.get(key)
    if (what < 4) {
      const number = next(2 ** 30)
      one.set(key, contentOf(number))
      model.set(key, number)
    } else if (what < 6) {
      if (one.delete(key) !== model.delete(key)) wrong++
    } else if (what === 6 && known !== undefined && known % 4 === 0) {
      // Stays a multiple of 4, which is a number.
      if (one.increment(key, 4) !== known + 4) wrong++
      model.set(key, known + 4)
    } else {
      const found = one.get(key)
      if (known === undefined ? found !== undefined : !isRight(found, known)) wrong++
    }
  }
  if (map.size !== model.size) wrong++
  for (const [key, value] of map.entries()) {
    const number = model.get(String(key))
    if (number === undefined || !isRight(value, number)) wrong++
  }
  return { operations, wrong, size: map.size, problems: problemsOf(map.memory) }
}

const [operations = '100000', seed = '1'] = process.argv.slice(2)
console.log(JSON.stringify(run(Number(operations), Number(seed))))
