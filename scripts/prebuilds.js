// Makes the binaries that are published, prebuilds/linux-x64 and prebuilds/linux-arm64, with the
// compilers of Debian 12: node scripts/prebuilds.js [--check] [x64] [arm64]
// Each is built from a copy of the sources, so that build/ is left alone. `--check` builds them and
// compares them with the committed ones.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeDirectory } from './node-headers.js'

const toolchains = {
  x64: { prefix: 'x86_64-linux-gnu', package: 'g++-x86-64-linux-gnu' },
  arm64: { prefix: 'aarch64-linux-gnu', package: 'g++-aarch64-linux-gnu' },
}
/** @typedef {keyof typeof toolchains} Architecture */

const root = fileURLToPath(new URL('..', import.meta.url))
const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js')
// Below node_modules, where binding.gyp finds node-addon-api and git ignores everything.
const scratch = `${root}node_modules/.cache/posix-mmap`

/** @param {Architecture} arch */
function fileOf(arch) {
  return `prebuilds/linux-${arch}/posix-mmap.node`
}

/** @param {Architecture} arch */
async function prebuild(arch) {
  const copy = `${scratch}/prebuild-${arch}`
  rmSync(copy, { recursive: true, force: true })
  for (const part of ['binding.gyp', 'native', 'package.json', 'scripts/source-digest.js']) {
    mkdirSync(dirname(`${copy}/${part}`), { recursive: true })
    cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true })
  }
  const { prefix } = toolchains[arch]
  const target = ['--arch', arch, '--target', process.versions.node]
  const strip = ['--strip', '--strip-bin', `${prefix}-strip`]
  const child = spawn(process.execPath, [prebuildify, '--napi', ...target, ...strip], {
    cwd: copy,
    env: {
      ...process.env,
      AR: `${prefix}-ar`,
      CC: `${prefix}-gcc`,
      CXX: `${prefix}-g++`,
      JOBS: `${availableParallelism()}`,
      ...(nodeDirectory === undefined ? {} : { npm_config_nodedir: nodeDirectory }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (text) => (output += text))
  child.stderr.on('data', (text) => (output += text))
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) {
    console.error(output)
    throw new Error(`prebuildify for ${arch} ended with ${status}`)
  }
  return `${copy}/${fileOf(arch)}`
}

const words = process.argv.slice(2)
const check = words.includes('--check')
const all = /** @type {Architecture[]} */ (Object.keys(toolchains))
const wanted = all.filter((arch) => words.includes(arch))
const missing = (wanted.length === 0 ? all : wanted)
  .map((arch) => toolchains[arch])
  .filter(({ prefix }) => spawnSync(`${prefix}-g++`, ['--version']).status !== 0)
if (missing.length > 0) {
  const install = ['install', '-y', '-qq', ...missing.map((toolchain) => toolchain.package)]
  console.error(`prebuilds: compilers are missing: apt-get ${install.join(' ')}`)
  if (process.getuid?.() !== 0) process.exit(2)
  for (const args of [['update', '-qq'], install]) {
    if (spawnSync('apt-get', args, { stdio: 'inherit' }).status !== 0) process.exit(2)
  }
}
for (const arch of wanted.length === 0 ? all : wanted) {
  const built = await prebuild(arch)
  const file = fileOf(arch)
  const content = readFileSync(built)
  if (!check) {
    mkdirSync(dirname(`${root}${file}`), { recursive: true })
    cpSync(built, `${root}${file}`)
  } else if (!existsSync(`${root}${file}`) || !readFileSync(`${root}${file}`).equals(content)) {
    console.error(`${file} differs from what native/ compiles to: run \`npm run prebuilds\``)
    process.exitCode = 1
    continue
  }
  console.log(`${file}: ${content.length} bytes${check ? ', reproduced' : ''}`)
}
