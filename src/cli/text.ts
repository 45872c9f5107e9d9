// Makes text harmless to a terminal; measures, shortens and pads it by the columns that it takes there.

/** Printable ASCII that stands for itself: most names, which then need neither tables nor ICU. */
const plain = /^[ -[\]-~]*$/
/** What would move the cursor, change colours, hide or reverse the direction of writing. */
const control = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
const controlOrBackslash = /[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

const short: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  // A byte that is not UTF-8; see paths.ts.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
  const known = short[character]
  if (known !== undefined) return known
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  const hex = code.toString(16)
  return code > 0xffff ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`
}

/**
 * A name with escapes as in C for each character that is not printed, and for bytes that are not UTF-8:
 * the name of somebody else's file could otherwise forge what the terminal shows. A backslash is
 * doubled, so that two names never look the same.
 */
export function escaped(name: string): string {
  return plain.test(name) ? name : name.replace(controlOrBackslash, escapeOf)
}

/** The same for text in which names may be escaped already. */
export function harmless(text: string): string {
  return plain.test(text) ? text : text.replace(control, escapeOf)
}

/** What JSON.stringify() leaves of {@link control}. */
const controlInJson = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** JSON in one line, in which no character controls the terminal either. */
export function jsonText(value: object): string {
  return JSON.stringify(value).replace(controlInJson, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

/** Made when it is needed: this loads tables of ICU, for as long as the rest of the program takes to start. */
let segmenter: Intl.Segmenter | undefined
let wide: RegExp | undefined

function graphemes(text: string): string[] {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

function widthOf(grapheme: string): number {
  wide ??=
    /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u
  return wide.test(grapheme) ? 2 : 1
}

/** How many columns a text takes. */
export function columnsOf(text: string): number {
  if (plain.test(text)) return text.length
  return graphemes(text).reduce((sum, grapheme) => sum + widthOf(grapheme), 0)
}

/** The first graphemes, as many as fit in `columns`. */
function fitting(parts: readonly string[], columns: number): string[] {
  let used = 0
  const rest = parts.findIndex((part) => {
    used += widthOf(part)
    return used > columns
  })
  return rest === -1 ? [...parts] : parts.slice(0, rest)
}

/**
 * The text; if it takes more than `columns`, its beginning and its end with `ellipsis` between
 * them.
 */
export function shortened(text: string, columns: number, ellipsis: string): string {
  if (columnsOf(text) <= columns) return text
  const parts = graphemes(text)
  const room = Math.max(columns - columnsOf(ellipsis), 0)
  // The end of a path says more than its beginning.
  const tail = fitting(parts.toReversed(), Math.ceil(room * 0.6)).toReversed()
  const head = fitting(parts, room - columnsOf(tail.join('')))
  return [...head, ellipsis, ...tail].join('')
}

/** The text with spaces after it, up to `columns`. */
export function padded(text: string, columns: number): string {
  if (plain.test(text)) return text.padEnd(columns)
  return text + ' '.repeat(Math.max(columns - columnsOf(text), 0))
}
