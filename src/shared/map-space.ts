// The space for records: blocks of whole units that lie side by side, the free ones in lists by size.
// Neighbours that are free become one block. A record that finds no block long enough is spread over
// several, its extents, so that space never fragments to failure.

import type { Transaction } from './map-journal.js'
import {
  classes,
  damaged,
  headsWord,
  state,
  unitBytes,
  unitWords,
  type Views,
} from './map-layout.js'

/** The first word of a block: its length in units, times 8, and these. */
export const used = 1
const leftFree = 2
/** A record that is in a bucket begins here. */
export const linked = 4
const flags = 7

/** Words of a free block: the next one of its list and the one before. Its last word is its length. */
const nextFree = 1
const previousFree = 2
/** The word of a used block that refers to the record's next extent. */
export const nextExtent = 1

/** Bytes before the payload: of a record's first extent, and of those that follow. */
export const recordHeaderBytes = 32
export const extentHeaderBytes = 8

const exactClasses = 32
/** How many blocks of a class are looked at whose lengths differ. */
const mostTries = 8

function classOf(units: number): number {
  return units <= exactClasses ? units - 1 : exactClasses + 26 - Math.clz32(units)
}

export class Space {
  readonly #views: Views
  readonly #transaction: Transaction

  constructor(views: Views, transaction: Transaction) {
    this.#views = views
    this.#transaction = transaction
  }

  /** The index of the first word of the block, if there can be one. */
  wordOf(block: number): number {
    const { units, unitsWord } = this.#views
    if (block < 1 || block >= units) throw damaged('a reference leads out of the memory')
    return unitsWord + block * unitWords
  }

  /** How long the block is, in units. */
  lengthOf(block: number): number {
    const length = this.#transaction.get(this.wordOf(block)) >>> 3
    if (length < 1 || block + length > this.#views.units)
      throw damaged('a block has a wrong length')
    return length
  }

  get freeUnits(): number {
    return this.#views.words[state.freeUnits] as number
  }

  /** Whether a record finds room for certain, in as many extents as it takes. */
  hasRoomFor(payload: number): boolean {
    return (this.freeUnits - 1) * (unitBytes - extentHeaderBytes) >= payload
  }

  /** Makes the whole space one free block. */
  format(): void {
    const units = this.#views.units - 1
    this.#transaction.begin()
    this.#insert(1, units)
    this.#transaction.put(this.wordOf(1), units << 3)
    this.#transaction.put(state.freeUnits, units)
    this.#transaction.put(state.hand, 1)
    this.#transaction.commit()
  }

  /** Takes one block for a record of so many bytes, as what is pending. */
  takeContiguous(payload: number): boolean {
    const wanted = 1 + Math.ceil(payload / unitBytes)
    const block = this.#find(wanted)
    if (block === 0) return false
    this.#take(block, wanted)
    return true
  }

  /** Takes as many blocks as it needs, of those there are. The one taken last is the first extent. */
  takeSpread(payload: number): boolean {
    let rest = payload
    const most = payload / (unitBytes - extentHeaderBytes) + 2
    for (let i = 0; i < most; i++) {
      const block = this.#largest()
      if (block === 0) return false
      const length = this.lengthOf(block)
      const last = length * unitBytes - recordHeaderBytes >= rest
      this.#take(block, last ? 1 + Math.ceil(Math.max(rest, 0) / unitBytes) : length)
      if (last) return true
      rest -= length * unitBytes - extentHeaderBytes
      if (rest < 0) rest = 0
    }
    return false
  }

  /** Frees the extents that belong to nobody. */
  freePending(): void {
    for (let i = 0; i < this.#views.units; i++) {
      const block = this.#views.words[state.pending] as number
      if (block === 0) return
      this.#free(block)
    }
    throw damaged('a record has no end')
  }

  /** A free block that is long enough; 0 if there is none, or none that is found soon. */
  #find(wanted: number): number {
    const { words } = this.#views
    let list = classOf(wanted)
    if (wanted > exactClasses) {
      let block = words[headsWord + list] as number
      for (let i = 0; block !== 0 && i < mostTries; i++) {
        if (this.lengthOf(block) >= wanted) return block
        block = words[this.wordOf(block) + nextFree] as number
      }
      list++
    }
    for (; list < classes; list++) {
      const block = words[headsWord + list] as number
      if (block === 0) continue
      if (this.lengthOf(block) < wanted) throw damaged('a free block is in the wrong list')
      return block
    }
    return 0
  }

