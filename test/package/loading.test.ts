// How dist/ finds its binary, and the error when it finds none that loads.

import fs from 'node:fs'
import path from 'node:path'
import { pageSize } from 'posix-mmap'
import { beforeEach, describe, expect, it } from 'vitest'
import { movedAway, noBinding } from '../../dist/internals.js'
import { scratchDirectory } from '../support/files.js'
import { projectRoot, run } from '../support/processes.js'

const scratch = scratchDirectory()
const prebuilt = (arch: string) => `prebuilds/linux-${arch}/posix-mmap.node`
const here = prebuilt(process.arch)
const elsewhere = prebuilt(process.arch === 'x64' ? 'arm64' : 'x64')
const built = 'build/Release/posix_mmap.node'

/** A folder in which the package is installed, but without a binary. */
let root: string

beforeEach(() => {
  root = fs.mkdtempSync(path.join(scratch.directory, 'package-'))
  fs.cpSync(path.join(projectRoot, 'dist'), path.join(root, 'dist'), { recursive: true })
  fs.cpSync(path.join(projectRoot, 'package.json'), path.join(root, 'package.json'))
  fs.mkdirSync(path.join(root, 'node_modules'))
  const loader = 'node_modules/node-gyp-build'
  fs.symlinkSync(path.join(projectRoot, loader), path.join(root, loader))
})

function put(place: string, content: Uint8Array | string): void {
  const file = path.join(root, place)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, content)
}

function putBinary(place: string, from: string): void {
  put(place, fs.readFileSync(path.join(projectRoot, from)))
}

interface Outcome {
  loaded: boolean
  code?: string
  message?: string
  cause?: string
}

/** The output of a process that imports the package. */
async function load(environment: Record<string, string> = {}): Promise<Outcome> {
  const { code, signal, stdout, stderr } = await run(
    `Object.assign(process.env, ${JSON.stringify(environment)})
     try {
       const { mapFile } = await import(${JSON.stringify(path.join(root, 'dist/index.js'))})
       const mapping = mapFile('/proc/self/exe')
       console.log(JSON.stringify({ loaded: mapping.read(1, 3).toString() === 'ELF' }))
     } catch ({ code, message, cause }) {
       console.log(JSON.stringify({ loaded: false, code, message, cause: cause?.message }))
     }`,
  )
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return JSON.parse(stdout)
}

function expectNoBinding(outcome: Outcome, reason: RegExp): void {
  expect(outcome).toMatchObject({ loaded: false, code: 'ERR_NO_BINDING' })
  expect(outcome.cause).toMatch(reason)
  expect(outcome.message).toMatch(reason)
  expect(outcome.message).toContain(`linux-${process.arch} (glibc `)
  expect(outcome.message).toContain(`build/Release and prebuilds/linux-${process.arch} in ${root}`)
  expect(outcome.message).toContain('npm run build:native')
}

describe('a binary that loads', () => {
  it('is the prebuilt one of the package', async () => {
    putBinary(here, here)
    expect(await load()).toEqual({ loaded: true })
  })

  it('is one that was built, if there is no prebuilt one', async () => {
    putBinary(built, here)
    expect(await load()).toEqual({ loaded: true })
  })
})

describe('ERR_NO_BINDING', () => {
  it('when there is none', async () => {
    expectNoBinding(await load(), /No native build was found for platform=linux/)
  })

  it('when there is only one for another architecture', async () => {
    putBinary(elsewhere, elsewhere)
    expectNoBinding(await load(), /No native build was found for platform=linux/)
  })

  it.each(['', 'not a binary'])('when it is %j', async (content) => {
    put(here, content)
    expectNoBinding(await load(), /posix-mmap\.node: (file too short|invalid ELF header)/)
  })

  it('when it is one for another architecture under the name of this one', async () => {
    putBinary(here, elsewhere)
    expectNoBinding(await load(), /posix-mmap\.node: cannot open shared object file/)
  })
})

