// Uses the packed package with tools that load, test or bundle programs, each in a new folder and
// with the newest version of the tool: README.md has the results.
//   node scripts/test-tools.js [NAME…]
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { majors, nodeBinary } from './fetch-nodes.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'posix-mmap-tools-'))

/** What every program does: maps, loses pages, looks, shares memory with a child, and unmaps. */
const body = `
const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'posix-mmap-job-')), 'file')
fs.writeFileSync(file, Buffer.alloc(2 * pageSize, 7))
const mapping = mapFile(file)
const bytes = mapping.bytes()
const before = bytes[pageSize]
fs.truncateSync(file, 0)
const after = bytes[pageSize]
let code = 'none'
try { mapping.read(0, 1) } catch (error) { code = error.code }
const kind = mapping.fault.kind
mapping.unmap()
const shared = SharedMemory.create(pageSize)
shared.write(0, 'shared')
const text = SharedMemory.open(shared.fd).text(0, 6)
const seen = [before, after, code, kind, bytes.length, text].join(' ')
fs.rmSync(path.dirname(file), { recursive: true })
`
const right = '7 0 ERR_MAPPING_FAULT truncated 0 shared'
const names = '{ mapFile, pageSize, SharedMemory }'
const imports = `import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import ${names} from 'posix-mmap'
`
const requires = `const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const ${names} = require('posix-mmap')
`
const program = `${imports}${body}console.log(seen)\n`
const typed = program
  .replace('let code', 'let code: string')
  .replace('(error)', '(error: any)')
  .replace('fault.kind', 'fault!.kind')
const yarn = 'node_modules/@yarnpkg/cli-dist/bin/yarn.js'
const jestTest = (/** @type {string} */ load) =>
  `${load}test('works', () => {${body}expect(seen).toBe('${right}')\n})\n`
const vitestTest = `import { expect, test } from 'vitest'\n${jestTest(imports)}`

/**
 * One use of a tool. `node` is a major version, the oldest if there is none; `run` are commands of
 * which the last one has to print `prints`, and has to fail if that is an error; null for either.
 * @typedef {{ install: string[], files: Record<string, string>, node?: string, run: string[][],
 *   prints: RegExp, fails?: boolean | null, bare?: boolean }} Case
 */

const correct = new RegExp(right)
const newest = majors.at(-1) ?? ''
const noBinding = /ERR_NO_BINDING|A bundler must leave posix-mmap out/
const jest = (/** @type {string} */ file, /** @type {string} */ content) => ({
  install: ['jest'],
  files: { [file]: content },
  run: [
    ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--testMatch', `**/${file}`],
  ],
  prints: /1 passed, 1 total/,
})
const vitest = (/** @type {string} */ pool) => ({
  install: ['vitest'],
  files: { 'job.test.mjs': vitestTest },
  run: [['node_modules/vitest/vitest.mjs', 'run', `--pool=${pool}`]],
  prints: /1 passed \(1\)/,
})

const esbuildScript = `import { build } from 'esbuild'
const external = process.argv[2] === 'inside' ? [] : ['posix-mmap']
await build({ entryPoints: ['job.mjs'], bundle: true, platform: 'node', format: 'esm', external, outfile: 'out/job.mjs' })
`
const rollupConfig = `import commonjs from '@rollup/plugin-commonjs'
import resolve from '@rollup/plugin-node-resolve'
export default {
  input: 'job.mjs',
  external: [/^node:/, ...(process.env.INSIDE ? [] : ['posix-mmap'])],
  plugins: [resolve({ preferBuiltins: true }), commonjs()],
  output: { file: 'out/job.mjs', format: 'es' },
}
`
const webpackConfig = `module.exports = {
  mode: 'production', target: 'node', entry: './job.mjs', devtool: false,
  output: { path: __dirname + '/out', filename: 'job.cjs' },
  module: { rules: [{ test: /\\.node$/, loader: 'node-loader' }] },
}
`
const viteConfig = `export default { build: { ssr: 'job.mjs', outDir: 'out' } }\n`

