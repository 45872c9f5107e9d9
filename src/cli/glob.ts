// Patterns for names of files, as in fnmatch(3) and the shell.

import { UsageError } from './command.js'

/** Whether a character, or a component of a path, fits one part of a pattern; null: any number of them fit. */
type Part = ((one: string) => boolean) | null

/**
 * Whether the list fits the parts in order. A star takes as few as it can, and only the last one is ever
 * asked to take more: so the time is at most that of every part with every element, where a regular
 * expression takes a time that grows exponentially with the stars.
 */
function fits(list: readonly string[], parts: readonly Part[]): boolean {
  let at = 0
  let part = 0
  let star = -1
  let taken = 0
  while (at < list.length) {
    const wanted = parts[part]
    if (wanted === null) {
      star = part++
      taken = at
    } else if (wanted?.(list[at] ?? '') === true) {
      at++
      part++
    } else if (star >= 0) {
      part = star + 1
      at = ++taken
    } else return false
  }
  return parts.slice(part).every((rest) => rest === null)
}

const classes: Readonly<Record<string, RegExp>> = {
  alnum: /[\p{L}\p{N}]/u,
  alpha: /\p{L}/u,
  blank: /[ \t]/,
  cntrl: /\p{Cc}/u,
  digit: /\d/,
  graph: /[^\s\p{C}]/u,
  lower: /\p{Ll}/u,
  print: /[^\p{C}]/u,
  punct: /[\p{P}\p{S}]/u,
  space: /\s/,
  upper: /\p{Lu}/u,
  xdigit: /[\da-f]/i,
}

/** A set such as `[a-z_]`, of which `text` is what stands between the brackets. */
function setOf(characters: readonly string[], pattern: string): (one: string) => boolean {
  const negated = characters[0] === '!' || characters[0] === '^'
  const list = characters.slice(negated ? 1 : 0)
  const tests: ((one: string) => boolean)[] = []
  for (let i = 0; i < list.length; i++) {
    const named = /^\[:(\w+):\]/.exec(list.slice(i, i + 12).join(''))
    if (named !== null) {
      const known = classes[named[1] ?? '']
      if (known === undefined) {
        throw new UsageError(`--exclude '${pattern}': there is no class ${named[0]}`)
      }
      tests.push((one) => known.test(one))
      i += named[0].length - 1
      continue
    }
    if (list[i] === '\\' && i + 1 < list.length) i++
    const from = list[i] ?? ''
    if (list[i + 1] === '-' && i + 2 < list.length) {
      i += list[i + 2] === '\\' && i + 3 < list.length ? 3 : 2
      const to = list[i] ?? ''
      const code = (one: string) => one.codePointAt(0) ?? 0
      tests.push((one) => code(one) >= code(from) && code(one) <= code(to))
    } else tests.push((one) => one === from)
  }
  return (one) => tests.some((test) => test(one)) !== negated
}

/** Where the bracket that is open at `from` is closed; -1: nowhere, and it stands for itself. */
function endOfSet(characters: readonly string[], from: number): number {
  let at = from + 1
  if (characters[at] === '!' || characters[at] === '^') at++
  // A bracket at the start of a set is one of its characters.
  if (characters[at] === ']') at++
  for (; at < characters.length; at++) {
    if (characters[at] === ']') return at
    if (characters[at] === '\\') at++
    if (characters[at] !== '[' || characters[at + 1] !== ':') continue
    const close = characters.findIndex((one, i) => i > at + 1 && one === ':')
    if (close > 0 && characters[close + 1] === ']') at = close + 1
  }
  return -1
}

/** The parts of a pattern for one name. */
function partsOf(name: string, pattern: string): Part[] {
  const characters = Array.from(name)
  const parts: Part[] = []
  for (let i = 0; i < characters.length; i++) {
    const one = characters[i] ?? ''
    const end = one === '[' ? endOfSet(characters, i) : -1
    if (one === '*') parts.push(null)
    else if (one === '?') parts.push(() => true)
    else if (end > 0) {
      parts.push(setOf(characters.slice(i + 1, end), pattern))
      i = end
    } else {
      if (one === '\\' && i + 1 < characters.length) i++
      const itself = characters[i] ?? ''
      parts.push((other) => other === itself)
    }
  }
  return parts
}

/** Of the components of a path: whether the end of the path, or all of it, fits. */
export type Glob = (components: readonly string[]) => boolean

/**
 * `*` stands for any characters of a name, `?` for one, `[a-z]` for one of a set, `[!a-z]` for one of the
 * others, and a backslash for the next character itself. Without a slash a pattern is compared with the
 * last component of a path, with slashes with so many of them at its end as the pattern has; `**` stands
 * for any number of components. A pattern that begins with a slash must fit the whole path.
 */
export function glob(pattern: string): Glob {
  const names = pattern.replace(/(?<=.)\/+$/, '').split(/\/+/)
  const parts = names.map((name): Part => {
    if (name === '**') return null
    const wanted = partsOf(name, pattern)
    return (component) => fits(Array.from(component), wanted)
  })
  // A path that begins with a slash has an empty first component.
  const anywhere = names[0] === '' ? parts : [null, ...parts]
  return (components) => fits(components, anywhere)
}
