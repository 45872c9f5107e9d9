// Runs all tests on every supported Node, and the suites of faults, lifetime and threads in other
// modes of V8. `--quick` runs only those suites, with fewer repetitions, and in the other modes
// only the files that depend on the mode most.
import { spawnSync } from 'node:child_process'
import { majors, nodeBinary } from './fetch-nodes.js'

const quick = process.argv.includes('--quick')
const suites = [
  ...['cases', 'faults', 'lifetime', 'threads'].map((topic) => `test/behaviour/${topic}`),
  ...['faults', 'direct'].map((topic) => `test/mapping/${topic}.test.ts`),
  ...['consumers', 'steps'].map((topic) => `test/runtime/${topic}.test.ts`),
]
const modal = ['accesses', 'mapping/faults', 'in-flight', 'collection', 'transfer']
const modes = ['--jitless', '--no-opt', '--always-sparkplug', '--gc-interval=500']

/**
 * @param {string} label
 * @param {string} node
 * @param {string[]} files
 */
function run(label, node, files, flags = '') {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(
    node,
    ['node_modules/vitest/vitest.mjs', 'run', ...files],
    {
      env: {
        ...process.env,
        NO_COLOR: '1',
        POSIX_MMAP_TEST_FLAGS: flags,
        ...(quick ? { POSIX_MMAP_TEST_QUICK: '1' } : {}),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  // vitest writes its summary to stdout and the failures to stderr.
  if (status !== 0) console.log(`${stdout.split('\n').slice(-8).join('\n')}\n${stderr}`)
  return { label, passed: status === 0, seconds: (performance.now() - start) / 1000 }
}

let failed = 0
/** @param {ReturnType<typeof run>} result */
function report({ label, passed, seconds }) {
  if (!passed) failed++
  console.log(`${passed ? 'passed' : 'FAILED'}  ${label} (${seconds.toFixed(0)} s)`)
}

for (const major of majors) {
  // In CI, `npm test` has just run everything on this one.
  if (quick && process.version.startsWith(`v${major}.`)) continue
  report(run(`Node ${major}`, nodeBinary(major), quick ? suites : []))
}
for (const mode of modes) {
  if (quick) report(run(`${process.version} ${mode}`, process.execPath, modal, mode))
  else
    for (const major of majors)
      report(run(`Node ${major} ${mode}`, nodeBinary(major), suites, mode))
}
process.exit(failed === 0 ? 0 : 1)
