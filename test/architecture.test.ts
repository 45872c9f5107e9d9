// Imports and includes point down only, and the two sides of the boundary between TypeScript and C++
// name the same functions.

import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { native } from '../dist/internals.js'
import { projectRoot } from './support/harness.js'

interface Source {
  /** Relative to the folder that was read, as `mapping/views.ts`. */
  name: string
  text: string
}

function sources(folder: string, ...endings: string[]): Source[] {
  const root = path.join(projectRoot, folder)
  return fs
    .readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => endings.some((ending) => name.endsWith(ending)))
    .sort()
    .map((name) => ({ name, text: fs.readFileSync(path.join(root, name), 'utf8') }))
}

interface Import {
  from: string
  to: string
}

const arrow = ({ from, to }: Import) => `${from} → ${to}`

/** The imports along one path that comes back to where it started, or null. */
function cycleIn(imports: readonly Import[]): string[] | null {
  const finished = new Set<string>()
  const follow = (file: string, trail: string[]): string[] | null => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file]
    if (finished.has(file)) return null
    for (const { from, to } of imports) {
      const cycle = from === file ? follow(to, [...trail, file]) : null
      if (cycle !== null) return cycle
    }
    finished.add(file)
    return null
  }
  for (const { from } of imports) {
    const cycle = follow(from, [])
    if (cycle !== null) return cycle
  }
  return null
}

it('a cycle would be found', () => {
  const imports = ['ab', 'bc', 'bd', 'de', 'eb'].map(([from = '', to = '']) => ({ from, to }))
  expect(cycleIn(imports)).toEqual(['b', 'd', 'e', 'b'])
  expect(cycleIn(imports.slice(0, -1))).toBeNull()
})

const typescript = sources('src', '.ts')
const cpp = sources('native', '.cc', '.h')

