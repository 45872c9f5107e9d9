// Atomic instructions on words of a segment, in line where that can be had.

import { instructions, type Shown } from '../runtime/inline-atomics.js'

export interface AtomicWords {
  readonly words: Int32Array
  /** The segment, in which all of them lie. */
  readonly shown: Shown
  /** Where the first of them is in the segment, in bytes. */
  readonly offset: number
}

/**
 * As in Atomics, of which these are some; but that there is such a word is not checked, and what is read
 * or written otherwise may be another segment's. Each asks anew where the segment is shown: whoever still
 * has words of one that has gone would find another one there.
 */
export const atomic = {
  load({ words, shown, offset }: AtomicWords, at: number): number {
    const { address } = shown
    if (address === 0) return Atomics.load(words, at)
    return instructions.load(address + offset + 4 * at)
  },
  store({ words, shown, offset }: AtomicWords, at: number, value: number): void {
    const { address } = shown
    if (address === 0) Atomics.store(words, at, value)
    else instructions.store(address + offset + 4 * at, value)
  },
  exchange({ words, shown, offset }: AtomicWords, at: number, value: number): number {
    const { address } = shown
    if (address === 0) return Atomics.exchange(words, at, value)
    return instructions.exchange(address + offset + 4 * at, value)
  },
  compareExchange(
    { words, shown, offset }: AtomicWords,
    at: number,
    expected: number,
    replacement: number,
  ): number {
    const { address } = shown
    if (address === 0) return Atomics.compareExchange(words, at, expected, replacement)
    return instructions.compareExchange(address + offset + 4 * at, expected, replacement)
  },
}
