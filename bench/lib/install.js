// @ts-check
// The dependencies of this folder, which the package itself does not have.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../', import.meta.url))

/** Installs them when they are missing. A peer that cannot be built is left out by npm. */
export function installDependencies() {
  if (existsSync(`${folder}node_modules`)) return
  console.log('npm ci in bench/ …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`npm ci in bench/ ended with ${status}`)
}
