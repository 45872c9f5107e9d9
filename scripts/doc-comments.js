// What a doc comment of the public API must say, judged from the model that api-extractor makes of the
// declarations: scripts/api-report.js fails where one does not. Four rules, each mechanical, so that
// what they cannot see is listed here with the reason:
//   - a function, a constructor or a method says what it throws, by itself or in its class's comment;
//   - a number says its unit or its kind: a parameter, a property, a result;
//   - a function or a method names its system call with the section of its manual page, by itself, by a
//     link to one that does, or in its class's comment;
//   - a name has one section everywhere.

/** How a comment tells what a number is a number of. */
const unit = /\b(bytes?|milliseconds|elements|words?|pages?|[KMG]iB)\b/
const count = /\bhow (many|often)\b/i
const kind =
  /\b(descriptor|permissions|version|process)\b|\{@link \w+\} values|values of `fs\.constants`/i

/** What the rules cannot decide, by the name of the member. */
const exceptions = {
  /** Numbers without a unit. */
  number: new Map([
    ['SharedMap.increment', 'the values of the map are numbers of whatever the caller counts'],
    ['SharedMap.increment.by', 'the same'],
  ]),
  /** Functions and methods that cannot throw, or whose errors are those of what they are given. */
  throws: new Map([['MappingFaultError', 'the package makes the error, of what it has looked at']]),
  /** Functions, methods and whole classes that make no system call of their own. */
  call: new Map([
    ['MappingFaultError', 'an error'],
    ['KeyvSharedMap', 'a SharedMap makes them'],
    ['Mapping.asBuffer', 'a view of what is mapped already'],
    ['Mapping.bytes', 'a view of what is mapped already'],
    ['Mapping.dataView', 'a view of what is mapped already'],
    ['Mapping.view', 'a view of what is mapped already'],
    ['Mapping.sharedBytes', 'a view of what is mapped already'],
    ['Mapping.clearFault', 'what the signal handlers have left behind'],
  ]),
}

/**
 * A member of the model. Only what is used here.
 * @typedef {{ kind: string, name?: string, docComment?: string, members?: Member[],
 *   excerptTokens?: Array<{ text: string }>, overloadIndex?: number,
 *   parameters?: Array<{ parameterName: string, parameterTypeTokenRange: Range }>,
 *   returnTypeTokenRange?: Range, propertyTypeTokenRange?: Range }} Member
 * @typedef {{ startIndex: number, endIndex: number }} Range
 */

/**
 * @param {Member} member
 * @param {Range} [range]
 */
function typeOf({ excerptTokens = [] }, range) {
  if (range === undefined) return ''
  return excerptTokens
    .slice(range.startIndex, range.endIndex)
    .map(({ text }) => text)
    .join('')
}

const isNumber = (/** @type {string} */ type) =>
  /^(Promise<)?number(>| \| bigint)?( \| (null|undefined))*$/.test(type)

/** The sections of a comment: the text before the first block tag, and those of the tags. */
function sectionsOf(/** @type {string} */ comment) {
  const text = comment.replace(/^\/\*\*|\*\/$/g, '').replaceAll(/^ ?\* ?/gm, '')
  const [summary = '', ...blocks] = text.split(/^(?=@)/m)
  return { summary, blocks: blocks.map((block) => block.trim()) }
}

const manualPage = /\b([a-z][a-z0-9_]*)\(([2-8])\)/g
/** Comments that say what another member's says. */
const asAnother = /\{@link (\w+)(?:\.(\w+))?\}/g

const callables = ['Function', 'Constructor', 'Method', 'MethodSignature']
const properties = ['Property', 'PropertySignature']

/**
 * What the comments of the names of all entries leave out, and exceptions that nothing needs.
 * @param {Member[]} models
 * @returns {string[]}
 */
export function shortcomings(models) {
  /** @type {Array<{ path: string, owner: Member | undefined, member: Member }>} */
  const all = []
  const collect = (/** @type {Member} */ parent, /** @type {Member | undefined} */ owner) => {
    for (const member of parent.members ?? []) {
      const name = member.kind === 'Constructor' ? 'constructor' : (member.name ?? '')
      all.push({ path: owner === undefined ? name : `${owner.name}.${name}`, owner, member })
      collect(member, member)
    }
  }
  for (const { members = [] } of models) for (const entry of members) collect(entry, undefined)
  /** @type {Map<string, string>} */
  const comments = new Map()
  for (const { path, member } of all) {
    comments.set(path, `${comments.get(path) ?? ''}${member.docComment ?? ''}`)
  }

  /** @type {string[]} */
  const missing = []
  const needed = new Set()
  /** @type {(of: Map<string, string>, ...names: string[]) => boolean} */
  const isExcepted = (of, ...names) => {
    const name = names.find((each) => of.has(each))
    if (name !== undefined) needed.add(name)
    return name !== undefined
  }
  /** @type {Map<string, string>} */
  const sectionOf = new Map()
  for (const { path, owner, member } of all) {
    const comment = member.docComment ?? ''
    const { summary, blocks } = sectionsOf(comment)
    const ofClass = owner?.docComment ?? ''
    const block = (/** @type {string} */ start) =>
      blocks.find((each) => each.startsWith(start)) ?? ''
    const isOverload = (member.overloadIndex ?? 1) > 1
    const same = /\b[Aa]rguments\b.* as for \{@link/s.test(summary)

    for (const [, name = '', section = ''] of comment.matchAll(manualPage)) {
      const before = sectionOf.get(name) ?? section
      if (before !== section) missing.push(`${path}: ${name}(${before}) elsewhere`)
      sectionOf.set(name, before)
    }

    const say = (/** @type {string} */ what, /** @type {string} */ text) => {
      if (unit.test(text) || count.test(text) || kind.test(text)) return
      if (!isExcepted(exceptions.number, what)) missing.push(`${what}: a number without a unit`)
    }
    if (properties.includes(member.kind)) {
      if (isNumber(typeOf(member, member.propertyTypeTokenRange))) say(path, comment)
    }
    if (!callables.includes(member.kind) || isOverload) continue
    if (isNumber(typeOf(member, member.returnTypeTokenRange))) {
      say(path, `${block('@returns')}${summary}`)
    }
    for (const { parameterName, parameterTypeTokenRange } of member.parameters ?? []) {
      if (!isNumber(typeOf(member, parameterTypeTokenRange)) || same) continue
      say(`${path}.${parameterName}`, block(`@param ${parameterName} `).replace(/^\S+ \S+/, ''))
    }

    const throws =
      block('@throws') !== '' ||
      /\berrors as for \{@link|\b[Nn]ever throws\b/.test(comment) ||
      /\b(All methods throw|Every method throws)\b/.test(ofClass)
    if (!throws && !isExcepted(exceptions.throws, path, owner?.name ?? ''))
      missing.push(`${path}: no @throws`)

    const linked = [...comment.matchAll(asAnother)].map(([, first = '', second]) =>
      second === undefined
        ? `${comments.get(`${owner?.name}.${first}`) ?? ''}${comments.get(first) ?? ''}`
        : (comments.get(`${first}.${second}`) ?? ''),
    )
    const named = [comment, ofClass, ...linked].some((text) => text.search(manualPage) !== -1)
    if (!named && !isExcepted(exceptions.call, path, owner?.name ?? ''))
      missing.push(`${path}: no system call`)
  }
  const listed = Object.values(exceptions).flatMap((each) => [...each.keys()])
  const needless = listed.filter((name) => !needed.has(name))
  return [...new Set([...missing, ...needless.map((name) => `${name}: a needless exception`)])]
}