describe('ERR_NO_BINDING of code that was put somewhere else', () => {
  const bundlers = 'A bundler must leave posix-mmap out, as an external module'

  it.each([
    ['without package.json', () => fs.rmSync(path.join(root, 'package.json'))],
    ['of another package', () => put('package.json', '{ "name": "app" }')],
    ['whose package.json is none', () => put('package.json', 'app')],
  ])('in a folder %s', async (_name, change) => {
    put('dist/package.json', '{ "type": "module" }')
    change()
    const { code, message, cause } = await load()
    expect(code).toBe('ERR_NO_BINDING')
    expect(message).toMatch(
      /^posix-mmap finds its binary next to its code, and its code was put some/,
    )
    expect(message).toContain(`${root} is not the package's folder`)
    expect(message).toContain(bundlers)
    expect(message).toContain("serverExternalPackages: ['posix-mmap'] for Next.js")
    expect(cause).toMatch(/No native build was found/)
  })

  it('next to the addon of another package', async () => {
    const folder = path.join(projectRoot, 'node_modules/@rolldown')
    const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const name = names.find((each) => each.endsWith('.node')) ?? 'missing'
    fs.mkdirSync(path.join(root, 'build/Release'), { recursive: true })
    fs.symlinkSync(path.join(folder, name), path.join(root, built))
    expectNoBinding(await load(), /another package's/)
    put('package.json', '{ "name": "app", "type": "module" }')
    const { code, message, cause } = await load()
    expect({ code, cause }).toEqual({
      code: 'ERR_NO_BINDING',
      cause: "what is there is another package's",
    })
    expect(message).toContain(bundlers)
  })

  it('is followed to where a bundler has put the binary, and by no URL for browsers', async () => {
    const library = path.join(root, 'dist/library.js')
    const code = fs.readFileSync(library, 'utf8')
    const literal = `new URL("../${here}", import.meta.url)`
    expect(code).toContain(literal)
    putBinary('media/moved.node', here)
    const move = (to: string) => fs.writeFileSync(library, code.replace(literal, to))
    move("new URL('../media/moved.node', import.meta.url)")
    expect(await load()).toEqual({ loaded: true })
    move("({ href: '/_next/static/media/moved.node' })")
    expectNoBinding(await load(), /No native build was found/)
  })

  it('says for a single executable application what to do instead', () => {
    const { code, message } = movedAway(undefined, true, new Error('why')) as NodeJS.ErrnoException
    expect(code).toBe('ERR_NO_BINDING')
    expect(message).toContain("createRequire(process.execPath)('posix-mmap')")
    expect(message).toMatch(/why$/)
  })
})

it('works in two copies of its code that share one addon', async () => {
  fs.mkdirSync(path.join(root, 'build/Release'), { recursive: true })
  fs.symlinkSync(path.join(projectRoot, built), path.join(root, built))
  const file = path.join(scratch.directory, 'two-copies')
  fs.writeFileSync(file, Buffer.alloc(2 * pageSize))
  const { stdout } = await run(`
    import fs from 'node:fs'
    const copies = [await import('posix-mmap'), await import('${root}/dist/index.js')]
    const heard = []
    const mappings = copies.map(({ mapFile }, i) => mapFile('${file}', { onFault: () => heard.push(i) }))
    fs.truncateSync('${file}', 0)
    for (const mapping of mappings) mapping.bytes()[${pageSize}]
    for (const mapping of mappings) await mapping.lock({ length: 0 })
    for (const { mapAnonymous } of copies) await mapAnonymous(2 ** 20).populate()
    while (heard.length < 2) await new Promise(setImmediate)
    const locks = [await import('posix-mmap/sync'), await import('${root}/dist/sync.js')]
    const memory = copies[0].SharedMemory.create(64)
    const memories = copies.map(({ SharedMemory }) => SharedMemory.open(memory.fd, { access: 'read-write' }))
    const mutexes = locks.map(({ Mutex }, i) => new Mutex(memories[i]))
    const taken = mutexes.map((mutex) => [mutex.lockSync(), mutexes.map((other) => other.tryLock()), mutex.unlock()])
    console.log(JSON.stringify([copies[0].mapFile === copies[1].mapFile, heard.sort(), taken]))`)
  const taken = [true, [false, false], null]
  expect(JSON.parse(stdout)).toEqual([false, [0, 1], [taken, taken]])
})

describe('a build/ that does not load', () => {
  beforeEach(() => {
    putBinary(here, here)
    put(built, 'from another machine')
  })

  it('hides the prebuilt binary, and the error names it', async () => {
    expectNoBinding(await load(), /build\/Release\/posix_mmap\.node: (file too|invalid ELF)/)
  })

  it('is ignored with PREBUILDS_ONLY=1', async () => {
    expect(await load({ PREBUILDS_ONLY: '1' })).toEqual({ loaded: true })
  })
})

it('the error says when there is no glibc', () => {
  const { report } = process
  const replace = (value: unknown) =>
    Object.defineProperty(process, 'report', { value, configurable: true, writable: true })
  try {
    replace({ getReport: () => ({ header: {} }) })
    expect(noBinding('/x', new Error('why')).message).toContain('(no glibc, perhaps musl)')
  } finally {
    replace(report)
  }
})
