// Runs programs under musl, the C library of Alpine, on a Debian machine: npm has no Node for musl,
// but it has Bun for musl, and Debian packages musl itself. Bun needs libstdc++; Debian's works
// with musl and the few functions of musl-shim.c.
//   node scripts/musl.js [x64|arm64] FILE [ARG…]
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { muslBunBinary } from './fetch-nodes.js'
import { unpackForeign } from './foreign-packages.js'

const root = fileURLToPath(new URL('..', import.meta.url))

const machines = {
  x64: {
    compiler: 'x86_64-linux-gnu-gcc',
    shim: 'ld-linux-x86-64.so.2',
    libraries: ['/usr/lib/x86_64-linux-gnu/libstdc++.so.6', '/lib/x86_64-linux-gnu/libgcc_s.so.1'],
    packages: { '/lib/ld-musl-x86_64.so.1': 'musl' },
  },
  arm64: {
    compiler: 'aarch64-linux-gnu-gcc',
    shim: 'libM.so.6',
    libraries: [
      '/usr/aarch64-linux-gnu/lib/libstdc++.so.6',
      '/usr/aarch64-linux-gnu/lib/libgcc_s.so.1',
    ],
    packages: {
      '/usr/bin/qemu-aarch64': 'qemu-user',
      '/usr/aarch64-linux-gnu/lib/libstdc++.so.6': 'libstdc++6-arm64-cross',
    },
  },
}
/** @typedef {keyof typeof machines} Architecture */

/**
 * Installs Debian packages, or says which are missing and ends the process.
 * @param {string[]} packages
 */
function install(packages) {
  console.error(`musl: apt-get install ${packages.join(' ')}`)
  if (process.getuid?.() !== 0) process.exit(2)
  for (const args of [['update'], ['install', '-y', ...packages]]) {
    if (spawnSync('apt-get', ['-qq', ...args], { stdio: 'ignore' }).status !== 0) process.exit(2)
  }
}

/**
 * Prepares .nodes/musl-x64 or .nodes/musl-arm64, and returns the program that starts Bun for musl
 * and the variables that it needs in its environment.
 * @param {Architecture} arch
 */
export function muslBun(arch) {
  const { compiler, shim, libraries, packages } = machines[arch]
  const needed = Object.entries(packages).filter(([file]) => !existsSync(file))
  if (spawnSync(compiler, ['--version']).status !== 0) {
    needed.push([compiler, arch === 'x64' ? 'gcc-x86-64-linux-gnu' : 'gcc-aarch64-linux-gnu'])
  }
  if (needed.length > 0) install(needed.map(([, name]) => name))
  const folder = `${root}.nodes/musl-${arch}`
  const lib = `${folder}/libraries`
  const start = `${folder}/bun`
  const bun = muslBunBinary(arch)
  mkdirSync(lib, { recursive: true })
  for (const library of libraries) {
    const content = readFileSync(library)
    // musl loads the shim in place of a library that libstdc++ names. On x64 that is glibc's
    // loader. On arm64 libstdc++ names only libraries that musl has itself, so one of those names
    // is changed here.
    const name = arch === 'arm64' ? content.indexOf('\0libm.so.6\0') : -1
    if (name >= 0) content.write('M', name + '\0lib'.length)
    writeFileSync(`${lib}/${library.split('/').at(-1)}`, content)
  }
  const options = ['-shared', '-fPIC', '-nostdlib', '-O1', '-w']
  const source = `${root}scripts/musl-shim.c`
  execFileSync(compiler, [...options, '-o', `${lib}/${shim}`, source], { stdio: 'inherit' })
  let command = `LD_LIBRARY_PATH='${lib}' exec '${bun}'`
  if (arch === 'arm64') {
    if (!existsSync(`${folder}/lib/ld-musl-aarch64.so.1`)) unpackForeign(folder, ['musl'])
    command = `exec qemu-aarch64 -L '${folder}' -E 'LD_LIBRARY_PATH=${lib}' '${bun}'`
  }
  writeFileSync(start, `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 })
  if (arch === 'x64') return { start, env: {} }
  // Bun takes its own binary for its execPath, and the kernel cannot start that one without qemu.
  const preload = `${folder}/exec-path.mjs`
  writeFileSync(preload, `process.execPath = ${JSON.stringify(start)}\n`)
  return { start, env: { BUN_OPTIONS: `--preload ${preload}` } }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2)
  const arch = /** @type {Architecture} */ (
    words[0] !== undefined && words[0] in machines ? words.shift() : 'x64'
  )
  const { start, env } = muslBun(arch)
  const { status } = spawnSync(start, words, {
    stdio: 'inherit',
    env: { ...process.env, PREBUILDS_ONLY: '1', ...env },
  })
  process.exit(status ?? 1)
}
