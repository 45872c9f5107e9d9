// Runs every check that must pass before a version is published, and stops at the first that fails.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** @type {Array<[string, ...string[]]>} */
const gates = [
  ['npm', 'run', 'build'],
  ['npm', 'run', 'lint'],
  ['npm', 'run', 'typecheck'],
  ['npm', 'run', 'api', '--', '--check'],
  ['npm', 'run', 'prebuilds', '--', '--check'],
  ['npm', 'run', 'test:native'],
  ['npm', 'run', 'test:sanitize'],
  ['npm', 'run', 'test:package'],
  ['npm', 'run', 'test:matrix'],
  ['npm', 'run', 'test:runtimes'],
  ['npm', 'run', 'coverage'],
  ['npm', 'run', 'sbom'],
]

/** @param {string} reason */
function stop(reason) {
  console.error(`release:check: ${reason}`)
  process.exit(1)
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const changelog = readFileSync('CHANGELOG.md', 'utf8')
if (!changelog.includes(`\n## [${version}] - `)) stop(`CHANGELOG.md has no date for ${version}`)
const changes = execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' })
if (changes !== '') stop(`there are uncommitted changes:\n${changes}`)

for (const gate of gates) {
  console.log(`\n== ${gate.join(' ')}`)
  const [command, ...args] = gate
  if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) stop(`${gate.join(' ')} failed`)
}
const audit = spawnSync('npm', ['audit', '--omit=dev'], { encoding: 'utf8' })
if (/audit endpoint returned an error/.test(audit.stderr)) {
  console.log('\nnot checked: this registry does not answer npm audit')
} else if (audit.status !== 0) {
  stop(`npm audit: ${audit.stdout}`)
}
if (!existsSync('sbom.cdx.json')) stop('npm sbom wrote nothing')
console.log(`\n${version} can be published: npm publish`)
