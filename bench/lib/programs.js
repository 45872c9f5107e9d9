// @ts-check
// Compiles the programs of the cases, which show what C can do with the same system calls.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of rounds.h, which all programs include. */
const headers = fileURLToPath(new URL('.', import.meta.url))

/** The compiler that a case's own build.js is given. */
export class Compiler {
  /** @type {Record<string, string>} why a program could not be built */ failures = {}
  #binaries

  /** @param {string} binaries the folder for the compiled programs */
  constructor(binaries) {
    this.#binaries = binaries
  }

  /**
   * @param {string} program
   * @param {string[]} args
   */
  c(program, args) {
    this.#run(program, process.env['CC'] ?? 'cc', args)
  }

  /**
   * @param {string} program
   * @param {string[]} args
   */
  cpp(program, args) {
    this.#run(program, process.env['CXX'] ?? 'c++', ['-std=c++20', ...args])
  }

  /**
   * @param {string} program
   * @param {string} compiler may have arguments, as in `ccache gcc`
   * @param {string[]} args
   */
  #run(program, compiler, args) {
    const [command = '', ...first] = compiler.split(' ')
    const all = [...first, '-O2', `-I${headers}`, ...args, '-o', join(this.#binaries, program)]
    try {
      execFileSync(command, all, { stdio: 'pipe' })
    } catch (error) {
      const { stderr, message } = /** @type {Error & { stderr?: Buffer }} */ (error)
      const reason = stderr?.toString().trim().split('\n').at(-1) || message
      this.failures[program] = `does not build: ${reason}`
    }
  }
}

/**
 * Compiles each `program.c` of a case to `program`, and runs the case's build.js, if there is one.
 *
 * @param {string[]} cases
 * @param {string} binaries the folder for the compiled programs
 */
export async function buildPrograms(cases, binaries) {
  mkdirSync(binaries, { recursive: true })
  const compiler = new Compiler(binaries)
  for (const name of cases) {
    const folder = fileURLToPath(new URL(`../cases/${name}/`, import.meta.url))
    for (const file of readdirSync(folder).filter((entry) => entry.endsWith('.c'))) {
      compiler.c(file.slice(0, -2), [join(folder, file)])
    }
    if (existsSync(`${folder}build.js`)) {
      const { build } = await import(`../cases/${name}/build.js`)
      build(compiler)
    }
  }
  return compiler.failures
}
