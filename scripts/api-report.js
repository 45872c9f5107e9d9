// Writes docs/api-report/, a file for each entry of package.json: every name that the entry exports and
// its signature, as the declarations in dist/ have them.
//   node scripts/api-report.js [--check] [--types DIRECTORY]
// `--check` fails where what is committed differs, so that nothing becomes public unnoticed.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor'

const root = fileURLToPath(new URL('..', import.meta.url))
const reports = `${root}docs/api-report`
const { compilerOptions } = JSON.parse(readFileSync(`${root}tsconfig.json`, 'utf8'))
const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    // For the test of this program.
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
    // A type that users meet and cannot name.
    'ae-forgotten-export': {
      logLevel: ExtractorLogLevel.None,
      addToApiReportFile: true,
    },
  },
  tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
}

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
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages,
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: `${root}package.json`,
  })
  // Its own words are about its own way to be called.
  const { succeeded } = Extractor.invoke(config, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = message.category === 'console'
    },
  })
  if (!succeeded) throw new Error(`no report of ${types} could be made`)
  // Or a line more in src/ would be a change of what is public.
  const file = `${made}/${name}.api.md`
  const text = readFileSync(file, 'utf8').replaceAll(/^\/\/ \S+:\d+:\d+ - /gm, '// ')
  writeFileSync(file, text)
}

mkdirSync(made, { recursive: true })
try {
  for (const { name, types } of entries()) report(name, types)
  rmSync(`${made}/temporary`, { recursive: true })
  if (!values.check) {
    rmSync(reports, { recursive: true, force: true })
    cpSync(made, reports, { recursive: true })
  } else {
    const { status, stdout } = spawnSync('diff', ['-urN', reports, made], { encoding: 'utf8' })
    if (status !== 0) {
      console.error(`${stdout}\nwhat is public has changed: if that is meant, run \`npm run api\``)
      process.exitCode = 1
    }
  }
} finally {
  rmSync(made, { recursive: true, force: true })
}
