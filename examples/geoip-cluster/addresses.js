// @ts-check
// The addresses that every worker looks up: those with known answers, and random ones that are the same
// in every process.

import { knownAnswers } from './known-answers.js'

const randomCount = 20_000
const ipv6Prefixes = ['2001', '2400', '2600', '2800', '2a00', '2c0f']

/** Pseudo-random integers from a fixed seed: `next(n)` gives 0 … n - 1, for n up to 65536. */
function generator(seed = 2026) {
  let state = seed
  return (/** @type {number} */ n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 16) % n
  }
}

/** @returns {string[]} */
function randomAddresses() {
  const next = generator()
  const ipv4 = () => Array.from({ length: 4 }, () => next(256)).join('.')
  const ipv6 = () => {
    const rest = Array.from({ length: 7 }, () => next(65536).toString(16))
    return [ipv6Prefixes[next(ipv6Prefixes.length)], ...rest].join(':')
  }
  return Array.from({ length: randomCount }, (_, i) => (i % 2 === 0 ? ipv4() : ipv6()))
}

export const addresses = [...knownAnswers.map(({ address }) => address), ...randomAddresses()]
