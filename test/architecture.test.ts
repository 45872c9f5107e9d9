// Imports and includes point down only, and the two sides of the boundary between TypeScript and C++
// name the same functions.

import fs from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { native } from '../dist/internals.js'
import { projectRoot } from './support/processes.js'

interface Source {
  /** Relative to the folder that was read, such as `mapping/views.ts`. */
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

/** The files along a cycle of imports, or null if there is none. */
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

/**
 * The rooms of `src` or `native` from the top to the bottom, as ARCHITECTURE.md numbers them: folders
 * (`posix/calls/`) and files without their endings (`posix/page_range`).
 */
function layersOf(tree: string) {
  const map = fs.readFileSync(path.join(projectRoot, 'ARCHITECTURE.md'), 'utf8')
  const sections = map.split(/^## /m)
  const list = sections.find((text) => text.startsWith(`\`${tree}/\``)) ?? ''
  const rooms = [...list.matchAll(/^\d+\. ((?:`[\w/]+`, )*`[\w/]+`): /gm)].map(([, names = '']) =>
    names.split(', ').map((name) => name.slice(1, -1)),
  )
  const levelOf = (file: string) =>
    rooms.findIndex((level) =>
      level.some((room) =>
        room.endsWith('/') ? file.startsWith(room) : file.replace(/\.(cc|h|ts)$/, '') === room,
      ),
    )
  /** Imports from above: of a higher level, or of another room of the same one. */
  const upward = (all: readonly Import[]) =>
    all.filter(({ from, to }) => {
      const [above, below] = [levelOf(from), levelOf(to)]
      return below < above || (below === above && path.dirname(from) !== path.dirname(to))
    })
  return { rooms, levelOf, upward }
}

it('the search for cycles finds one', () => {
  const imports = ['ab', 'bc', 'bd', 'de', 'eb'].map(([from = '', to = '']) => ({ from, to }))
  expect(cycleIn(imports)).toEqual(['b', 'd', 'e', 'b'])
  expect(cycleIn(imports.slice(0, -1))).toBeNull()
})

const typescript = sources('src', '.ts')
const cpp = sources('native', '.cc', '.h')

describe('src', () => {
  const { levelOf, upward, rooms } = layersOf('src')

  const statements = typescript.flatMap(({ name, text }) =>
    [...text.matchAll(/^(?:import|export)\b([^'";]*?\bfrom\s*|\s*)'([^']+)'/gm)].map(
      ([, clause = '', specifier = '']) => ({
        from: name,
        specifier,
        // Type imports are not left in JavaScript.
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

  it('imports only files that exist', () => {
    const names = typescript.map(({ name }) => name)
    expect(relative.filter(({ to }) => !names.includes(to)).map(arrow)).toEqual([])
    // Fewer would mean that the parser of this test misses imports.
    expect(imports.length).toBeGreaterThan(typescript.length)
  })

  it('imports nothing from a higher room', () => {
    expect(upward(imports).map(arrow)).toEqual([])
    // The check itself finds an import from above.
    const wrong = { from: 'mapping/region.ts', to: 'mapping.ts' }
    expect(upward([wrong, { from: wrong.to, to: wrong.from }])).toEqual([wrong])
  })

  it('has every file in a room that ARCHITECTURE.md lists, and no other rooms', () => {
    const names = typescript.map(({ name }) => name)
    expect(names.filter((name) => levelOf(name) === -1)).toEqual([])
    const inhabited = new Set(names.map(levelOf))
    expect(rooms.filter((_, level) => !inhabited.has(level))).toEqual([])
  })

  it('has no abstract class, and none with a single subclass', () => {
    const bases = typescript.flatMap(({ text }) =>
      [...text.matchAll(/^(?:export )?class \w+ extends (\w+)/gm)].map(([, base]) => base),
    )
    // The classes that users can tell apart: shared memory, and two kinds of errors.
    expect(bases.sort()).toEqual(['Error', 'Error', 'Mapping'])
    expect(typescript.filter(({ text }) => /\babstract\b/.test(text))).toEqual([])
  })

  it('has no import cycle', () => {
    expect(cycleIn(imports)).toBeNull()
  })

  it('imports no packages, and the addon only in native.ts', () => {
    const bare = statements.filter(({ specifier }) => !/^(\.|node:)/.test(specifier))
    expect(bare.map(({ from, specifier }) => `${from} → ${specifier}`)).toEqual([])
    // The error of a single executable application names the function too, in a string.
    const loaders = typescript.filter(({ text }) =>
      /\bcreateRequire\b/.test(text.replaceAll(/"[^"\n]*"/g, '')),
    )
    expect(loaders.map(({ name }) => name)).toEqual(['native.ts'])
    // require() of a module with a top-level await is an error.
    const awaiting = typescript.filter(({ text }) => /\bimport\(|^(\S.*)?\bawait\b/m.test(text))
    expect(awaiting.map(({ name }) => name)).toEqual(['cli.ts'])
  })

  it('has an index that only re-exports', () => {
    const index = typescript.find(({ name }) => name === 'index.ts')?.text ?? 'missing'
    const rest = index
      .replace(/^export (type )?\{[^}]*\} from '[^']+'$/gm, '')
      .replace(/^\/\*\*.*?\*\/$/ms, '')
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
  const own = includes.filter(({ system }) => !system)

  const { levelOf, upward, rooms } = layersOf('native')

  it('includes only files that exist', () => {
    expect(own.filter(({ to }) => !names.includes(to)).map(arrow)).toEqual([])
    expect(own.length).toBeGreaterThan(names.length)
  })

  it('has every file in a room that ARCHITECTURE.md lists, and no other rooms', () => {
    expect(names.filter((name) => levelOf(name) === -1)).toEqual([])
    const inhabited = new Set(names.map(levelOf))
    expect(rooms.filter((_, level) => !inhabited.has(level))).toEqual([])
    expect(rooms.length).toBeGreaterThan(9)
  })

  it('includes nothing from a higher room', () => {
    expect(upward(own).map(arrow)).toEqual([])
    // The check itself finds what region.cc once included.
    const once = { from: 'posix/region/region.cc', to: 'posix/faults/fault_guard.h' }
    expect(upward([once, { from: once.to, to: once.from }])).toEqual([once])
  })

  it('knows nothing of Node in posix/', () => {
    const ofNode = /^(napi|node|js_native_api|uv|v8)[-_.a-z]*\.h$|^(uv|cppgc|openssl)\//
    const inPosix = includes.filter(({ from }) => from.startsWith('posix/'))
    expect(inPosix.filter(({ to }) => ofNode.test(to)).map(arrow)).toEqual([])
    expect(ofNode.test('napi.h') && ofNode.test('node_api.h') && ofNode.test('uv.h')).toBe(true)
  })

  it('includes <napi.h> only in napi_setup.h', () => {
    const direct = includes.filter(({ to }) => to === 'napi.h').map(({ from }) => from)
    expect(direct).toEqual(['napi_setup.h'])
  })

  it('has no cycle of headers', () => {
    expect(cycleIn(own.filter(({ from }) => from.endsWith('.h')))).toBeNull()
  })
})

it('no source has the size of a page as a number', () => {
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

  it('has these functions in the binary as well', () => {
    expect(Object.keys(native).sort()).toEqual([...declared].sort())
    const { constants, sourceDigest, ...functions } = native
    expect(Object.values(functions).filter((value) => typeof value !== 'function')).toEqual([])
    expect(Object.values(constants).filter((value) => !Number.isInteger(value))).toEqual([])
    expect(sourceDigest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('has every constant that src/ names', () => {
    const named = typescript.flatMap(({ text }) =>
      [...text.matchAll(/'((?:PROT|MAP|MS|MADV|MREMAP|MFD|POSIX_FADV)_[A-Z_0-9]+)'/g)].map(
        ([, name]) => name,
      ),
    )
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter((name) => !(`${name}` in native.constants))).toEqual([])
  })
})
