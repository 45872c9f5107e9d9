// Every program that the documents print runs as printed, on the oldest and the newest Node.

import { execFile, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { majors, nodeBinary } from '../../scripts/fetch-nodes.js'
import { scratchDirectory } from '../support/files.js'
import { projectRoot } from '../support/processes.js'
import { finished } from '../support/programs.js'

const scratch = scratchDirectory()

/**
 * The programs of a document: its blocks of JavaScript that import something. One that begins with the
 * name of a file as a comment is put there, and run only if it is the first of its section; one that
 * begins with "needs Node 22.13" is run from there on. A block of text that follows directly is what the
 * program prints.
 */
function programsOf(document: string) {
  const text = fs.readFileSync(path.join(projectRoot, document), 'utf8')
  const blocks = text.matchAll(/```js\n(.*?)```\n(?:\n```text\n(.*?)```\n)?/gs)
  return [...blocks]
    .map(([, code = '', output]) => ({ code, output }))
    .filter(({ code }) => /^import /m.test(code))
    .map(({ code, output }, index) => {
      const name = /^\/\/ (\S+\.m?js)\n/.exec(code)?.[1]
      const needs = Number(/^\/\/ needs Node (\d+)\./.exec(code)?.[1] ?? 0)
      return { document, name: name ?? `block-${index}.js`, code, output, needs }
    })
}

const documents = [
  'README.md',
  ...fs
    .readdirSync(path.join(projectRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const programs = documents.flatMap(programsOf)
const runnable = programs.filter(({ name }) => !/worker|child|reader/.test(name))
const cases = runnable.flatMap((each) => {
  const able = majors.filter((major) => Number(major) >= each.needs)
  const oldestAndNewest = new Set([able.at(0), able.at(-1)])
  return [...oldestAndNewest].map((major = '') => ({ major, ...each }))
})

/** Programs of another checkout may run at the same time. */
const ofThisRun = (code: string) =>
  code.replaceAll('posix-mmap-peers', `posix-mmap-peers-${process.pid}`)

function folderFor(document: string, major: string): string {
  const folder = path.join(scratch.directory, `${document.replaceAll('/', '-')}-${major}`)
  if (fs.existsSync(folder)) return folder
  const modules = path.join(folder, 'node_modules')
  fs.mkdirSync(modules, { recursive: true })
  fs.symlinkSync(projectRoot, path.join(modules, 'posix-mmap'))
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
  for (const [, name = '', code = ''] of peersOf(document)) {
    fs.writeFileSync(path.join(folder, name), ofThisRun(code))
  }
  for (const { document: other, name, code } of programs) {
    if (other !== document) continue
    fs.writeFileSync(path.join(folder, name), ofThisRun(code))
    for (const dependency of otherPackagesIn(code)) {
      const link = path.join(modules, dependency)
      fs.mkdirSync(path.dirname(link), { recursive: true })
      if (!fs.existsSync(link)) {
        fs.symlinkSync(path.join(projectRoot, 'node_modules', dependency), link)
      }
    }
  }
  return folder
}

/** Programs in other languages, by the name of their file, which is their first line. */
function peersOf(document: string): RegExpMatchArray[] {
  const text = fs.readFileSync(path.join(projectRoot, document), 'utf8')
  return [...text.matchAll(/```(?:python|c|rust|go)\n(?:#|\/\/) (\S+)\n(.*?)```/gs)]
}

/** The packages that a program imports or resolves, and that are neither this one nor Node's. */
function otherPackagesIn(code: string): string[] {
  const quoted = code.matchAll(/(?:from |resolve\()'(?!node:|posix-mmap|\.)((?:@[^/']+\/)?[^/']+)/g)
  return [...quoted].map(([, name = '']) => name)
}

it('there are some, and each runs on a Node', () => {
  expect(runnable.length).toBeGreaterThan(1)
  expect(runnable.filter(({ code }) => !cases.some((each) => each.code === code))).toEqual([])
})

it.each(cases)('$document, $name, on Node $major', async ({ document, name, major, output }) => {
  const cwd = folderFor(document, major)
  // node:sqlite warns that it is new.
  const args = ['--disable-warning=ExperimentalWarning', name]
  const child = execFile(nodeBinary(major), args, { cwd, timeout: 20_000 })
  const { code, signal, stdout, stderr } = await finished(child)
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  if (output !== undefined) expect(stdout).toBe(output)
})

it('each recipe says what it prints', () => {
  const recipes = programs.filter(({ document }) => document === 'docs/recipes.md')
  expect(recipes.filter(({ output }) => output === undefined)).toEqual([])
  const text = fs.readFileSync(path.join(projectRoot, 'docs/recipes.md'), 'utf8')
  expect(recipes.length).toBe(text.match(/^## /gm)?.length)
})

it('docs/errors.md has every code and every warning of the package', () => {
  const sources = fs
    .readdirSync(path.join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
    // The program throws nothing that a caller sees.
    .filter((name) => name.endsWith('.ts') && !name.startsWith('cli'))
    .map((name) => fs.readFileSync(path.join(projectRoot, 'src', name), 'utf8'))
  const names = sources.flatMap((text) => text.match(/(?<=')(ERR_[A-Z_]+|\w+Warning)(?=')/g) ?? [])
  expect(names).toEqual(expect.arrayContaining(['ERR_MAPPING_FAULT', 'MappingFaultWarning']))
  const listed = fs.readFileSync(path.join(projectRoot, 'docs/errors.md'), 'utf8')
  expect(names.filter((name) => !listed.includes(`\`${name}\``))).toEqual([])
})

/** The anchors of a document, as GitHub makes them of its headings. */
function anchorsOf(file: string): string[] {
  const headings = fs.readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

it.each(documents)('each link of %s leads somewhere', (document) => {
  const text = fs.readFileSync(path.join(projectRoot, document), 'utf8')
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
  const dead = links.filter(([, to = '', anchor]) => {
    const file = to === '' ? document : path.join(path.dirname(document), to)
    const target = path.join(projectRoot, file)
    return !fs.existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
  })
  expect(dead.map(([link]) => link)).toEqual([])
})

describe('programs in other languages, which docs/interop.md has', () => {
  const document = 'docs/interop.md'
  const [oldest = ''] = majors

  it.for([
    { peer: 'peer.py', needs: 'python3', run: ['python3', 'peer.py'] },
    { peer: 'tracked.py', needs: 'python3', run: ['python3', 'tracked.py'] },
    { peer: 'peer.c', needs: 'cc', build: ['peer.c', '-o', 'peer-c', '-lrt'], run: ['./peer-c'] },
    { peer: 'peer.rs', needs: 'rustc', build: ['peer.rs', '-o', 'peer-rs'], run: ['./peer-rs'] },
    {
      peer: 'peer.go',
      needs: 'go',
      build: ['build', '-o', 'peer-go', 'peer.go'],
      run: ['./peer-go'],
    },
  ])('$peer', async ({ peer, needs, build = [], run }, { skip }) => {
    expect(peersOf(document).map(([, name]) => name)).toContain(peer)
    if (spawnSync('which', [needs]).status !== 0) skip(`there is no ${needs}`)
    const cwd = folderFor(document, oldest)
    if (build.length > 0) {
      const { status, stderr } = spawnSync(needs, build, { cwd, encoding: 'utf8' })
      expect({ status, stderr }).toMatchObject({ status: 0 })
    }
    const args = ['primary.js', ...run]
    const { code, stdout, stderr } = await finished(execFile(nodeBinary(oldest), args, { cwd }))
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '2\n', stderr: '' })
  })
})
