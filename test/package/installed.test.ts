// The package in the form in which users get it: packed, installed without scripts and without a
// compiler, and used from outside the project.

import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { nodeFileTrace } from '@vercel/nft'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { beforeAll, describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { type Finished, projectRoot } from '../support/processes.js'

interface PackedFile {
  path: string
  size: number
}

const manifest = JSON.parse(fs.readFileSync(path.join(projectRoot, 'package.json'), 'utf8'))
const scratch = scratchDirectory()
const application = path.join(scratch.directory, 'application')
/** The only folder on PATH: it has no compiler, no python and no shell. */
const programs = path.join(scratch.directory, 'bin')

/** The script of npm, which the tests run with a PATH that does not have it. */
async function npm(cwd: string, ...args: string[]): Promise<string> {
  const script = fs.realpathSync((await promisify(execFile)('which', ['npm'])).stdout.trim())
  const options = { cwd, env: { ...process.env, PATH: programs, npm_config_audit: 'false' } }
  return (await promisify(execFile)(process.execPath, [script, ...args], options)).stdout
}

/** Runs Node in the application. `PREBUILDS_ONLY` need not be set, since it has no build/. */
function node(...args: string[]): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd: application, env: { ...process.env, PATH: programs } }
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, stderr })
    })
  })
}

function put(name: string, text: string): void {
  fs.writeFileSync(path.join(application, name), text)
}

let packed: { size: number; files: PackedFile[]; filename: string }

const tarball = () => path.join(scratch.directory, packed.filename)

beforeAll(async () => {
  fs.mkdirSync(programs)
  fs.mkdirSync(application)
  fs.symlinkSync(process.execPath, path.join(programs, 'node'))
  const destination = ['--pack-destination', scratch.directory]
  const output = await npm(projectRoot, 'pack', '--ignore-scripts', '--json', ...destination)
  packed = JSON.parse(output)[0]
  put('package.json', '{ "private": true }')
  const options = ['--ignore-scripts', '--prefer-offline', '--no-fund']
  await npm(application, 'install', ...options, tarball())
}, 120_000)

