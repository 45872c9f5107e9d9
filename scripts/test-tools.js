// Uses the packed package with tools that load, test or bundle programs, each in a new folder and
// with the newest version of the tool: README.md has the results.
//   node scripts/test-tools.js [NAME…]
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
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
 * which the last one has to print `prints`, and has to fail if that is an error; null for either. With
 * `away` that one runs with node_modules out of reach, as on the machine that a bundle is deployed to.
 * @typedef {{ install: string[], files: Record<string, string>, node?: string, run: string[][],
 *   prints: RegExp, env?: Record<string, string>, fails?: boolean | null, bare?: boolean,
 *   away?: boolean }} Case
 */

const correct = new RegExp(right)
const newest = majors.at(-1) ?? ''
const moved = /its code was put somewhere else .* A bundler must leave posix-mmap out/
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
await build({ entryPoints: ['job.mjs'], bundle: true, platform: 'node', format: process.argv[3] ?? 'esm', external, outfile: 'out/job.mjs' })
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
  module: { rules: process.env.LOADER ? [{ test: /\\.node$/, loader: 'node-loader' }] : [] },
}
`
const webpack = {
  install: ['webpack', 'webpack-cli', 'node-loader'],
  files: { 'job.mjs': program, 'webpack.config.cjs': webpackConfig },
  run: [['node_modules/webpack-cli/bin/cli.js'], ['out/job.cjs']],
  away: true,
}
const viteConfig = `export default { build: { ssr: 'job.mjs', outDir: 'out' } }\n`

const nextConfig = `export default {
  output: 'standalone',
  outputFileTracingRoot: import.meta.dirname,
  distDir: 'out',
  ...(process.env.INSIDE ? {} : { serverExternalPackages: ['posix-mmap'] }),
}
`
/** Serves a route and a page from a copy of what was built. */
const nextServe = `import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
const deployed = mkdtempSync(join(tmpdir(), 'posix-mmap-next-'))
cpSync('out/standalone', deployed, { recursive: true, verbatimSymlinks: true })
const files = readdirSync(deployed, { recursive: true })
console.log('binaries', files.filter((name) => /posix-mmap[^/]*\\.node$/.test(name)).length)
const free = createServer().listen(0, '127.0.0.1')
await once(free, 'listening')
const { port } = free.address()
free.close()
const env = { ...process.env, PORT: String(port), HOSTNAME: '127.0.0.1' }
const server = spawn(process.execPath, ['server.js'], { cwd: deployed, env, stdio: ['ignore', 'inherit', 'inherit'] })
try {
  const get = async (path, left = 100) => {
    try {
      return await (await fetch('http://127.0.0.1:' + port + path)).text()
    } catch (error) {
      if (left === 0) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
      return get(path, left - 1)
    }
  }
  console.log('route', await get('/route'))
  console.log('page', /<p>(.*?)<\\/p>/.exec(await get('/page'))?.[1])
} finally {
  server.kill()
  rmSync(deployed, { recursive: true })
}
`
const next = (/** @type {string} */ bundler, inside = false) => ({
  install: ['next', 'react', 'react-dom'],
  files: {
    'app/layout.js':
      'export default ({ children }) => <html lang="en"><body>{children}</body></html>\n',
    'app/route/route.js': `${imports}export const dynamic = 'force-dynamic'\nexport function GET() {${body}return new Response(seen)\n}\n`,
    'app/page/page.js': `${imports}export const dynamic = 'force-dynamic'\nexport default function Page() {${body}return <p>{seen}</p>\n}\n`,
    'next.config.mjs': nextConfig,
    'serve.mjs': nextServe,
  },
  env: { NEXT_TELEMETRY_DISABLED: '1', ...(inside ? { INSIDE: '1' } : {}) },
  run: [['node_modules/next/dist/bin/next', 'build', `--${bundler}`], ['serve.mjs']],
  away: true,
  prints: new RegExp(`binaries [24]\\n[^]*route ${right}\\n[^]*page ${right}\\n`),
})

const movedInNext =
  /its code was put somewhere else .* serverExternalPackages: \['posix-mmap'\] for Next\.js/

/** Makes a single executable of job.cjs, and runs it next to a node_modules that only the package is in. */
const seaMake = `import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
const [main, how] = process.argv.slice(2)
mkdirSync('out', { recursive: true })
const node = process.execPath
const blob = 'out/job.blob'
writeFileSync('out/sea.json', JSON.stringify({ main, output: how === 'built' ? 'out/job' : blob, disableExperimentalSEAWarning: true }))
if (how === 'built') execFileSync(node, ['--build-sea', 'out/sea.json'])
else {
  execFileSync(node, ['--experimental-sea-config', 'out/sea.json'])
  copyFileSync(node, 'out/job')
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'
  execFileSync(node, ['node_modules/postject/dist/cli.js', 'out/job', 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse])
}
chmodSync('out/job', 0o755)
for (const name of ['posix-mmap', 'node-gyp-build']) {
  cpSync('node_modules/' + name, 'out/node_modules/' + name, { recursive: true })
}
const { status } = spawnSync('out/job', { stdio: 'inherit' })
process.exitCode = status ?? 1
`
const sea = (/** @type {string} */ node, how = 'injected') => ({
  install: ['postject', 'esbuild'],
  files: {
    'job.cjs': `const { createRequire } = require('node:module')\n${requires.replace("require('posix-mmap')", "createRequire(process.execPath)('posix-mmap')")}${body}console.log(seen)\n`,
    'make.mjs': seaMake,
  },
  node,
  run: [['make.mjs', 'job.cjs', how]],
  prints: correct,
})

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
    away: true,
    prints: moved,
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
    away: true,
    prints: moved,
    fails: true,
  },
  'vite build --ssr': {
    install: ['vite'],
    files: { 'job.mjs': program, 'vite.config.mjs': viteConfig },
    run: [['node_modules/vite/bin/vite.js', 'build'], ['out/job.mjs']],
    prints: correct,
  },
  webpack: { ...webpack, prints: correct },
  'webpack, with node-loader: the error says what to do': {
    ...webpack,
    env: { LOADER: '1' },
    prints: moved,
    fails: true,
  },
  'Next.js standalone, Turbopack, external': next('turbopack'),
  'Next.js standalone, webpack, external': next('webpack'),
  'Next.js standalone, Turbopack, bundled: the error says what to do': {
    ...next('turbopack', true),
    prints: movedInNext,
  },
  'Next.js standalone, webpack, bundled: the error says what to do': {
    ...next('webpack', true),
    prints: movedInNext,
  },
  'a single executable, Node 20': sea('20'),
  'a single executable, Node 22': sea('22'),
  'a single executable, Node 24': sea('24'),
  'a single executable, Node 26, --build-sea': sea(newest, 'built'),
  'a single executable, bundled: the error says what to do': {
    ...sea(newest),
    files: { 'job.mjs': program, 'build.mjs': esbuildScript, 'make.mjs': seaMake },
    run: [
      ['build.mjs', 'inside', 'cjs'],
      ['make.mjs', 'out/job.mjs', 'injected'],
    ],
    prints: /single executable application: .*createRequire\(process\.execPath\)\('posix-mmap'\)/,
    fails: true,
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
  const modules = join(folder, 'node_modules')
  const hidden = join(folder, 'hidden')
  for (const command of each.run) {
    const isAway = each.away === true && command === each.run.at(-1)
    if (isAway) renameSync(modules, hidden)
    const args = command.map((word) => word.replace('{tarball}', tarball))
    const { status, stdout, stderr } = spawnSync(node, args, {
      cwd: folder,
      encoding: 'utf8',
      env: {
        ...process.env,
        NO_COLOR: '1',
        CI: '1',
        HOME: scratch,
        ...each.env,
        PATH: `${dirname(node)}:${process.env['PATH']}`,
      },
    })
    if (isAway) renameSync(hidden, modules)
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
