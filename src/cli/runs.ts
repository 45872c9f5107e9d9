// Sorted ranges that do not touch, as sets of bytes of a file.

/** Where each range starts and ends, in turn: `[start, end, start, end, …]`. */
export type Runs = readonly number[]

/** Adds a range that starts where the last one ends, or behind it. */
export function append(runs: number[], start: number, end: number): void {
  if (runs.length > 0 && runs[runs.length - 1] === start) runs[runs.length - 1] = end
  else runs.push(start, end)
}

export function byteCountOf(runs: Runs): number {
  return runs.reduce((sum, edge, i) => (i % 2 === 0 ? sum - edge : sum + edge), 0)
}

/** The bytes that are in `runs` and not in `others`. */
export function without(runs: Runs, others: Runs): number[] {
  const left: number[] = []
  let next = 0
  for (let i = 0; i + 1 < runs.length; i += 2) {
    let start = runs[i] ?? 0
    const end = runs[i + 1] ?? 0
    while (start < end) {
      while (next + 1 < others.length && (others[next + 1] ?? 0) <= start) next += 2
      const from = others[next] ?? Number.POSITIVE_INFINITY
      if (from > start) append(left, start, Math.min(from, end))
      // Behind what the others have from here on, which may reach into the next range as well.
      start = from < end ? Math.max(start, others[next + 1] ?? end) : end
    }
  }
  return left
}

/** The bytes of `runs` from `start` up to `end`. */
export function within(runs: Runs, start: number, end: number): number[] {
  const found: number[] = []
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const from = Math.max(runs[i] ?? 0, start)
    const to = Math.min(runs[i + 1] ?? 0, end)
    if (from < to) append(found, from, to)
  }
  return found
}

/** Each range as `[offset, length]`. */
export function inPairs(runs: Runs): [offset: number, length: number][] {
  return Array.from({ length: runs.length / 2 }, (_, i) => {
    const start = runs[2 * i] ?? 0
    return [start, (runs[2 * i + 1] ?? 0) - start]
  })
}
