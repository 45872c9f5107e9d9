// Numbers for people.

const prefixes = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const

/** The number that stands before a unit, with one decimal where it is short and has any. */
function scaled(bytes: number): [text: string, prefix: string] {
  let value = bytes
  let power = 0
  // 1023.5 would be shown as 1024.
  while (value >= 1023.5 && power < prefixes.length - 1) {
    value /= 1024
    power++
  }
  // And 99.95 as 100.0.
  const text = value.toFixed(Number.isInteger(value) || value >= 99.95 ? 0 : 1)
  return [text, prefixes[power] ?? '']
}

/** As `7.9 MiB`. */
export function byteSize(bytes: number): string {
  const [text, prefix] = scaled(bytes)
  return `${text} ${prefix === '' ? 'B' : `${prefix}iB`}`
}

/** The same for a column of a table, as `7.9M`; at most five characters. */
export function shortByteSize(bytes: number): string {
  return scaled(bytes).join('')
}

/** As `25%`; 0 and 100 only for none and all. */
export function percentage(part: number, whole: number): string {
  if (part >= whole) return '100%'
  const rounded = Math.round((part / whole) * 100)
  return `${part === 0 ? 0 : Math.min(Math.max(rounded, 1), 99)}%`
}

/** As `1 file` and `2,000 files`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}
