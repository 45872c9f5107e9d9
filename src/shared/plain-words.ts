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

/** For what orders plain accesses; nothing where the processor lets no load pass a load, and no store a store. */
const fence = process.arch === 'x64' ? undefined : new Int32Array(new SharedArrayBuffer(4))

/** Orders the loads before it and the atomic loads after it. */
export function fenceLoads(): void {
  if (fence !== undefined) Atomics.exchange(fence, 0, 0)
}

/**
 * Keeps the plain stores after it behind an atomic store to this word, or a read-modify-write. On arm64 a store
 * only releases, and a read-modify-write may be a load that acquires and such a store: what follows is ordered
 * after a load alone, and this one is after the store.
 */
export function fenceStores(words: Int32Array, at: number): void {
  if (fence !== undefined) Atomics.load(words, at)
}
