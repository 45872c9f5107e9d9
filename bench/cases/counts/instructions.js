// @ts-check
// Instructions of a process outside of the kernel, as callgrind counts them, for machines that let
// nobody at their counters.

import { spawnSync } from 'node:child_process'

/** Why nothing can be counted here, or null. */
export function whyNoValgrind() {
  return spawnSync('valgrind', ['--version']).error === undefined ? null : 'there is no valgrind'
}

/**
 * @param {string[]} command
 * @param {string | undefined} cwd
 */
function instructionsOf(command, cwd) {
  const args = ['--tool=callgrind', '--callgrind-out-file=/dev/null', ...command]
  const { stderr, status } = spawnSync('valgrind', args, { cwd, encoding: 'utf8' })
  const counted = /Collected : (\d+)/.exec(stderr)?.[1]
  if (counted === undefined) throw new Error(`valgrind ended with ${status}: ${stderr}`)
  return Number(counted)
}

/**
 * Per time, from the difference that so many more of them make: start and warm-up cancel out.
 *
 * @param {(times: number) => string[]} commandFor
 * @param {number} times
 * @param {string} [cwd]
 */
export function instructionsEach(commandFor, times, cwd) {
  const count = (/** @type {number} */ some) => instructionsOf(commandFor(some), cwd)
  return (count(2 * times) - count(times)) / times
}
