// Where lines end, found many in a call of the addon: a call takes longer than most lines do.

import { type NativeFault, native } from '../native.js'
import { assertNoFault } from './faults.js'
import type { Region } from './region.js'

/** How many lines a call finds at most. */
const mostLines = 1 << 12
const numbersEach = 2

/** The ends of the lines from some place on. Positions count from there, in bytes. */
export class LineEnds {
  /** Where each line's text ends, and where the next line begins. */
  readonly #numbers: Uint32Array<ArrayBuffer>
  readonly #bytes: Uint8Array
  readonly #most: number
  #count = 0

  /** @param byteLength of all that will be looked at: there are no more lines than bytes */
  constructor(byteLength: number) {
    this.#most = Math.min(byteLength, mostLines)
    this.#numbers = new Uint32Array(numbersEach * this.#most)
    this.#bytes = new Uint8Array(this.#numbers.buffer)
  }

  get count(): number {
    return this.#count
  }

  /** Whether there may be more line ends than fitted in. */
  get isFull(): boolean {
    return this.#count === this.#most
  }

  /** Where the last of the lines ends. */
  get length(): number {
    return this.nextOf(this.#count - 1)
  }

  /** The ends in the first `length` bytes of memory that is no mapping. */
  ofCopy(bytes: Uint8Array, length: number): void {
    this.#count = native.lineEndsOfCopy(bytes, length, this.#bytes)
  }

  /** The ends in a range, which lies inside the region, or the fault that keeps them unknown. */
  ofRange(region: Region, offset: number, length: number): NativeFault | null {
    const result = native.lineEnds(region.handle, offset, length, this.#bytes)
    this.#count = 0
    if (typeof result !== 'number') return result
    if (result < 0) assertNoFault(result, region, 'read')
    this.#count = result
    return null
  }

  /** Adds what is left of `length` bytes as a last line, which has no '\n'. */
  addRest(length: number): void {
    if (this.isFull || this.length === length) return
    const at = numbersEach * this.#count
    this.#numbers.fill(length, at, at + numbersEach)
    this.#count++
  }

  /** Where the text of a line begins. */
  startOf(line: number): number {
    return this.nextOf(line - 1)
  }

  /** Where the text of a line ends. */
  endOf(line: number): number {
    return this.#numbers[numbersEach * line] as number
  }

  /** Where the line after a line begins; that of the first one, before which there is none, at 0. */
  nextOf(line: number): number {
    return line < 0 ? 0 : (this.#numbers[numbersEach * line + 1] as number)
  }
}
