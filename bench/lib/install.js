// @ts-check
// Installs the dependencies of this folder, which the package itself does not have.

import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../', import.meta.url))

/** @param {string} file */
const changed = (file) => statSync(`${folder}${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0

/**
 * Runs `npm ci` if the dependencies are missing or older than the lock file. npm leaves out a peer
 * that cannot be built.
 */
export function installDependencies() {
  if (changed('node_modules/.package-lock.json') >= changed('package-lock.json')) return
  console.log('npm ci in bench/ …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`npm ci in bench/ ended with ${status}`)
}
