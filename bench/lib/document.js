// @ts-check
// Replaces the parts of docs/performance.md that a run writes: those between two comments with a name.

/**
 * @param {string} text
 * @param {string} name
 * @param {string} content
 */
export function fillIn(text, name, content) {
  const begin = `<!-- bench: ${name} -->`
  const end = `<!-- end: ${name} -->`
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`no ${begin} … ${end}`)
  return `${before}${begin}\n\n${content}\n\n${end}${after}`
}
