// What the terminal at the other end of a stream can show.

import { escaped, shortened } from './text.js'

export interface Look {
  /** How many columns a line may take. */
  columns: number
  /** Whether a line may be longer, for programs that read it. */
  wholeLines: boolean
  unicode: boolean
  colour: boolean
}

function localeIsUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}

/** COLUMNS in the environment, as ls(1) and others heed it. */
function wantedColumns(): number | undefined {
  const text = process.env['COLUMNS'] ?? ''
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined
}

/** Plain text in whole lines for anything that is not a terminal. */
export function lookOf(stream: NodeJS.WriteStream): Look {
  const columns = wantedColumns()
  if (!stream.isTTY) {
    return { columns: columns ?? 80, wholeLines: true, unicode: false, colour: false }
  }
  return {
    columns: columns ?? (stream.columns || 80),
    wholeLines: false,
    unicode: localeIsUtf8() && process.env['TERM'] !== 'dumb',
    // hasColors() heeds NO_COLOR and TERM.
    colour: stream.hasColors(),
  }
}

/** A text in one line: cut in its middle if it takes more than `columns`. */
export function cut(text: string, columns: number, look: Look): string {
  return shortened(text, columns, look.unicode ? '…' : '...')
}

/** The same of a name, which is whole where lines may be longer. */
export function cutName(name: string, columns: number, look: Look): string {
  return look.wholeLines ? escaped(name) : cut(escaped(name), columns, look)
}

export type Paint = (text: string) => string

function sgr(on: number, off: number): (look: Look) => Paint {
  return ({ colour }) =>
    (text) =>
      colour && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text
}

export const green = sgr(32, 39)
export const dim = sgr(2, 22)
export const bold = sgr(1, 22)