describe('src', () => {
  // From the top to the bottom; a file may import from its own layer and from those below.
  const layers: readonly RegExp[] = [
    /^(cli|internals)\.ts$/,
    /^cli\//,
    /^(index|posix|sync)\.ts$/,
    /^sync\//,
    /^with-shared\.ts$/,
    /^(map|shared-memory|message-ring)\.ts$/,
    /^mapping\.ts$/,
    /^mapping\//,
    // What is named nowhere else: options, advice, limits, arguments, …
    /^(?!(native|errors)\.ts$)/,
    /^native\.ts$/,
    // Below native.ts, which has to say why it found no binary.
    /^errors\.ts$/,
  ]
  const layerOf = (name: string) => layers.findIndex((pattern) => pattern.test(name))

  const statements = typescript.flatMap(({ name, text }) =>
    [...text.matchAll(/^(?:import|export)\b([^'";]*?\bfrom\s*|\s*)'([^']+)'/gm)].map(
      ([, clause = '', specifier = '']) => ({
        from: name,
        specifier,
        // Nothing is left of them in JavaScript.
        typeOnly: /^\s*type\b/.test(clause),
      }),
    ),
  )
  const relative = statements
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ from, specifier, typeOnly }) => ({
      from,
      to: path.join(path.dirname(from), specifier).replace(/\.js$/, '.ts'),
      typeOnly,
    }))
  const imports = relative.filter(({ typeOnly }) => !typeOnly)

  it('imports files that there are', () => {
    const names = typescript.map(({ name }) => name)
    expect(relative.filter(({ to }) => !names.includes(to)).map(arrow)).toEqual([])
    // Enough were found to believe in the parser.
    expect(imports.length).toBeGreaterThan(typescript.length)
  })

  it('imports from above nowhere', () => {
    expect(imports.filter(({ from, to }) => layerOf(to) < layerOf(from)).map(arrow)).toEqual([])
  })

  it('has no import cycle', () => {
    expect(cycleIn(imports)).toBeNull()
  })

  it('imports packages nowhere, and the addon in native.ts only', () => {
    const bare = statements.filter(({ specifier }) => !/^(\.|node:)/.test(specifier))
    expect(bare.map(({ from, specifier }) => `${from} → ${specifier}`)).toEqual([])
    const loaders = typescript.filter(({ text }) => /\bcreateRequire\b/.test(text))
    expect(loaders.map(({ name }) => name)).toEqual(['native.ts'])
    // require() of a module that awaits is an error.
    const awaiting = typescript.filter(({ text }) => /\bimport\(|^(\S.*)?\bawait\b/m.test(text))
    expect(awaiting.map(({ name }) => name)).toEqual(['cli.ts'])
  })

  it('has an index that only re-exports', () => {
    const index = typescript.find(({ name }) => name === 'index.ts')?.text ?? 'missing'
    const rest = index
      .replace(/^export (type )?\{[^}]*\} from '[^']+'$/gm, '')
      .replace(/^\/\/.*$/gm, '')
    expect(rest.trim()).toBe('')
  })
})

describe('native', () => {
  const includes = cpp.flatMap(({ name, text }) =>
    [...text.matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)].map(([, bracket, to = '']) => ({
      from: name,
      to,
      system: bracket === '<',
    })),
  )
  const names = cpp.map(({ name }) => name)
  /** Quoted includes with the file that the compiler finds: next to the includer, or in native/. */
  const own = includes
    .filter(({ system }) => !system)
    .map(({ from, to }) => {
      const beside = path.join(path.dirname(from), to)
      return { from, to: names.includes(beside) ? beside : to }
    })

  it('includes files that there are', () => {
    expect(own.filter(({ to }) => !names.includes(to)).map(arrow)).toEqual([])
    expect(own.length).toBeGreaterThan(names.length)
  })

  it('knows nothing of Node in posix/', () => {
    const ofNode = /^(napi|node|js_native_api|uv|v8)[-_.a-z]*\.h$|^(uv|cppgc|openssl)\//
    const inPosix = includes.filter(({ from }) => from.startsWith('posix/'))
    expect(inPosix.filter(({ to }) => ofNode.test(to)).map(arrow)).toEqual([])
    expect(ofNode.test('napi.h') && ofNode.test('node_api.h') && ofNode.test('uv.h')).toBe(true)
  })

  it('includes nothing from above in posix/', () => {
    const upward = own.filter(({ from, to }) => from.startsWith('posix/') && !/^posix\//.test(to))
    expect(upward.map(arrow)).toEqual([])
  })

  it('includes <napi.h> in napi_setup.h only', () => {
    const direct = includes.filter(({ to }) => to === 'napi.h').map(({ from }) => from)
    expect(direct).toEqual(['napi_setup.h'])
  })

  it('includes bindings in addon.cc only', () => {
    const bindings = own.filter(({ to }) => to.endsWith('_binding.h'))
    const others = bindings.filter(
      ({ from, to }) => from !== 'addon.cc' && from.replace(/\.cc$/, '.h') !== to,
    )
    expect(others.map(arrow)).toEqual([])
  })

  it('has no cycle of headers', () => {
    expect(cycleIn(own.filter(({ from }) => from.endsWith('.h')))).toBeNull()
  })
})

it('nobody writes down the size of a page', () => {
  const found = [...typescript, ...cpp].flatMap(({ name, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ place: `${name}:${index + 1}`, line }))
      .filter(({ line }) => /(?<![\w'.])(4096|4'096|4_096|0x1000)(?![\da-f'_.])/i.test(line)),
  )
  expect(found.map(({ place, line }) => `${place}: ${line.trim()}`)).toEqual([])
})

describe('the boundary', () => {
  const text = (name: string, all: readonly Source[]) =>
    all.find((source) => source.name === name)?.text ?? ''

  const body = /^export interface Native \{\n(.*?)^\}/ms.exec(text('native.ts', typescript))?.[1]
  const declared = [...(body ?? '').matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(
    ([, name]) => name,
  )
  const added = [
    ...text('addon.cc', cpp).matchAll(/(?:add<\w+>\(exports, |, exports, )"(\w+)"/g),
  ].map(([, name]) => name)

  it('has the functions that src/native.ts declares in native/addon.cc', () => {
    expect([...added].sort()).toEqual([...declared].sort())
    expect(new Set(added).size).toBe(added.length)
  })

  it('has them in the binary as well', () => {
    expect(Object.keys(native).sort()).toEqual([...declared].sort())
    const { constants, sourceDigest, ...functions } = native
    expect(Object.values(functions).filter((value) => typeof value !== 'function')).toEqual([])
    expect(Object.values(constants).filter((value) => !Number.isInteger(value))).toEqual([])
    expect(sourceDigest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('has every constant that src names', () => {
    const named = typescript.flatMap(({ text }) =>
      [...text.matchAll(/'((?:PROT|MAP|MS|MADV|MREMAP|MFD|POSIX_FADV)_[A-Z_0-9]+)'/g)].map(
        ([, name]) => name,
      ),
    )
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((name) => !(`${name}` in native.constants))).toEqual([])
  })
})
