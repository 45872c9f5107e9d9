// Two kinds of bars: one shows how much of each part of a file is resident, the other how far a job
// has come.

import { dim, green, type Look } from './terminal.js'

const heights = ['▁', '▂', '▃', '▄', '▅', '▆', '▇']
const widths = ['▏', '▎', '▍', '▌', '▋', '▊', '▉']

interface Alphabet {
  none: string
  some: readonly string[]
  all: string
}

const unicode: Alphabet = { none: '·', some: heights, all: '█' }
const ascii: Alphabet = { none: '.', some: ['-', '+', '*'], all: '#' }

/**
 * The character for a share. Those for none and all stand for exactly 0 and 1: a file of which one
 * page is missing must not look complete.
 */
function cell(share: number, { none, some, all }: Alphabet): string {
  if (share <= 0) return none
  if (share >= 1) return all
  return some[Math.min(Math.floor(share * some.length), some.length - 1)] ?? all
}

/** A bar of `columns` characters, over which the shares, each from 0 to 1, are stretched. */
export function shareBar(shares: readonly number[], columns: number, look: Look): string {
  const alphabet = look.unicode ? unicode : ascii
  const count = shares.length
  const firstColumnOf = (part: number) => Math.ceil((part * columns) / count)
  let cells = ''
  for (let part = 0; part < count; part++) {
    const width = firstColumnOf(part + 1) - firstColumnOf(part)
    cells += cell(shares[part] ?? 0, alphabet).repeat(width)
  }
  if (!look.colour) return cells
  // A run of cells is coloured by one escape sequence; one for each cell would make the line ten
  // times as long.
  return cells.replace(/[^.·]+/g, green(look)).replace(/[.·]+/g, dim(look))
}

/** A bar of `columns` characters that is filled to `share`, from 0 to 1. */
export function progressBar(share: number, columns: number, look: Look): string {
  if (!look.unicode) {
    const inner = Math.max(columns - 2, 0)
    return `[${'#'.repeat(Math.floor(share * inner)).padEnd(inner)}]`
  }
  const eighths = Math.floor(share * columns * 8)
  const whole = '█'.repeat(Math.floor(eighths / 8))
  const done = whole + (widths[(eighths % 8) - 1] ?? '')
  return green(look)(done) + dim(look)('·'.repeat(columns - done.length))
}
