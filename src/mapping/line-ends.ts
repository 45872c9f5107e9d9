// Where lines end, found many in a call of the addon: a call takes longer than most lines do.

import { type NativeFault, native } from '../native.js'
import { assertNoFault } from './faults.js'
import type { Region } from './region.js'

/** How many lines a call finds at most. */
const mostLines = 1 << 12

/** The ends of the lines from some place on. Positions count from there, in bytes. */
export class LineEnds {
  /** Where each line's text ends, and where the next line begins. */
  readonly #numbers = new Uint32Array(2 * mostLines)
  readonly #bytes = new Uint8Array(this.#numbers.buffer)
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Whether there may be more line ends than fitted in. */
  get isFull(): boolean {
    return this.#count === mostLines
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
    this.#numbers.fill(length, 2 * this.#count, 2 * this.#count + 2)
    this.#count++
  }

  /** Where the text of a line begins. */
  startOf(line: number): number {
    return this.nextOf(line - 1)
  }

  /** Where the text of a line ends. */
  endOf(line: number): number {
    return this.#numbers[2 * line] as number
  }

  /** Where the line after a line begins; that of the first one, before which there is none, at 0. */
  nextOf(line: number): number {
    return line < 0 ? 0 : (this.#numbers[2 * line + 1] as number)
  }
}
