// What the terminal at the other end of a stream can show.

export interface Look {
  /** How many columns a line may take. */
  columns: number
  unicode: boolean
  colour: boolean
}

function localeIsUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}

/** Plain text of 80 columns for anything that is not a terminal. */
export function lookOf(stream: NodeJS.WriteStream): Look {
  if (!stream.isTTY) return { columns: 80, unicode: false, colour: false }
  return {
    columns: stream.columns || 80,
    unicode: localeIsUtf8() && process.env['TERM'] !== 'dumb',
    // hasColors() heeds NO_COLOR and TERM.
    colour: stream.hasColors(),
  }
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
