// @ts-check
// Measures how long functions take.

/** @param {() => void} body */
export function milliseconds(body) {
  const start = performance.now()
  body()
  return performance.now() - start
}

/**
 * The second of two runs. The other contenders have pushed the memory out of the processor's
 * translation tables, and on a virtual machine a first pass then takes several times as long, in C
 * as well.
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
 * The mean of `times` calls in a row.
 *
 * @param {number} times
 * @param {() => void} body
 */
export function microsecondsEach(times, body) {
  const start = performance.now()
  for (let i = 0; i < times; i++) body()
  return ((performance.now() - start) / times) * 1e3
}

/** For mappings that only the garbage collector ends; needs --expose-gc. */
export async function collectGarbage() {
  globalThis.gc?.()
  await new Promise((resolve) => setImmediate(resolve))
}
