// Looks at all the memory of a SharedMap while nobody changes it, and lists what contradicts itself.

import {
  classes,
  geometryFrom,
  headsWord,
  mapLayout,
  mapRecord,
  mapState,
  readHeader,
  viewsOf,
} from '../../../dist/internals.js'

const used = 1
const leftFree = 2
const linked = 4

/**
 * @param {import('../../../dist/index.js').SharedMemory} memory
 * @returns {string[]}
 */
export function problemsOf(memory) {
  const views = viewsOf(memory, geometryFrom(readHeader(memory, mapLayout), memory.byteLength))
  const { words, units, unitsWord, bucketsWord, bucketMask } = views
  /** @type {string[]} */
  const problems = []
  const word = (/** @type {number} */ index) => words[index] ?? 0
  const at = (/** @type {number} */ block) => unitsWord + block * 8
  /** @type {Map<number, number>} */
  const lengths = new Map()
  /** @type {Set<number>} */
  const free = new Set()
  /** @type {Set<number>} */
  const records = new Set()
  /** @type {Set<number>} */
  const taken = new Set()
  let freeUnits = 0
  let previousFree = false
  let block = 1
  while (block < units) {
    const header = word(at(block))
    const length = header >>> 3
    if (length < 1 || block + length > units) {
      problems.push(`block ${block} has length ${length}`)
      break
    }
    lengths.set(block, length)
    if ((header & used) === 0) {
      if (previousFree) problems.push(`block ${block} and the one before are both free`)
      if (word(at(block + length) - 1) !== length) problems.push(`block ${block} ends wrongly`)
      free.add(block)
      freeUnits += length
    } else taken.add(block)
    if (((header & leftFree) !== 0) !== previousFree) problems.push(`block ${block} misjudges left`)
    if ((header & linked) !== 0) records.add(block)
    previousFree = (header & used) === 0
    block += length
  }
  if (word(mapState.freeUnits) !== freeUnits) {
    problems.push(`${freeUnits} units are free, not ${word(mapState.freeUnits)}`)
  }
  if (!lengths.has(word(mapState.hand))) problems.push('the hand is between blocks')
  if (word(mapState.pending) !== 0) problems.push('something is pending')
  if (word(mapState.journalLength) !== 0) problems.push('the journal is not empty')
  for (let list = 0; list < classes; list++) {
    let previous = 0
    for (let one = word(headsWord + list); one !== 0; one = word(at(one) + 1)) {
      if (!free.delete(one)) {
        problems.push(`block ${one} is in list ${list}, and is not free or in two`)
        break
      }
      if (word(at(one) + 2) !== previous) problems.push(`block ${one} has a wrong predecessor`)
      previous = one
    }
  }
  if (free.size > 0) problems.push(`free blocks in no list: ${[...free]}`)
  let size = 0
  for (let bucket = 0; bucket <= bucketMask; bucket++) {
    for (let one = word(bucketsWord + 2 * bucket + 1); one !== 0; one = word(at(one) + 2)) {
      size++
      if (!records.delete(one)) {
        problems.push(`block ${one} is in bucket ${bucket}, and no record or in two`)
        break
      }
      if ((word(at(one) + mapRecord.hash) & bucketMask) !== bucket) {
        problems.push(`block ${one} is in the wrong bucket`)
      }
      for (let extent = one; extent !== 0; extent = word(at(extent) + 1)) {
        if (!taken.delete(extent)) {
          problems.push(`extent ${extent} is not used, or twice`)
          break
        }
      }
    }
  }
  if (records.size > 0) problems.push(`records in no bucket: ${[...records]}`)
  if (taken.size > 0) problems.push(`blocks that belong to nobody: ${[...taken]}`)
  if (word(mapState.size) !== size) problems.push(`${size} entries, not ${word(mapState.size)}`)
  return problems
}
