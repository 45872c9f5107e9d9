// Measures, shortens and pads text by the columns that it takes on a terminal.

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
const wide =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u

function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment)
}

function widthOf(grapheme: string): number {
  return wide.test(grapheme) ? 2 : 1
}

/** How many columns a text takes. */
export function columnsOf(text: string): number {
  return graphemes(text).reduce((sum, grapheme) => sum + widthOf(grapheme), 0)
}

/**
 * A name with '?' for each character that would move the cursor, change colours or reverse the
 * direction of writing: the name of somebody else's file could otherwise forge what the terminal
 * shows.
 */
export function harmless(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
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
  return text + ' '.repeat(Math.max(columns - columnsOf(text), 0))
}
