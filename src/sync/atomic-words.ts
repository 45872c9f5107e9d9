// Atomic instructions on words of a segment, in line where that can be had.

import { instructions } from '../runtime/inline-atomics.js'

export interface AtomicWords {
  readonly words: Int32Array
  /** Where the first of them is to the instructions that are compiled in line; 0 for those of Atomics. */
  readonly address: number
}

/**
 * As in Atomics, of which these are some; but that there is such a word is not checked, and what is read
 * or written otherwise may be another segment's.
 */
export const atomic = {
  load({ words, address }: AtomicWords, at: number): number {
    return address === 0 ? Atomics.load(words, at) : instructions.load(address + 4 * at)
  },
  store({ words, address }: AtomicWords, at: number, value: number): void {
    if (address === 0) Atomics.store(words, at, value)
    else instructions.store(address + 4 * at, value)
  },
  exchange({ words, address }: AtomicWords, at: number, value: number): number {
    if (address === 0) return Atomics.exchange(words, at, value)
    return instructions.exchange(address + 4 * at, value)
  },
  compareExchange(
    { words, address }: AtomicWords,
    at: number,
    expected: number,
    replacement: number,
  ): number {
    if (address === 0) return Atomics.compareExchange(words, at, expected, replacement)
    return instructions.compareExchange(address + 4 * at, expected, replacement)
  },
}
