// @ts-check
// Time that something took.

/** @param {() => void} body */
export function milliseconds(body) {
  const start = performance.now()
  body()
  return performance.now() - start
}

/**
 * The second of two runs, for memory that others have pushed out of the processor's tables since: on a
 * virtual machine the first pass over it takes several times as long, in C as well.
 *
 * @param {() => void} body
 */
export function millisecondsWarm(body) {
  body()
  return milliseconds(body)
}

/** @param {() => Promise<unknown>} body */
export async function millisecondsAsync(body) {
  const start = performance.now()
  await body()
  return performance.now() - start
}

/**
 * The mean of so many times in a row.
 *
 * @param {number} times
 * @param {() => void} body
 */
export function microsecondsEach(times, body) {
  const start = performance.now()
  for (let i = 0; i < times; i++) body()
  return ((performance.now() - start) / times) * 1e3
}

/** For what only the garbage collector ends: needs --expose-gc. */
export async function collectGarbage() {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