/** @type {Record<string, Case>} */
const cases = {
  'Jest, a CommonJS test, Node 26': { ...jest('job.test.js', jestTest(requires)), node: newest },
  'Jest, an ES module': jest('job.test.mjs', jestTest(imports)),
  'Jest, a CommonJS test, without the option': {
    ...jest('job.test.js', jestTest(requires)),
    run: [['node_modules/jest/bin/jest.js']],
    prints: /Must use import to load ES Module: .*posix-mmap/,
    fails: true,
  },
  'Vitest, forks': vitest('forks'),
  'Vitest, threads': vitest('threads'),
  'Vitest, vmThreads': vitest('vmThreads'),
  'node:test': {
    install: [],
    files: {
      'job.test.mjs': `import { test } from 'node:test'\nimport assert from 'node:assert'\n${imports}test('works', () => {${body}assert.equal(seen, '${right}')\n})\n`,
    },
    run: [['--test', 'job.test.mjs']],
    prints: /# pass 1/,
  },
  tsx: {
    install: ['tsx'],
    files: {
      'job.ts': typed,
    },
    run: [['node_modules/tsx/dist/cli.mjs', 'job.ts']],
    prints: correct,
  },
  pnpm: {
    install: ['pnpm'],
    bare: true,
    node: newest,
    files: { 'app/job.mjs': program, 'app/package.json': '{ "private": true }' },
    run: [['node_modules/pnpm/bin/pnpm.mjs', '--dir', 'app', 'add', '{tarball}'], ['app/job.mjs']],
    prints: correct,
  },
  'Yarn, Plug and Play': {
    install: ['@yarnpkg/cli-dist'],
    bare: true,
    node: newest,
    files: {
      'app/job.mjs': program,
      'app/package.json': '{ "private": true, "name": "app" }',
      'app/yarn.lock': '',
      'app/.yarnrc.yml': 'nodeLinker: pnp\nenableTelemetry: false\nenableGlobalCache: false\n',
    },
    run: [
      [yarn, '--cwd', 'app', 'add', 'posix-mmap@file:{tarball}'],
      [yarn, '--cwd', 'app', 'node', 'job.mjs'],
    ],
    prints: correct,
  },
  'ts-node, to CommonJS': {
    install: ['ts-node', 'typescript@5', '@types/node@20'],
    files: {
      'job.ts': typed,
      'tsconfig.json':
        '{ "compilerOptions": { "module": "node20", "target": "es2022", "strict": true, "skipLibCheck": true } }',
    },
    run: [['node_modules/ts-node/dist/bin.js', 'job.ts']],
    prints: correct,
  },
  pm2: {
    install: ['pm2'],
    files: { 'job.mjs': program },
    run: [['node_modules/pm2/bin/pm2-runtime', 'start', 'job.mjs', '--no-autorestart', '--raw']],
    prints: correct,
    fails: null, // pm2-runtime ends with 0 or 2 when its last program has ended
  },
  'esbuild, external': {
    install: ['esbuild'],
    files: { 'job.mjs': program, 'build.mjs': esbuildScript },
    run: [['build.mjs'], ['out/job.mjs']],
    prints: correct,
  },
  'esbuild, bundled: the error says what to do': {
    install: ['esbuild'],
    files: { 'job.mjs': program, 'build.mjs': esbuildScript },
    run: [['build.mjs', 'inside'], ['out/job.mjs']],
    prints: noBinding,
    fails: true,
  },
  'rollup, external': {
    install: ['rollup', '@rollup/plugin-commonjs', '@rollup/plugin-node-resolve'],
    files: { 'job.mjs': program, 'rollup.config.mjs': rollupConfig },
    run: [['node_modules/rollup/dist/bin/rollup', '-c'], ['out/job.mjs']],
    prints: correct,
  },
  'rollup, bundled: the error says what to do': {
    install: ['rollup', '@rollup/plugin-commonjs', '@rollup/plugin-node-resolve'],
    files: { 'job.mjs': program, 'rollup.config.mjs': rollupConfig },
    run: [
      ['node_modules/rollup/dist/bin/rollup', '-c', '--environment', 'INSIDE'],
      ['out/job.mjs'],
    ],
    prints: noBinding,
    fails: true,
  },
  'vite build --ssr': {
    install: ['vite'],
    files: { 'job.mjs': program, 'vite.config.mjs': viteConfig },
    run: [['node_modules/vite/bin/vite.js', 'build'], ['out/job.mjs']],
    prints: correct,
  },
  webpack: {
    install: ['webpack', 'webpack-cli', 'node-loader'],
    files: { 'job.mjs': program, 'webpack.config.cjs': webpackConfig },
    run: [['node_modules/webpack-cli/bin/cli.js'], ['out/job.cjs']],
    prints: correct,
  },
}

