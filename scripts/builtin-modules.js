// A plugin for rolldown that replaces imports of Node's modules by process.getBuiltinModule(). An
// import would make Node build a namespace of everything that the module exports, which slows down
// loading.
import { isBuiltin } from 'node:module'

/**
 * @typedef {import('rolldown').Plugin} Plugin
 * @typedef {import('rolldown').PluginContext} Context
 * @typedef {ReturnType<Context['parse']>['body'][number]} Statement
 * @typedef {Extract<Statement, { type: 'ImportDeclaration' }>} Import
 */

/**
 * The declarations that replace an import of names, of a default export, or of both; undefined for
 * any other import.
 * @param {Import} declaration
 */
function rewritten({ source, specifiers }) {
  const loaded = `process.getBuiltinModule(${JSON.stringify(source.value)})`
  /** @type {string[]} */
  const names = []
  /** @type {string[]} */
  const statements = []
  for (const specifier of specifiers) {
    const local = specifier.local.name
    if (specifier.type === 'ImportDefaultSpecifier') statements.push(`const ${local} = ${loaded};`)
    else if (specifier.type === 'ImportSpecifier' && specifier.imported.type === 'Identifier') {
      const { name } = specifier.imported
      if (name === 'default') statements.push(`const ${local} = ${loaded};`)
      else names.push(name === local ? name : `${name}: ${local}`)
    } else return undefined
  }
  if (names.length > 0) statements.push(`const { ${names.join(', ')} } = ${loaded};`)
  return statements.length > 0 ? statements.join('\n') : undefined
}

/**
 * Every import of one of Node's modules in a program: by declarations, by re-exports and by import().
 * @param {unknown} node
 * @returns {Array<{ start: number, end: number, module: string }>}
 */
function importsOfBuiltins(node) {
  if (typeof node !== 'object' || node === null) return []
  const { type, source, start, end } = /** @type {Record<string, any>} */ (node)
  const imports = /^(Import|Export)/.test(type) && typeof source?.value === 'string'
  const own = imports && isBuiltin(source.value) ? [{ start, end, module: source.value }] : []
  return own.concat(Object.values(node).flatMap(importsOfBuiltins))
}

/** @type {Plugin} */
export const builtinModules = {
  name: 'builtin-modules',
  renderChunk(code) {
    let result = code
    // The last import comes first, since replacing one moves all that follows it.
    for (const statement of this.parse(code).body.toReversed()) {
      if (statement.type !== 'ImportDeclaration' || !isBuiltin(statement.source.value)) continue
      const text = rewritten(statement)
      if (text === undefined) continue
      result = result.slice(0, statement.start) + text + result.slice(statement.end)
    }
    return result
  },
  // Checks the code that is written out: an import that was left would only be slow, and no test
  // would fail.
  generateBundle(_options, bundle) {
    for (const output of Object.values(bundle)) {
      if (output.type !== 'chunk') continue
      const left = importsOfBuiltins(this.parse(output.code).body)
      if (left.length === 0) continue
      const statements = left.map(({ start, end }) => `  ${output.code.slice(start, end)}`)
      this.error(
        `${output.fileName} still imports modules of Node's, which slows down the import of the ` +
          `package: import by name in src/, or extend scripts/builtin-modules.js\n` +
          statements.join('\n'),
      )
    }
  },
}
