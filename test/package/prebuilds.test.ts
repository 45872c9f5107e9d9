// The binaries that are published: that they are those of native/, and load wherever Node does.

import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { sourceDigest } from '../../scripts/source-digest.js'
import { type Elf, readElf, symbolsAbove } from '../support/elf.js'
import { projectRoot } from '../support/processes.js'

const require = createRequire(import.meta.url)
const { v8: nodeApi } = require('node-api-headers').symbols

/** What Node 20 to 26 ask of the machine themselves. */
const floor = { GLIBC: '2.28', GLIBCXX: '3.4.21', CXXABI: '1.3.9' }
const librariesOfNode = [
  'ld-linux-aarch64.so.1',
  'ld-linux-x86-64.so.2',
  ...['libc.so.6', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0', 'libstdc++.so.6'],
]
const nodeApi8: string[] = [...nodeApi.js_native_api_symbols, ...nodeApi.node_api_symbols]

describe.each([
  { arch: 'x64', machine: 'Advanced Micro Devices X86-64', largestPage: 4 << 10 },
  { arch: 'arm64', machine: 'AArch64', largestPage: 64 << 10 },
])('prebuilds/linux-$arch', ({ arch, machine, largestPage }) => {
  const file = path.join(projectRoot, `prebuilds/linux-${arch}/posix-mmap.node`)
  let read: Elf | undefined
  const elf = () => (read ??= readElf(file))
  const taken = () => elf().symbols.filter(({ defined }) => !defined)

  it('was made from native/ and binding.gyp as they are: `npm run prebuilds`', () => {
    expect(fs.existsSync(file)).toBe(true)
    expect(fs.readFileSync(file).includes(sourceDigest())).toBe(true)
  })

  it('is for the machine, and stripped', () => {
    expect(elf().machine).toBe(machine)
    expect(elf().sections).toContain('.dynsym')
    expect(elf().sections.filter((name) => /^\.(symtab|debug)/.test(name))).toEqual([])
  })

  it('stays loaded, and is written to by nobody once it is', () => {
    expect(elf().dynamic.join('\n')).toMatch(/\(FLAGS_1\) .*\bNOW\b.*\bNODELETE\b/)
    expect(elf().segments.filter((line) => line.startsWith('GNU_RELRO'))).toHaveLength(1)
    expect(elf().segments.filter((line) => /^GNU_STACK.* RW /.test(line))).toHaveLength(1)
    expect(elf().dynamic.filter((line) => /TEXTREL|RPATH|RUNPATH/.test(line))).toEqual([])
  })

  it('can be loaded with the largest pages of the architecture', () => {
    const loads = elf().segments.filter((line) => line.startsWith('LOAD'))
    expect(loads.length).toBeGreaterThan(1)
    const alignments = loads.map((line) => Number(/0x[\da-f]+$/.exec(line)?.[0]))
    expect(Math.min(...alignments)).toBeGreaterThanOrEqual(largestPage)
  })

  it('needs no library that Node does not load', () => {
    expect(elf().needed).toContain('libc.so.6')
    expect(elf().needed.filter((name) => !librariesOfNode.includes(name))).toEqual([])
  })

  it('needs no glibc and no libstdc++ that is younger than what Node needs', () => {
    expect(taken().filter(({ version }) => version !== null).length).toBeGreaterThan(20)
    // What is listed here belongs in native/glibc_floor.h, or was better not used.
    expect(symbolsAbove(floor, elf())).toEqual([])
  })

  it('needs nothing of Node that is younger than Node-API 8', () => {
    const strong = taken().filter(({ version, weak }) => version === null && !weak)
    const names = strong.map(({ name }) => name).filter((name) => name !== '')
    expect(names).toContain('napi_create_external_arraybuffer')
    expect(names.filter((name) => !nodeApi8.includes(name))).toEqual([])
  })

  it('exports what Node looks for and nothing else', () => {
    const exported = elf().symbols.filter(({ defined }) => defined)
    expect(exported.map(({ name }) => name).sort()).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ])
  })

  it('names no function that musl does not have', ({ skip }) => {
    const musl = '/lib/ld-musl-x86_64.so.1'
    if (!fs.existsSync(musl)) skip(`${musl} is not there: apt-get install musl`)
    const offered = readElf(musl).symbols.filter(({ defined }) => defined)
    const names = new Set(offered.map(({ name }) => name))
    const ofLibc = taken().filter(({ version, weak }) => version?.startsWith('GLIBC_') && !weak)
    expect(ofLibc.length).toBeGreaterThan(20)
    expect(ofLibc.map(({ name }) => name).filter((name) => !names.has(name))).toEqual([])
  })

  it('loads, and is the one that it says it is', ({ skip }) => {
    if (arch !== process.arch) skip(`this is ${process.arch}; scripts/test-runtimes.js runs it`)
    expect(require(file).sourceDigest).toBe(sourceDigest())
  })
})

it('a symbol above the floor would be found', () => {
  const symbol = (version: string) => ({ name: 'f', version, defined: false, weak: false })
  const versions = ['GLIBC_2.2.5', 'GLIBC_2.28', 'GLIBC_2.34', 'GLIBCXX_3.4.30', 'GCC_3.0']
  const symbols = versions.map(symbol)
  const above = symbolsAbove(floor, { symbols } as unknown as Elf)
  expect(above).toEqual(['f@GLIBC_2.34', 'f@GLIBCXX_3.4.30', 'f@GCC_3.0'])
})
