// Runs the tests on every runtime but this machine's Node: Bun, Deno, Node for arm64 under qemu,
// and Bun for musl on both processors. Those for another processor or C library load the binary of
// prebuilds/. Kernels for arm64 with pages of 4, 16 and 64 KiB only where they are named, since they take
// a quarter of an hour each, and as long to be built.
//   node scripts/test-runtimes.js [bun] [deno] [arm64] [musl] [musl-arm64] [kernel-4] [kernel-16]
//     [kernel-64] [test files]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bunBinary, denoBinary, nodeBinary, rolldownBinding } from './fetch-nodes.js'
import { pageSizes } from './kernels.js'
import { muslBun } from './musl.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const runner = `${root}node_modules/vitest/vitest.mjs`
const reports = `${root}node_modules/.cache/posix-mmap`

/**
 * `seconds`: how long a test may take. `differs`: the tests that are known to fail there, matched by `file: name`, each with the reason.
 * README.md lists these reasons too.
 * @typedef {{ command: string[], env?: Record<string, string>, files: string[],
 *   differs: Array<[test: RegExp, reason: string]>, seconds?: number }} Runtime
 */

// Without test/architecture.test.ts and test/package, whose results do not depend on the runtime.
const core = [
  'test/arguments.test.ts',
  'test/kernel',
  'test/map/',
  'test/mapping/copies.test.ts',
  'test/mapping/ranges',
  'test/mapping/views.test.ts',
  'test/posix',
  'test/shared-memory/create.test.ts',
]

/** @type {Runtime['differs']} */
const ofQemu = [
  [
    /advice|madvise|populat|POPULATE|hugePages|punchHole|installGuard|guarded pages/,
    'qemu answers madvise(2) and does nothing, MAP_POPULATE included',
  ],
  [
    /posix\/mremap\.test\.ts|snapshot\/hostile\.test\.ts: memory that is cut short/,
    'qemu moves no shared memory with mremap(2)',
  ],
  // Waits are looked at in turns then: others wake first, and a change of the word ends them.
  [
    /futex\.test\.ts: \S.* (a notification right|wakes? in the order|are woken in the order|a store, or|a wait ends neither)|primitives\.test\.ts: a condition wakes one or all/,
    'qemu has no futex_waitv(2)',
  ],
  [/posix\/mmap-address\.test\.ts/, 'qemu maps over what MAP_FIXED_NOREPLACE spares'],
  [/posix\/\S+: mmap (of a file, 'validated'|refuses SYNC)/, 'no MAP_SHARED_VALIDATE'],
  [/pages\.test\.ts: lockSync and unlock/, 'qemu has no mlock2(2)'],
  [
    /atomic-words\.test\.ts: memory that is sealed is shown|litmus\.test\.ts: in-line/,
    'qemu shows no memory a second time with mremap(2): no instructions are compiled in line',
  ],
]

/**
 * Node for arm64 under qemu. Vitest itself runs on this machine's Node, and starts its workers with
 * the other.
 * @returns {Runtime}
 */
function underQemu() {
  const qemu = 'qemu-aarch64'
  const libraries = '/usr/aarch64-linux-gnu'
  const missing = [
    ...(spawnSync(qemu, ['--version']).status === 0 ? [] : ['qemu-user']),
    ...(existsSync(`${libraries}/lib/libc.so.6`) ? [] : ['libc6-arm64-cross']),
    ...(existsSync(`${libraries}/lib/libstdc++.so.6`) ? [] : ['libstdc++6-arm64-cross']),
  ]
  if (missing.length > 0) {
    console.error(`test-runtimes: apt-get install ${missing.join(' ')}`)
    process.exit(2)
  }
  const node = nodeBinary('22', 'arm64')
  const folder = `${root}.nodes/22-arm64`
  const start = `${folder}/node`
  const preload = `${folder}/exec-path.mjs`
  const line = `exec ${qemu} -L ${libraries} '${node}' "$@"`
  writeFileSync(start, `#!/bin/sh\n${line}\n`, { mode: 0o755 })
  writeFileSync(preload, `process.execPath = ${JSON.stringify(start)}\n`)
  return {
    command: [process.execPath, runner],
    env: { NODE_OPTIONS: `--import ${pathToFileURL(preload)}`, PREBUILDS_ONLY: '1' },
    files: [...core, 'test/behaviour/faults/accesses.test.ts', 'test/package/prebuilds.test.ts'],
    differs: ofQemu,
  }
}

/** @type {Runtime['differs'][number]} */
const emptyPath = [
  /arguments\.test\.ts: .* an empty path/,
  'an error of open() quotes no empty path',
]

/** @type {Runtime['differs']} */
const ofBun = [
  emptyPath,
  [
    /leaves nothing after 1,000 cycles|is an integer from 0 to/,
    'unmapped memory goes back to the kernel only when the collector runs',
  ],
]

/**
 * @param {'x64' | 'arm64'} arch
 * @returns {Runtime}
 */