describe('the tarball', () => {
  const names = () => packed.files.map((file) => file.path)

  it('is below 800 kB', () => {
    expect(packed.size).toBeLessThan(800_000)
  })

  it('has few modules, and of the rest of src/ declarations that lead to their sources', () => {
    const modules = names().filter((name) => /^dist\/.*\.js$/.test(name))
    expect(modules.sort()).toEqual(
      [
        'cli',
        'index',
        'keyv',
        'library',
        'main',
        'posix',
        'program',
        'shared',
        'structures',
        'sync',
        'synchronisation',
      ].map((name) => `dist/${name}.js`),
    )
    const sources = fs
      .readdirSync(path.join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => /^(?!cli|internals).*\.ts$/.test(name))
    const expected = sources.flatMap((name) => {
      const declaration = `dist/${name.replace(/ts$/, 'd.ts')}`
      return [declaration, `${declaration}.map`, `src/${name}`]
    })
    const found = names().filter((name) => /^(src|dist)\/.*\.(ts|map)$/.test(name))
    expect(found.sort()).toEqual(expected.sort())
    const map = path.join(projectRoot, 'dist/mapping/views.d.ts.map')
    const { sources: mapped } = JSON.parse(fs.readFileSync(map, 'utf8'))
    expect(mapped).toEqual(['../../src/mapping/views.ts'])
  })

  it('has a binary for each architecture, and no sources to build one', () => {
    expect(names().filter((name) => /\.(node|gyp|cc|h)$/.test(name))).toEqual([
      'prebuilds/linux-arm64/posix-mmap.node',
      'prebuilds/linux-x64/posix-mmap.node',
    ])
  })

  it('has the files that the README refers to', () => {
    const readme = fs.readFileSync(path.join(projectRoot, 'README.md'), 'utf8')
    const links = [...readme.matchAll(/\]\((docs\/[^)#]+|[A-Z]+\.md|LICENSE)/g)].map(([, to]) => to)
    const missing = links.filter((name) => !names().includes(`${name}`))
    // These are only for people with a checkout.
    const checkout = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/performance.md']
    expect([...new Set(missing)].sort()).toEqual(checkout)
  })

  it('has no problem that publint knows', async () => {
    const { buffer } = new Uint8Array(fs.readFileSync(tarball()))
    const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([])
  })

  it('has types wherever it has code', async () => {
    const attw = path.join(projectRoot, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    const { code, stdout } = await node(attw, tarball(), '--profile', 'esm-only')
    expect(stdout).toContain('posix-mmap/posix')
    expect(code, stdout).toBe(0)
  })

  it('runs nothing when it is installed, even if npm allows scripts', () => {
    const installed = path.join(application, 'node_modules/posix-mmap')
    expect(fs.existsSync(path.join(installed, 'binding.gyp'))).toBe(false)
    expect(manifest.gypfile).toBe(false)
    const hooks = ['preinstall', 'install', 'postinstall']
    expect(hooks.filter((hook) => hook in manifest.scripts)).toEqual([])
    expect(Object.keys(manifest.dependencies)).toEqual(['node-gyp-build'])
  })
})

// The program that both the import and the require variant run: they differ in nothing else.
const mainJob = `
const { fork } = require('node:child_process')
const fs = require('node:fs')
if (process.argv[2] === 'child') {
  const table = SharedMemory.inherited('table')
  Atomics.add(table.view(Int32Array), 1, 42)
  process.exit()
}
fs.writeFileSync('data.txt', 'mapped')
const mapping = mapFile('data.txt')
const bytes = mapping.bytes()
const text = mapping.read(0, 6).toString()
mapping.unmap()
const table = SharedMemory.create(pageSize)
const child = fork(file, ['child'], withShared({ table }))
child.on('exit', (code, signal) => {
  const added = table.view(Int32Array)[1]
  const man = mmap({ length: 1, prot: Prot.READ, flags: MapFlags.PRIVATE | MapFlags.ANONYMOUS })
  console.log(JSON.stringify({ text, detached: bytes.length, code, signal, added, man: man.byteLength }))
})
`
const done = { text: 'mapped', detached: 0, code: 0, signal: null, added: 42, man: 1 }
const imported = '{ mapFile, pageSize, SharedMemory, withShared }'
const importedPosix = '{ mmap, MapFlags, Prot }'

describe('an application', () => {
  it('imports it', async () => {
    put(
      'main.mjs',
      `import { createRequire } from 'node:module'
       import ${imported} from 'posix-mmap'
       import ${importedPosix} from 'posix-mmap/posix'
       const require = createRequire(import.meta.url)
       const file = import.meta.filename
       ${mainJob}`,
    )
    const finished = await node('main.mjs')
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(finished.stdout)).toEqual(done)
  })

  it('requires it', async () => {
    put(
      'main.cjs',
      `const ${imported} = require('posix-mmap')
       const ${importedPosix} = require('posix-mmap/posix')
       const file = __filename
       ${mainJob}`,
    )
    const finished = await node('main.cjs')
    expect(finished).toMatchObject({ code: 0, signal: null })
    expect(JSON.parse(finished.stdout)).toEqual(done)
  })

  it('cannot import modules that are not exported', async () => {
    const { stderr } = await node('--eval', "require('posix-mmap/dist/internals.js')")
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
    const read = "console.log(require('posix-mmap/package.json').name)"
    expect(await node('--eval', read)).toMatchObject({ stdout: 'posix-mmap\n' })
  })

  it('has its command', async () => {
    put('data.txt', 'mapped')
    const command = path.join(application, 'node_modules/.bin/posix-mmap')
    const finished = await node(fs.realpathSync(command), 'residency', '--json', 'data.txt')
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
    expect(JSON.stringify(JSON.parse(finished.stdout))).toContain('data.txt')
  })
})

it('is found whole by nft, which Next.js and others make a deployment with', async () => {
  put(
    'traced.mjs',
    "import { mapFile } from 'posix-mmap'\nconsole.log(mapFile('data.txt').byteLength)\n",
  )
  const { fileList } = await nodeFileTrace([path.join(application, 'traced.mjs')], {
    base: application,
    processCwd: application,
  })
  const deployed = path.join(scratch.directory, 'deployed')
  for (const name of fileList) {
    fs.mkdirSync(path.dirname(path.join(deployed, name)), { recursive: true })
    fs.copyFileSync(path.join(application, name), path.join(deployed, name))
  }
  fs.writeFileSync(path.join(deployed, 'data.txt'), 'mapped')
  const finished = await node(
    '--input-type=module',
    '--eval',
    `process.chdir(${JSON.stringify(deployed)}); await import(${JSON.stringify(path.join(deployed, 'traced.mjs'))})`,
  )
  expect(finished).toEqual({ code: 0, signal: null, stdout: '6\n', stderr: '' })
})

// More tools, which have to be fetched first, are in scripts/test-tools.js.
describe('tools that are installed for the tests themselves', () => {
  const job = `
const file = path.resolve('cut-' + process.pid + '.bin')
fs.writeFileSync(file, Buffer.alloc(2 * pageSize, 7))
const mapping = mapFile(file)
const bytes = mapping.bytes()
fs.truncateSync(file, 0)
const lost = [bytes[pageSize], mapping.fault?.kind]
mapping.unmap()
fs.rmSync(file)
`
  const imports = `import fs from 'node:fs'
import path from 'node:path'
import { mapFile, pageSize } from 'posix-mmap'
`

  function linkTool(name: string): string {
    const link = path.join(application, 'node_modules', name)
    if (!fs.existsSync(link)) fs.symlinkSync(path.join(projectRoot, 'node_modules', name), link)
    return link
  }

  it.each(['forks', 'threads', 'vmThreads'])('Vitest, %s', async (pool) => {
    put(
      'cut.test.mjs',
      `import { expect, it } from 'vitest'
       ${imports}
       it('is cut', () => {${job}expect(lost).toEqual([0, 'truncated'])})`,
    )
    const vitest = path.join(linkTool('vitest'), 'vitest.mjs')
    const how = ['run', '--root', application, '--pool', pool, '--reporter', 'json']
    const { code, stdout, stderr } = await node(vitest, ...how)
    expect(code, stdout + stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ numPassedTests: 1, numTotalTests: 1 })
  })

  it('vite build --ssr leaves it out of the bundle', async () => {
    put('served.mjs', `${imports}${job}console.log(lost.join())`)
    const vite = path.join(linkTool('vite'), 'bin/vite.js')
    const built = await node(vite, 'build', '--ssr', 'served.mjs', '--outDir', 'served')
    expect(built.code, built.stdout + built.stderr).toBe(0)
    const finished = await node('served/served.mjs')
    expect(finished).toEqual({ code: 0, signal: null, stdout: '0,truncated\n', stderr: '' })
  })
})

describe('TypeScript', () => {
  const program = `
import type { ForkOptions } from 'node:child_process'
import { type Mapping, mapFile, MappingFaultError, SharedMemory, withShared } from 'posix-mmap'
import { MapFlags, mmap, Prot } from 'posix-mmap/posix'

const mapping: Mapping = mapFile('file', { access: 'read-write', size: 100 })
const words: Int32Array = mapping.view(Int32Array, 0, 2)
const table: SharedMemory = SharedMemory.create(words.length)
export const options: { silent: boolean } = withShared({ table }, { silent: true })
export const wrapped = <O extends ForkOptions>(own: O): O => withShared({ table }, own)
export const protection: 'none' | 'read' | 'read-write' = mapping.protection
export const isFault = (error: unknown): boolean => error instanceof MappingFaultError && error.fault.count > 0
mmap({ length: 1, prot: Prot.READ, flags: MapFlags.PRIVATE | MapFlags.ANONYMOUS }).unmap()
// @ts-expect-error: there is no such access
mapFile('file', { access: 'write' })
`

  beforeAll(() => {
    put('strict.mts', program)
    put('strict.cts', program)
    const types = path.join(application, 'node_modules/@types')
    if (!fs.existsSync(types)) fs.symlinkSync(path.join(projectRoot, 'node_modules/@types'), types)
  })

  it.each([
    { module: 'node16', file: 'strict.mts' },
    { module: 'node20', file: 'strict.mts' },
    { module: 'node20', file: 'strict.cts' },
    { module: 'nodenext', file: 'strict.mts' },
    { module: 'nodenext', file: 'strict.cts' },
    { module: 'preserve', resolution: 'bundler', file: 'strict.mts' },
  ])('checks $file with module $module', async ({ module, resolution, file }) => {
    const compiler = path.join(projectRoot, 'node_modules/typescript/bin/tsc')
    const how = [...'--strict --noEmit --target es2022 --types node --module'.split(' '), module]
    if (resolution !== undefined) how.push('--moduleResolution', resolution)
    const { code, stdout } = await node(compiler, ...how, file)
    expect(stdout).toBe('')
    expect(code).toBe(0)
  })
})
