// @ts-check
// Links guard_cost.cc with the objects of the addon's build twice: with the fault guard, and with a
// stand-in for it that does nothing.

import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))
const headers = `${root}native`
/** The objects that node-gyp has compiled for the addon. */
const objects = `${root}build/Release/obj.target/posix_mmap/native/posix`

/** The files of native/posix/ that are the fault guard's part in making a mapping. */
const guard = ['fault_guard.o', 'region_table.o']

/** @param {import('../../lib/programs.js').Compiler} compiler */
export function build(compiler) {
  if (!existsSync(objects)) {
    const reason = 'needs the objects of a build of the addon (npm run build:native)'
    compiler.failures['guarded'] = reason
    compiler.failures['unguarded'] = reason
    return
  }
  const all = readdirSync(objects, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(objects, name))
  const without = all.filter((name) => !guard.includes(basename(name)))
  const main = [`-I${headers}`, `${here}guard_cost.cc`]
  compiler.cpp('guarded', [...main, ...all])
  compiler.cpp('unguarded', [...main, `${here}no_fault_guard.cc`, ...without])
}