function onMusl(arch) {
  const { start, env } = muslBun(arch)
  const binding = { NAPI_RS_NATIVE_LIBRARY_PATH: rolldownBinding(arch, 'musl') }
  return {
    command: [start, '--bun', runner],
    env: { PREBUILDS_ONLY: '1', ...binding, ...env },
    files: [...core, 'test/behaviour/faults/accesses.test.ts'],
    differs: [
      ...ofBun,
      [/accesses\.test\.ts: .* TypedArray\.sort/, 'a sort of equal bytes stores nothing in Bun'],
      ...(arch === 'arm64' ? ofQemu : []),
    ],
  }
}

/**
 * Node on a kernel for arm64, all of it on qemu's processor; see kernels.js.
 * @param {string} kib
 * @returns {Runtime}
 */
function onKernel(kib) {
  const options = ['--configLoader=runner'] // the other one writes next to the configuration
  return {
    command: [process.execPath, `${root}scripts/kernels.js`, kib, runner, ...options],
    files: [...core, 'test/behaviour/faults/accesses.test.ts'],
    differs: [
      [
        /mremap\.test\.ts: .*more than the system has|limits\.test\.ts: .* 140737488355328 anonymous/,
        'there are addresses for 2 ** 47 bytes, the most that x64 has',
      ],
      [/anonymous memory willneed|WILLNEED keeps every byte/, 'the kernel is built without swap'],
    ],
    seconds: 3600, // every instruction is emulated, the kernel's too
  }
}

/** @type {Record<string, () => Runtime>} */
const runtimes = {
  bun: () => ({
    command: [bunBinary(), '--bun', runner],
    files: core,
    differs: ofBun,
  }),
  deno: () => ({
    command: [denoBinary(), 'run', '--allow-all', runner],
    files: core,
    differs: [
      emptyPath,
      [
        /posix\/\S+: (mremap ('a memfd'|leaves no)|memfdCreate|shmOpen)|shared-memory\/create\.test\.ts/,
        'node:fs takes no descriptor that it did not open itself',
      ],
      [
        /map\.test\.ts: size (beyond RLIMIT|on a full disk)/,
        "the test starts it with Node's options",
      ],
    ],
  }),
  arm64: underQemu,
  musl: () => onMusl('x64'),
  'musl-arm64': () => onMusl('arm64'),
  ...Object.fromEntries(pageSizes.map((kib) => [`kernel-${kib}`, () => onKernel(kib)])),
}
const usual = Object.keys(runtimes).filter((name) => !name.startsWith('kernel-'))

/**
 * @param {string} name
 * @param {Runtime} runtime
 */
function test(name, { command, env = {}, files, differs, seconds: limit = 240 }) {
  const [program = '', ...args] = command
  const report = `${reports}/report-${name}.json`
  mkdirSync(reports, { recursive: true })
  rmSync(report, { force: true })
  const start = performance.now()
  // The second shows how far a runtime has come that takes hours; see kernels.js.
  const reporters = ['--reporter=json', '--reporter=verbose', `--outputFile.json=${report}`]
  const { status, signal, stderr } = spawnSync(
    program,
    [
      ...args,
      'run',
      `--testTimeout=${limit * 1000}`,
      ...reporters,
      ...(wanted.length > 0 ? wanted : files),
    ],
    {
      cwd: root,
      env: {
        ...process.env,
        NO_COLOR: '1',
        POSIX_MMAP_TEST_QUICK: '1',
        POSIX_MMAP_TEST_SECONDS: `${limit}`,
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  if (!existsSync(report)) {
    console.log(`FAILED  ${name}: ended with ${signal ?? status}\n${stderr}`)
    return false
  }
  const { numPassedTests, numPendingTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  /** @type {string[]} */
  const failures = testResults.flatMap(failuresOf)
  const reasons = failures.map((failure) => differs.find(([test]) => test.test(failure))?.[1])
  const unexpected = failures.filter((_, index) => reasons[index] === undefined)
  const passed = numPassedTests > 0 && unexpected.length === 0
  const known = failures.length - unexpected.length
  const counts = `${numPassedTests} passed, ${known} differ, ${numPendingTests} skipped`
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name}: ${counts} (${seconds} s)`)
  for (const [, reason] of differs) {
    const count = reasons.filter((given) => given === reason).length
    if (count > 0) console.log(`        ${count} differ: ${reason}`)
  }
  for (const failure of unexpected) console.log(`        FAILED ${failure}`)
  return passed
}

/**
 * @param {{ name: string, message: string, assertionResults: Array<{
 *   fullName: string, status: string, failureMessages: string[] }> }} file
 */
function failuresOf({ name, message, assertionResults }) {
  const file = relative(root, name)
  const failed = assertionResults.filter(({ status }) => status === 'failed')
  if (failed.length === 0 && message) return [`${file}: ${message.split('\n', 1)[0]}`]
  return failed.map(({ fullName, failureMessages: [why = ''] }) => {
    return `${file}: ${fullName}: ${why.split('\n', 1)[0]}`
  })
}

const words = process.argv.slice(2)
const wanted = words.filter((word) => !(word in runtimes))
const names = words.filter((word) => word in runtimes)
const results = (names.length > 0 ? names : usual).map((name) => {
  const runtime = runtimes[name]
  return runtime !== undefined && test(name, runtime())
})
process.exit(results.every(Boolean) ? 0 : 1)
