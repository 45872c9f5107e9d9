// Numbers as people read and write them.

import { UsageError } from './command.js'

const prefixes = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const

/** How many times a number is divided by 1024 before its unit; from 1023.5 on it would look like 1024. */
function powerOf(bytes: number): number {
  let power = 0
  for (let value = bytes; value >= 1023.5 && power < prefixes.length - 1; value /= 1024) power++
  return power
}

/** The number before a unit: with one decimal, unless it is whole or has three digits already. */
function scaled(bytes: number, power: number): string {
  const value = bytes / 1024 ** power
  // From 99.95 on, it would be 100.0, a character too many for the column.
  if (Number.isInteger(value) || value >= 99.95) return String(Math.round(value))
  // Not by toFixed(), which takes longer than finding out which pages of a small file are in memory.
  const tenths = Math.round(value * 10)
  return `${Math.floor(tenths / 10)}.${tenths % 10}`
}

/** Such as `7.9 MiB`. */
export function byteSize(bytes: number): string {
  const power = powerOf(bytes)
  return `${scaled(bytes, power)} ${power === 0 ? 'B' : `${prefixes[power]}iB`}`
}

/** The same for a column of a table, such as `7.9M`; at most five characters. */
export function shortByteSize(bytes: number): string {
  const power = powerOf(bytes)
  return scaled(bytes, power) + prefixes[power]
}

/**
 * Such as `25%`. `0%` and `100%` stand for exactly none and all: a small share must not look like
 * none.
 */
export function percentage(part: number, whole: number): string {
  if (part >= whole) return '100%'
  const rounded = Math.round((part / whole) * 100)
  return `${part === 0 ? 0 : Math.min(Math.max(rounded, 1), 99)}%`
}

/** Such as `2,000`. Not by toLocaleString(), which loads tables for longer than some commands take. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** Such as `1 file` and `2,000 files`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}

const size = /^(\d+|\d+\.\d*|\.\d+)(?: ?([kmgtpe])(i?b)?| ?b)?$/i

/**
 * A number of bytes, such as `5000`, `100M`, `1.5 GiB` or `64kB`: the units are powers of 1024, as the
 * program prints them, and those with a B and no i are powers of 1000, as in coreutils.
 *
 * @param what the option, for the error
 */
export function parseSize(text: string, what: string): number {
  const [, digits = '', prefix = '', rest = ''] = size.exec(text) ?? []
  const power = prefixes.indexOf(prefix.toUpperCase() as (typeof prefixes)[number])
  const bytes = Math.floor(Number(digits) * (/^b$/i.test(rest) ? 1000 : 1024) ** power)
  if (digits === '') {
    throw new UsageError(`${what} takes a size such as 5000, 100M or 1.5GiB, not '${text}'`)
  }
  if (Number.isSafeInteger(bytes)) return bytes
  throw new UsageError(`${what} takes at most 2**53 - 1 bytes, not '${text}'`)
}
