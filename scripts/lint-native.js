// Runs clang-format and clang-tidy over native/. `--fix` lets clang-format rewrite the files;
// clang-tidy only reports.
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'

const version = 19
const files = execFileSync('git', ['ls-files', 'native', 'test/native'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => /\.(cc|h)$/.test(file))

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { error, status } = spawnSync(command, args, { stdio: 'inherit' })
  if (error !== undefined) console.error(`cannot run ${command}: ${error.message}`)
  if (error !== undefined || status !== 0) process.exit(1)
}

/**
 * Runs a command, and prints its output only if it fails.
 * @param {string} command
 * @param {string[]} args
 */
function check(command, args) {
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout) => {
      if (error !== null) {
        console.error(stdout || error.message)
        process.exitCode = 1
      }
      resolve(undefined)
    })
  })
}

/**
 * @param {string[]} items
 * @param {(item: string) => Promise<unknown>} task
 */
async function inParallel(items, task) {
  const queue = items.values()
  const worker = async () => {
    for (const item of queue) await task(item)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
}

if (process.argv.includes('--fix')) {
  run(`clang-format-${version}`, ['-i', ...files])
} else {
  run(`clang-format-${version}`, ['--dry-run', '--Werror', ...files])
  const { include_dir: addonApi } = createRequire(import.meta.url)('node-addon-api')
  const headers = resolve(process.execPath, '../../include/node')
  if (!existsSync(headers)) {
    console.error(`clang-tidy needs Node's headers, which are not in ${headers}`)
    process.exit(1)
  }
  const sources = files.filter((file) => /^native\/.*\.cc$/.test(file))
  const include = ['-Inative', '-isystem', addonApi.replaceAll('"', ''), '-isystem', headers]
  /** @param {string} file */
  const tidy = (file) => ['--quiet', file, '--', '-std=c++20', '-fno-exceptions', ...include]
  await inParallel(sources, (file) => check(`clang-tidy-${version}`, tidy(file)))
}
