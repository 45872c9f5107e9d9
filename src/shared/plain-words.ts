// Words that are read and written without atomic instructions: those that belong to a lock, by whoever has
// it, and those that a later atomic store makes visible. For each function of Atomics V8 makes a call,
// which takes ten times as long as the one instruction that plain access is compiled to.

/** An object, so that a model check can count these steps as it counts those of Atomics. */
export const plain = {
  load(words: Int32Array, at: number): number {
    return words[at] as number
  },
  store(words: Int32Array, at: number, value: number): void {
    words[at] = value
  },
}
