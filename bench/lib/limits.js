// @ts-check
// Compiles the limits: what C can do with the same system calls.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../limits/', import.meta.url))
const headers = fileURLToPath(new URL('../../native/posix/', import.meta.url))
/** Where node-gyp leaves what it has compiled for the addon. */
const objects = fileURLToPath(
  new URL('../../build/Release/obj.target/posix_mmap/native/posix/', import.meta.url),
)

/** Of native/posix/, what the fault guard consists of on the way of a mapping. */
const guard = ['fault_guard.o', 'region_table.o']

/**
 * @param {string} binaries where to
 * @returns {Record<string, string>} why a program could not be built
 */
export function buildLimits(binaries) {
  mkdirSync(binaries, { recursive: true })
  /** @type {Record<string, string>} */
  const failures = {}
  /**
   * @param {string} program
   * @param {string} compiler
   * @param {string[]} args
   */
  const build = (program, compiler, args) => {
    try {
      execFileSync(compiler, [...args, '-o', join(binaries, program)], { stdio: 'pipe' })
    } catch (error) {
      const { stderr, message } = /** @type {Error & { stderr?: Buffer }} */ (error)
      const reason = stderr?.toString().trim().split('\n').at(-1) || message
      failures[program] = `does not build: ${reason}`
    }
  }
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.c'))) {
    build(file.slice(0, -2), process.env['CC'] ?? 'cc', ['-O2', join(folder, file)])
  }
  if (!existsSync(objects)) {
    const reason = 'needs the objects of a build of the addon (npm run build:native)'
    return { ...failures, guarded: reason, unguarded: reason }
  }
  const all = readdirSync(objects).filter((name) => name.endsWith('.o'))
  const from = (/** @type {string[]} */ names) => names.map((name) => join(objects, name))
  const main = ['-O2', '-std=c++20', `-I${headers}`, join(folder, 'guard_cost.cc')]
  const without = all.filter((name) => !guard.includes(name))
  const compiler = process.env['CXX'] ?? 'c++'
  build('guarded', compiler, [...main, ...from(all)])
  build('unguarded', compiler, [...main, join(folder, 'no_fault_guard.cc'), ...from(without)])
  return failures
}
