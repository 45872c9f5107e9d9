// Debian's packages for arm64, unpacked into a folder on a machine of another kind.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'

/**
 * Fetches packages with a state of apt of its own, so that the machine's apt does not have to know
 * that processor.
 * @param {string} folder
 * @param {string[]} packages
 */
export function unpackForeign(folder, packages) {
  const apt = `${folder}/apt`
  for (const name of ['state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(`${apt}/${name}`, { recursive: true })
  }
  writeFileSync(`${apt}/state/status`, '')
  const options = [
    ...['APT::Architecture=arm64', 'APT::Architectures::=arm64', 'APT::Sandbox::User=root'],
    ...[
      `Dir::State=${apt}/state`,
      `Dir::State::status=${apt}/state/status`,
      `Dir::Cache=${apt}/cache`,
    ],
  ].flatMap((option) => ['-o', option])
  for (const args of [['update'], ['download', ...packages]]) {
    execFileSync('apt-get', ['-qq', ...options, ...args], { cwd: apt, stdio: 'inherit' })
  }
  for (const archive of readdirSync(apt).filter((name) => name.endsWith('.deb'))) {
    execFileSync('dpkg-deb', ['--extract', `${apt}/${archive}`, folder])
  }
}
