// Numbers as people read them.

const prefixes = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const

/** The number before a unit: with one decimal, unless it is whole or has three digits already. */
function scaled(bytes: number): [text: string, prefix: string] {
  let value = bytes
  let power = 0
  // From 1023.5 on, toFixed() would show 1024, which is 1.0 of the next unit.
  while (value >= 1023.5 && power < prefixes.length - 1) {
    value /= 1024
    power++
  }
  // From 99.95 on, toFixed(1) would show 100.0, a character too many for the column.
  const text = value.toFixed(Number.isInteger(value) || value >= 99.95 ? 0 : 1)
  return [text, prefixes[power] ?? '']
}

/** Such as `7.9 MiB`. */
export function byteSize(bytes: number): string {
  const [text, prefix] = scaled(bytes)
  return `${text} ${prefix === '' ? 'B' : `${prefix}iB`}`
}

/** The same for a column of a table, such as `7.9M`; at most five characters. */
export function shortByteSize(bytes: number): string {
  return scaled(bytes).join('')
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

/** Such as `1 file` and `2,000 files`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}
