// What a binary asks of the machine that loads it, by readelf(1), which reads those of any
// architecture.

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
  /** Lines of the program headers, one a segment. */
  segments: string[]
  /** Lines of the dynamic section: `'(NEEDED) Shared library: [libc.so.6]'`. */
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

/** Whether version `a` is after `b`, both as `3.4.21`. */
function isLater(a: string, b: string): boolean {
  const parts = (version: string) => version.split('.').map(Number)
  const [left, right] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}

/** The symbols whose version is after those of `floor`, or of a family that it does not have. */
export function symbolsAbove(floor: Readonly<Record<string, string>>, elf: Elf): string[] {
  const above = elf.symbols.filter(({ version }) => {
    if (version === null) return false
    const [family = '', number = ''] = version.split('_')
    return floor[family] === undefined || isLater(number, floor[family])
  })
  return above.map(({ name, version }) => `${name}@${version}`)
}