  #largest(): number {
    for (let list = classes - 1; list >= 0; list--) {
      const block = this.#views.words[headsWord + list] as number
      if (block !== 0) return block
    }
    return 0
  }

  /** Takes the first units of a free block, and puts the block before what is pending. */
  #take(block: number, wanted: number): void {
    const transaction = this.#transaction
    const { words, units } = this.#views
    const length = this.lengthOf(block)
    const at = this.wordOf(block)
    if (length < wanted) throw damaged('a free block has a wrong length')
    if (((words[at] as number) & used) !== 0)
      throw damaged('a used block is in a list of free ones')
    transaction.begin()
    this.#remove(block, length)
    const after = block + length
    if (length > wanted) {
      const rest = block + wanted
      transaction.put(this.wordOf(rest), (length - wanted) << 3)
      this.#insert(rest, length - wanted)
    } else if (after < units) {
      const next = this.wordOf(after)
      transaction.put(next, transaction.get(next) & ~leftFree)
    }
    transaction.put(at, (wanted << 3) | used)
    transaction.put(at + nextExtent, words[state.pending] as number)
    transaction.put(state.pending, block)
    transaction.put(state.freeUnits, this.freeUnits - wanted)
    transaction.commit()
  }

  #free(block: number): void {
    const transaction = this.#transaction
    const { words, units } = this.#views
    const length = this.lengthOf(block)
    const at = this.wordOf(block)
    const header = words[at] as number
    if ((header & used) === 0) throw damaged('a block is freed twice')
    transaction.begin()
    let start = block
    let end = block + length
    if ((header & leftFree) !== 0) {
      const left = block - (words[at - 1] as number)
      if (left >= block || this.#freeLength(left) !== block - left) {
        throw damaged('a free block has a wrong length')
      }
      this.#remove(left, block - left)
      start = left
    }
    if (end < units && (transaction.get(this.wordOf(end)) & used) === 0) {
      const right = this.lengthOf(end)
      this.#remove(end, right)
      end += right
    }
    transaction.put(this.wordOf(start), (end - start) << 3)
    this.#insert(start, end - start)
    if (end < units) {
      const next = this.wordOf(end)
      transaction.put(next, transaction.get(next) | leftFree)
    }
    const hand = words[state.hand] as number
    if (hand > start && hand < end) transaction.put(state.hand, start)
    transaction.put(state.pending, words[at + nextExtent] as number)
    transaction.put(state.freeUnits, this.freeUnits + length)
    transaction.commit()
  }

  #freeLength(block: number): number {
    const length = this.lengthOf(block)
    return ((this.#views.words[this.wordOf(block)] as number) & used) === 0 ? length : 0
  }

  #remove(block: number, length: number): void {
    const transaction = this.#transaction
    const at = this.wordOf(block)
    const next = transaction.get(at + nextFree)
    const previous = transaction.get(at + previousFree)
    if (previous !== 0) transaction.put(this.wordOf(previous) + nextFree, next)
    else transaction.put(headsWord + classOf(length), next)
    if (next !== 0) transaction.put(this.wordOf(next) + previousFree, previous)
  }

  #insert(block: number, length: number): void {
    const transaction = this.#transaction
    const at = this.wordOf(block)
    const head = headsWord + classOf(length)
    const next = transaction.get(head)
    transaction.put(at + nextFree, next)
    transaction.put(at + previousFree, 0)
    if (next !== 0) transaction.put(this.wordOf(next) + previousFree, block)
    transaction.put(head, block)
    transaction.put(at + length * unitWords - 1, length)
  }

  /** The block after this one, round and round. */
  after(block: number): number {
    const next = block + this.lengthOf(block)
    return next < this.#views.units ? next : 1
  }
}

/** The length in units and the flags, of the first word of a block. */
export function flagsOf(header: number): number {
  return header & flags
}
