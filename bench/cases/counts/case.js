// @ts-check
// Counts that repeat exactly: system calls, page faults, instructions.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { atMost } from '../../lib/goals.js'
import { pageSize } from '../../lib/package.js'
import { still, systemCallsOf, trace, whyNoStrace } from '../../lib/system-calls.js'
import { Unavailable } from '../../lib/unavailable.js'
import { instructionsEach, whyNoValgrind } from './instructions.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** @param {Record<string, number>} counts */
const total = (counts) => Object.values(counts).reduce((a, b) => a + b, 0)

/** @param {string[]} args */
const evaluate = (args) => execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })

/** @param {string} body */
const moduleOf = (body) => ['--input-type=module', '--eval', body]

/**
 * @param {string} once the code that is counted; it can use `fd`, `file` and an open `mapping`
 * @returns {import('../../lib/types.js').Contender}
 */
function operation(once) {
  return {
    kind: 'package',
    setUp: ({ file, quick }) => {
      const reason = whyNoStrace()
      if (reason !== null) throw new Unavailable(reason)
      const before = `import { mapFile } from 'posix-mmap'
        const file = ${JSON.stringify(file)}
        const fd = fs.openSync(file, 'r')
        const mapping = mapFile(fd)`
      const calls = () => total(systemCallsOf({ before, body: once, cwd: root }))
      const faults = `import fs from 'node:fs'
        ${before}
        const once = () => { ${once} }
        const count = () => process.resourceUsage().minorPageFault
        for (let i = 0; i < 100; i++) once()
        const before = count()
        for (let i = 0; i < 1000; i++) once()
        console.log((count() - before) / 1000)`
      const many = (/** @type {number} */ times) => `import fs from 'node:fs'
        ${before}
        const once = () => { ${once} }
        for (let i = 0; i < ${times}; i++) once()`
      return () => {
        const counted = {
          calls: calls(),
          faults: Number(evaluate([...still, ...moduleOf(faults)])),
        }
        if (quick || whyNoValgrind() !== null) return counted
        const command = (/** @type {number} */ times) => [
          process.execPath,
          '--single-threaded',
          ...moduleOf(many(times)),
        ]
        return { ...counted, instructions: instructionsEach(command, 4000, root) }
      }
    },
  }
}

/** @type {import('../../lib/types.js').Case} */
export default {
  title: 'System calls, page faults, instructions',
  rounds: { full: 1, quick: 1 },
  prepare({ scratch, quick, binaries }) {
    return { file: scratch.hole('small', pageSize), quick, binaries }
  },
  describe: () =>
    'Of one time, of an open file of one page unless a path is named. System calls by strace, with ' +
    'V8 kept still; instructions outside of the kernel by callgrind, with the optimising compilers ' +
    'and the collections that a run has.',
  measures: {
    calls: { title: 'System calls', unit: 'calls', digits: 2 },
    faults: { title: 'Page faults', unit: 'faults', digits: 2 },
    instructions: { title: 'Instructions', unit: 'instructions', digits: 0 },
  },
  contenders: {
    'C: map, touch, unmap': {
      kind: 'limit',
      setUp: ({ file, binaries, quick }) => {
        const reason = whyNoStrace()
        if (reason !== null) throw new Unavailable(reason)
        const command = (/** @type {number} */ times) => [
          join(binaries, 'counts'),
          file,
          `${times}`,
        ]
        return () => {
          const [program = '', ...args] = command(1000)
          const faults = Number(execFileSync(program, args, { encoding: 'utf8' }))
          const counted = { calls: total(trace(command(100), 100)), faults }
          if (quick || whyNoValgrind() !== null) return counted
          return { ...counted, instructions: instructionsEach(command, 4000) }
        }
      },
    },
    'map, unmap': operation('mapFile(fd).unmap()'),
    'map, read(), unmap': operation('const m = mapFile(fd); m.read(0, 1); m.unmap()'),
    'map, touch, unmap': operation('const m = mapFile(fd); m.bytes()[0]; m.unmap()'),
    'map by path, touch, unmap': operation('const m = mapFile(file); m.bytes()[0]; m.unmap()'),
    'bytes()': operation('mapping.bytes()'),
    'read()': operation('mapping.read(0, 64)'),
    'check()': operation('mapping.check()'),
  },
  goals: [
    atMost('calls', 3, 'system calls', 'map, touch, unmap'),
    atMost('calls', 0, 'system calls', 'bytes()'),
    atMost('calls', 0, 'system calls', 'read()'),
  ],
}
