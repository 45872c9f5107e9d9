// @ts-check
// Runs the contenders of a case in turn, each in a process of its own: whatever else the machine does
// slows all of them alike, and the heap of one cannot slow another.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** @typedef {import('./types.js').Contender} Contender */

const contenderScript = fileURLToPath(new URL('contender.js', import.meta.url))

class Runner {
  /** @type {string | null} */ unavailable = null
  /** Whether it ended unexpectedly, and did not say itself that it cannot take part. */
  failed = false
  /** @type {Record<string, number[]>} */ measured = {}
  /** @type {string | null} */ check = null
  roundsLeft

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {number} rounds
   */
  constructor(command, args, rounds) {
    this.roundsLeft = rounds
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child.stdin.on('error', () => {})
    this.ended = once(this.child, 'close').catch((error) => [error.message, null])
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  /** @returns {Promise<Record<string, unknown> | null>} the next line, or null at the end */
  async #answer() {
    const { value, done } = await this.lines.next()
    if (done) {
      const [code, signal] = await this.ended
      this.unavailable = `ended with ${signal ?? code}`
      this.failed = true
      return null
    }
    const answer = JSON.parse(value)
    const reason = answer.unavailable ?? answer.error
    if (reason === undefined) return answer
    this.unavailable = reason
    this.failed = answer.error !== undefined
    return null
  }

  async ready() {
    await this.#answer()
  }

  /** @param {boolean} keep */
  async round(keep) {
    if (this.unavailable !== null || this.roundsLeft === 0) return
    this.child.stdin.write('round\n')
    const answer = await this.#answer()
    if (answer === null || !keep) return
    this.roundsLeft--
    for (const [measure, value] of Object.entries(answer)) {
      if (measure === 'check') this.check = String(value)
      else if (typeof value === 'number') {
        const values = this.measured[measure] ?? []
        values.push(value)
        this.measured[measure] = values
      }
    }
  }

  async end() {
    this.child.stdin.end()
    await this.ended
  }

  kill() {
    this.child.kill('SIGKILL')
  }
}

/**
 * @param {string} name
 * @param {import('./types.js').Case} definition
 * @param {import('./types.js').Parameters} parameters
 * @param {{ rounds: number, binaries: string, buildFailures: Record<string, string> }} options
 */
export async function runCase(name, definition, parameters, options) {
  const { rounds, binaries, buildFailures } = options
  /** @type {Record<string, Runner>} */
  const runners = {}
  /** @type {Record<string, string>} */
  const unavailable = {}
  for (const [key, contender] of Object.entries(definition.contenders)) {
    const { program } = contender
    const failure = program === undefined ? undefined : buildFailures[program]
    if (failure !== undefined) unavailable[key] = failure
    else runners[key] = start(name, key, contender, parameters, rounds, binaries)
  }
  try {
    const all = Object.values(runners)
    for (const runner of all) await runner.ready()
    // One round to warm up, except for contenders that take so long that they run only once.
    for (const runner of all) if (runner.roundsLeft > 1) await runner.round(false)
    for (let round = 0; round < rounds; round++) {
      // The order shifts each round: otherwise a contender would always run on caches that the same
      // other one has filled.
      const shift = round % all.length
      for (const runner of [...all.slice(shift), ...all.slice(0, shift)]) await runner.round(true)
    }
    for (const runner of all) await runner.end()
  } finally {
    for (const runner of Object.values(runners)) runner.kill()
  }
  for (const [key, runner] of Object.entries(runners)) {
    if (runner.unavailable !== null) unavailable[key] = runner.unavailable
  }
  refuseDifferentAnswers(runners)
  const measured = Object.entries(runners).map(([key, { measured }]) => [key, measured])
  const failed = Object.keys(runners).filter((key) => runners[key]?.failed)
  return { measured: Object.fromEntries(measured), unavailable, failed }
}

/**
 * @param {string} name
 * @param {string} key
 * @param {Contender} contender
 * @param {import('./types.js').Parameters} parameters
 * @param {number} rounds
 * @param {string} binaries
 */
function start(name, key, contender, parameters, rounds, binaries) {
  const own = Math.min(rounds, contender.rounds ?? rounds)
  if (contender.program !== undefined) {
    const args = contender.arguments?.(parameters) ?? []
    return new Runner(join(binaries, contender.program), args.map(String), own)
  }
  const flags = contender.flags ?? []
  const script = [contenderScript, name, key, JSON.stringify(parameters)]
  return new Runner(process.execPath, [...flags, ...script], own)
}

/** @param {Record<string, Runner>} runners */
function refuseDifferentAnswers(runners) {
  const answers = Object.entries(runners).filter(([, { check }]) => check !== null)
  const [first] = answers
  for (const [key, { check }] of answers) {
    if (check === first?.[1].check) continue
    throw new Error(`${key} answers ${check}, and ${first?.[0]} ${first?.[1].check}`)
  }
}
