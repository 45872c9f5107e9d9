// Writes docs/api-report/, with a file for each entry of package.json: every name that the entry
// exports, with its signature from the declarations in dist/.
//   node scripts/api-report.js [--check] [--types DIRECTORY]
// `--check` fails where the committed files differ, so that nothing becomes public unnoticed. Both fail
// for a name that has no doc comment, since the reference and editors would show nothing for it, and for a
// comment that leaves out an error, a unit or a system call: doc-comments.js.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'
import { shortcomings } from './doc-comments.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const reports = `${root}docs/api-report`
const { compilerOptions } = JSON.parse(readFileSync(`${root}tsconfig.json`, 'utf8'))
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    // Only the test of this program uses it.
    types: { type: 'string', default: `${root}dist` },
  },
})
const made = `${root}node_modules/.cache/posix-mmap/api-report-${process.pid}`

/** @returns {Array<{ name: string, types: string }>} the entries that have declarations */
function entries() {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  return Object.entries(exports).flatMap(([specifier, { types }]) => {
    if (types === undefined) return []
    const name = specifier === '.' ? 'index' : specifier.slice(2).replaceAll('/', '-')
    return [{ name, types: types.replace('./dist', values.types) }]
  })
}

/** @type {import('@microsoft/api-extractor').IExtractorMessagesConfig} */
const messages = {
  compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
  extractorMessageReporting: {
    default: { logLevel: ExtractorLogLevel.None },
    // A type in a public signature that users cannot import by name.
    'ae-forgotten-export': {
      logLevel: ExtractorLogLevel.None,
      addToApiReportFile: true,
    },
  },
  tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
}

const modelOf = (/** @type {string} */ name) => `${made}/temporary/${name}.api.json`

/**
 * Writes the report of an entry.
 * @param {string} name
 * @param {string} types
 */
function report(name, types) {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: types,
      compiler: {
        overrideTsconfig: {
          compilerOptions: { ...compilerOptions, allowJs: false, checkJs: false },
          files: [types],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: made,
        reportTempFolder: `${made}/temporary`,
        includeForgottenExports: true,
      },
      newlineKind: 'lf',
      docModel: {
        enabled: true,
        apiJsonFilePath: modelOf(name),
        includeForgottenExports: true,
      },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages,
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: `${root}package.json`,
  })
  // The extractor's messages on the console describe how to call the extractor itself, and are
  // dropped.
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.category === 'console'
    },
  })
  if (!succeeded) throw new Error(`api-extractor could not make a report of ${types}`)
  // Without the line numbers, which would make every new line in src/ a change of the public API.
  const file = `${made}/${name}.api.md`
  const text = readFileSync(file, 'utf8').replaceAll(/^\/\/ \S+:\d+:\d+ - /gm, '// ')
  writeFileSync(file, text)
}

/**
 * What a report says has no doc comment: names, members, fields and options.
 * @param {string} name
 */
function undocumented(name) {
  const lines = readFileSync(`${made}/${name}.api.md`, 'utf8').split('\n')
  return lines.flatMap((line, index) =>
    line.endsWith('(undocumented)') ? [`${name}: ${(lines[index + 1] ?? '').trim()}`] : [],
  )
}

mkdirSync(made, { recursive: true })
try {
  for (const { name, types } of entries()) report(name, types)
  const silent = entries().flatMap(({ name }) => undocumented(name))
  if (silent.length > 0) {
    console.error(`These have no doc comment:\n${silent.join('\n')}`)
    process.exitCode = 1
  }
  const models = entries().map(({ name }) => JSON.parse(readFileSync(modelOf(name), 'utf8')))
  const incomplete = shortcomings(models)
  if (incomplete.length > 0) {
    console.error(`These doc comments leave something out:\n${incomplete.join('\n')}`)
    process.exitCode = 1
  }
  rmSync(`${made}/temporary`, { recursive: true })
  if (!values.check) {
    rmSync(reports, { recursive: true, force: true })
    cpSync(made, reports, { recursive: true })
  } else {
    const { status, stdout } = spawnSync('diff', ['-urN', reports, made], { encoding: 'utf8' })
    if (status !== 0) {
      console.error(
        `${stdout}\nThe public API has changed. If you meant that, run \`npm run api\`.`,
      )
      process.exitCode = 1
    }
  }
} finally {
  rmSync(made, { recursive: true, force: true })
}
