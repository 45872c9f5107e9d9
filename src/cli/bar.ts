// Bars: of a file, as high at each place as it is resident there, and of progress.

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

/** None and all are never shown for a share that is only near to them. */
function cell(share: number, { none, some, all }: Alphabet): string {
  if (share <= 0) return none
  if (share >= 1) return all
  return some[Math.min(Math.floor(share * some.length), some.length - 1)] ?? all
}

/** Shares from 0 to 1, stretched over `columns`. */
export function shareBar(shares: readonly number[], columns: number, look: Look): string {
  const alphabet = look.unicode ? unicode : ascii
  const cells = Array.from({ length: columns }, (_, column) =>
    cell(shares[Math.floor((column * shares.length) / columns)] ?? 0, alphabet),
  )
  // One escape sequence a run of cells, not one a cell.
  return cells
    .join('')
    .replace(/[^.·]+/g, green(look))
    .replace(/[.·]+/g, dim(look))
}

/** How far something is, from 0 to 1, in `columns`. */
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
