// Reads with readelf(1), which knows every architecture, what a binary needs from the machine that
// loads it.

import { execFileSync } from 'node:child_process'

/** A symbol of the dynamic table. */
export interface DynamicSymbol {
  name: string
  /** `'GLIBC_2.17'`, or null. */
  version: string | null
  defined: boolean
  weak: boolean
}

export interface Elf {
  machine: string
  sections: string[]
  /** The lines of the program headers, one for each segment. */
  segments: string[]
  /** The lines of the dynamic section, such as `'(NEEDED) Shared library: [libc.so.6]'`. */
  dynamic: string[]
  needed: string[]
  symbols: DynamicSymbol[]
}

function readelf(option: string, file: string): string[] {
  const options = ['--wide', option, file]
  return execFileSync('readelf', options, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
    .split('\n')
    .map((line) => line.trim())
}

function parseSymbol(line: string): DynamicSymbol[] {
  const [, , , type, binding, , index, symbol] = line.split(/\s+/)
  if (!/^\d+:/.test(line) || symbol === undefined || type === 'SECTION') return []
  const [name = '', version = null] = symbol.split(/@+/)
  return [{ name, version, defined: index !== 'UND', weak: binding === 'WEAK' }]
}

export function readElf(file: string): Elf {
  const dynamic = readelf('--dynamic', file)
    .filter((line) => line.startsWith('0x'))
    .map((line) => line.replace(/^\S+\s+/, '').replaceAll(/\s+/g, ' '))
  return {
    machine: /Machine: +(.*)/.exec(readelf('--file-header', file).join('\n'))?.[1] ?? '',
    sections: readelf('--sections', file).flatMap((line) => /\] (\.\S+)/.exec(line)?.[1] ?? []),
    segments: readelf('--segments', file).filter((line) => /^[A-Z_]+ +0x/.test(line)),
    dynamic,
    needed: dynamic.flatMap((line) => /^\(NEEDED\).*\[(.*)\]/.exec(line)?.[1] ?? []),
    symbols: readelf('--dyn-syms', file).flatMap(parseSymbol),
  }
}
