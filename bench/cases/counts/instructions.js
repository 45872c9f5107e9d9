// @ts-check
// Counts the instructions of a process outside of the kernel with callgrind, since many machines do not
// let programs read the counters of the processor.

import { spawnSync } from 'node:child_process'

/** The reason why nothing can be counted on this machine, or null. */
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
 * Instructions for one time, from the difference between few and many times: the start of the
 * process and its warm-up cancel out.
 *
 * @param {(times: number) => string[]} commandFor
 * @param {number} times
 * @param {string} [cwd]
 */
export function instructionsEach(commandFor, times, cwd) {
  const count = (/** @type {number} */ some) => instructionsOf(commandFor(some), cwd)
  return (count(2 * times) - count(times)) / times
}
