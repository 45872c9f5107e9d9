// A plugin of rolldown's: an import of a module of Node's makes a namespace of all that the module
// exports, and loads that, so the bundle asks process.getBuiltinModule() instead.
import { isBuiltin } from 'node:module'

/**
 * @typedef {import('rolldown').Plugin} Plugin
 * @typedef {import('rolldown').PluginContext} Context
 * @typedef {ReturnType<Context['parse']>['body'][number]} Statement
 * @typedef {Extract<Statement, { type: 'ImportDeclaration' }>} Import
 */

/**
 * The declarations that stand in for an import of names, of a default export, or of both; undefined
 * for any other import.
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
 * Every import of a module of Node's in a program: by declarations, by re-exports and by import().
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
    // From the last one on, so that the places of the others stay right.
    for (const statement of this.parse(code).body.toReversed()) {
      if (statement.type !== 'ImportDeclaration' || !isBuiltin(statement.source.value)) continue
      const text = rewritten(statement)
      if (text === undefined) continue
      result = result.slice(0, statement.start) + text + result.slice(statement.end)
    }
    return result
  },
  // What is written is what is looked at: nothing would show that an import is slow.
  generateBundle(_options, bundle) {
    for (const output of Object.values(bundle)) {
      if (output.type !== 'chunk') continue
      const left = importsOfBuiltins(this.parse(output.code).body)
      if (left.length === 0) continue
      const statements = left.map(({ start, end }) => `  ${output.code.slice(start, end)}`)
      this.error(
        `${output.fileName} still imports modules of Node's, which slows down the import of the ` +
          `package: import what is used by its name in src/, or teach scripts/builtin-modules.js\n` +
          statements.join('\n'),
      )
    }
  },
}
