// Tests native/posix without Node: node scripts/test-native.js [plain|asan|tsan|all] [doctest
// options]
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const [wanted = 'plain', ...options] = process.argv.slice(2)
const all = ['plain', 'asan', 'tsan']
const variants = wanted === 'all' ? all : wanted.split(',')
const cwd = fileURLToPath(new URL('../test/native/', import.meta.url))

/**
 * @param {string} command
 * @param {string[]} parameters
 */
function run(command, ...parameters) {
  const { status, signal, error } = spawnSync(command, parameters, { cwd, stdio: 'inherit' })
  if (error) console.error(`${command}: ${error.message}`)
  if (signal) console.error(`${command}: ended by ${signal}`)
  return status ?? 1
}

/**
 * @param {string} command
 * @param {string} question
 */
function answer(command, question) {
  return spawnSync(command, [question], { encoding: 'utf8' }).stdout?.trim() ?? ''
}

function* missingPackages() {
  const headers = ['/usr/include', '/usr/local/include'].map((path) => `${path}/doctest/doctest.h`)
  if (!headers.some(existsSync)) yield 'doctest-dev'
  if (answer('make', '--version') === '') yield 'make'
  if (variants.includes('plain') && answer('g++', '--version') === '') yield 'g++'
  if (variants.every((variant) => variant === 'plain')) return
  if (answer('clang++-19', '--version') === '') yield 'clang-19'
  const resources = answer('clang++-19', '--print-resource-dir')
  if (!existsSync(`${resources}/lib/linux`)) yield 'libclang-rt-19-dev'
}

if (!variants.every((variant) => all.includes(variant))) {
  console.error(`test-native: '${wanted}' is not 'all' or a list of plain, asan, tsan with commas`)
  process.exit(2)
}
const missing = [...missingPackages()]
if (missing.length > 0) {
  console.error(`test-native: Debian packages are missing: apt-get install ${missing.join(' ')}`)
  process.exit(2)
}
let failure = 0
for (const variant of variants) {
  console.log(`native tests, ${variant}:`)
  const built = run('make', '-s', `-j${availableParallelism()}`, `VARIANT=${variant}`)
  const status = built || run(`build/${variant}/tests`, ...options)
  failure ||= status
}
process.exit(failure)
