// Prints how much of src/ all tests run, in child processes too, and how much of native/posix its own
// tests run: node scripts/coverage.js [ts|cc] [test files]. A process that a signal ends leaves no
// figures.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const native = `${root}test/native`
const modules = `${root}node_modules`
const [language, ...files] = process.argv.slice(2)

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (error !== undefined) console.error(`coverage: ${command}: ${error.message}`)
  return status ?? 1
}

function ofTypeScript() {
  // Compiled without rolldown: c8 cannot map a file that rolldown has bundled back to its sources.
  const emit = ['--emitDeclarationOnly', 'false', '--sourceMap']
  const tsc = [`${modules}/typescript/bin/tsc`, '-p', 'tsconfig.build.json', ...emit]
  // The test of the installed package runs the code of the tarball, which has no maps to count with.
  const others = ['--exclude', 'test/package/installed.test.ts']
  const tests = [`${modules}/vitest/vitest.mjs`, 'run', ...others, ...files]
  // Some tests start programs as the user nobody, who must be able to write figures here too.
  rmSync(`${root}coverage`, { recursive: true, force: true })
  mkdirSync(`${root}coverage/tmp`, { recursive: true })
  chmodSync(`${root}coverage/tmp`, 0o777)
  const filter = [
    '--no-clean',
    '--all',
    '--src',
    'src',
    '--include',
    'src/**',
    '--exclude-after-remap',
  ]
  // dist/ is run and src/ is counted, by the maps between them. The last step builds dist/ again
  // without those maps, which are not published.
  const failed =
    run(process.execPath, tsc) ||
    run(process.execPath, [`${modules}/c8/bin/c8.js`, ...filter, process.execPath, ...tests])
  return run('npm', ['run', '--silent', 'build:ts']) || failed
}

function ofCpp() {
  const build = `${native}/build/coverage`
  rmSync(build, { recursive: true, force: true })
  mkdirSync(build, { recursive: true })
  const failed = run('make', ['-s', '-j2', 'VARIANT=coverage'], native) || run(`${build}/tests`, [])
  const notes = readdirSync(`${build}/posix`, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.gcno'),
  )
  const gcov = ['--no-output', ...notes.map((name) => `build/coverage/posix/${name}`)]
  const { stdout } = spawnSync('gcov', gcov, { cwd: native, encoding: 'utf8' })
  let [covered, lines] = [0, 0]
  for (const [, name, share, count] of stdout.matchAll(
    /File '.*native\/posix\/(\S+\.cc)'\nLines executed:([\d.]+)% of (\d+)/g,
  )) {
    console.log(
      `${`${share}`.padStart(6)} % of ${`${count}`.padStart(4)} lines  native/posix/${name}`,
    )
    covered += (Number(share) / 100) * Number(count)
    lines += Number(count)
  }
  console.log(`native/posix: ${((100 * covered) / lines).toFixed(1)} % of ${lines} lines`)
  return failed || (lines > 0 ? 0 : 1)
}

const results = [language === 'cc' ? 0 : ofTypeScript(), language === 'ts' ? 0 : ofCpp()]
process.exit(results.some((status) => status !== 0) ? 1 : 0)