const npm = (/** @type {string} */ cwd, /** @type {string[]} */ ...args) =>
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--silent'], { cwd, encoding: 'utf8' })

/** Folders in which a list of tools is installed, by that list: cases with the same tools share one. */
const installed = new Map()

/**
 * @param {string} tarball
 * @param {Case} each
 */
function folderFor(tarball, { install, bare = false }) {
  const packages = [...(bare ? [] : [tarball]), ...install]
  const key = packages.join()
  if (!installed.has(key)) {
    const folder = mkdtempSync(join(scratch, 'app-'))
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "name": "app" }\n')
    npm(folder, 'install', ...packages)
    installed.set(key, folder)
  }
  return installed.get(key)
}

/**
 * @param {string} name
 * @param {string} tarball
 */
function test(name, tarball) {
  const each = /** @type {Case} */ (cases[name])
  const start = performance.now()
  const folder = folderFor(tarball, each)
  rmSync(join(folder, 'out'), { recursive: true, force: true })
  for (const [file, content] of Object.entries(each.files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), content)
  }
  const node = nodeBinary(each.node ?? majors[0] ?? '')
  let output = ''
  let failed = false
  for (const command of each.run) {
    const args = command.map((word) => word.replace('{tarball}', tarball))
    const { status, stdout, stderr } = spawnSync(node, args, {
      cwd: folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        NO_COLOR: '1',
        CI: '1',
        HOME: scratch,
        PATH: `${dirname(node)}:${process.env['PATH']}`,
      },
    })
    output = stdout + stderr
    failed = status !== 0
    if (failed) break
  }
  for (const file of Object.keys(each.files)) rmSync(join(folder, file))
  const ended = each.fails === null || failed === (each.fails ?? false)
  const passed = each.prints.test(output) && ended
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  const tools = each.install.map((wanted) => {
    const tool = wanted.replace(/(?<=.)@.*/, '')
    const { version } = JSON.parse(
      readFileSync(join(folder, 'node_modules', tool, 'package.json'), 'utf8'),
    )
    return `${tool} ${version}`
  })
  console.log(`${passed ? 'passed' : 'FAILED'}  ${name} (${[...tools, `${seconds} s`].join(', ')})`)
  if (!passed) console.log(output.replaceAll(/^/gm, '        '))
  return passed
}

try {
  const args = ['pack', '--ignore-scripts', '--pack-destination', scratch]
  const tarball = join(scratch, npm(root, ...args).trim())
  const wanted = process.argv.slice(2)
  const chosen = Object.keys(cases).filter(
    (name) =>
      wanted.length === 0 || wanted.some((word) => name.toLowerCase().includes(word.toLowerCase())),
  )
  const results = chosen.map((name) => test(name, tarball))
  process.exitCode = results.length > 0 && results.every(Boolean) ? 0 : 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
