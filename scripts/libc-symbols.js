// Lists the symbols that the addon may take from the C library of any machine: those that glibc
// 2.28 and musl both have, on x64 and on arm64. The addon names no version of a symbol, and glibc's
// loader then takes the oldest one; so symbols of which glibc had several versions by 2.28 are left
// out.
//   node scripts/libc-symbols.js            writes test/package/libc-symbols.txt
// Reads glibc from Debian's libc6 and libc6-arm64-cross (2.34 or younger, in which libpthread and
// libdl are parts of libc), and musl from Debian's musl.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const libraries = {
  glibc: ['/lib/x86_64-linux-gnu/libc.so.6', '/usr/aarch64-linux-gnu/lib/libc.so.6'],
  musl: ['/lib/ld-musl-x86_64.so.1'],
}
export const listFile = fileURLToPath(new URL('../test/package/libc-symbols.txt', import.meta.url))

/** Symbols whose versions all do what the addon needs: the oldest memcpy(3) is memmove(3). */
const harmless = new Set(['memcpy', 'clock_gettime'])

/**
 * The defined functions and variables: their versions by name.
 * @param {string} library
 */
function exported(library) {
  const options = ['--wide', '--dyn-syms', library]
  const output = execFileSync('readelf', options, { encoding: 'utf8', maxBuffer: 1 << 26 })
  /** @type {Map<string, string[]>} */
  const versions = new Map()
  for (const line of output.split('\n')) {
    const [, , , type = '', , , section, symbol = ''] = line.trim().split(/\s+/)
    if (section === 'UND' || !/^(FUNC|OBJECT|NOTYPE|IFUNC)$/.test(type)) continue
    const [name = '', version = ''] = symbol.split(/@+/)
    versions.set(name, [...(versions.get(name) ?? []), version])
  }
  return versions
}

/** @param {string} version */
function isOfFloor(version) {
  const [, major, minor] = /^GLIBC_(\d+)\.(\d+)/.exec(version) ?? []
  return major === '2' && Number(minor) <= 28
}

/** The names that both libraries have; undefined if one of the libraries is not installed. */
export function commonNames() {
  if (![...libraries.glibc, ...libraries.musl].every((file) => existsSync(file))) return undefined
  const glibc = libraries.glibc.map(exported)
  const musl = libraries.musl.map(exported)
  const names = [...(musl[0]?.keys() ?? [])].filter((name) => {
    // musl 1.2.4 has dropped the extra names for 64-bit offsets.
    if (/64(_r)?$/.test(name)) return false
    const isCommon = glibc.every((library) => {
      const old = (library.get(name) ?? []).filter(isOfFloor)
      return old.length === 1 || (old.length > 1 && harmless.has(name))
    })
    return isCommon && musl.every((library) => library.has(name))
  })
  return names.sort()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = commonNames()
  if (names === undefined) {
    console.error('libc-symbols: apt-get install musl libc6-arm64-cross')
    process.exit(2)
  }
  writeFileSync(listFile, `${names.join('\n')}\n`)
  console.log(`${names.length} names`)
}
