// The binaries that are published: they must be built from the current native/, and load wherever
// Node runs.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { commonNames, listFile } from '../../scripts/libc-symbols.js'
import { sourceDigest } from '../../scripts/source-digest.js'
import { type Elf, readElf } from '../support/elf.js'
import { projectRoot } from '../support/processes.js'

const require = createRequire(import.meta.url)
const { v8: nodeApi } = require('node-api-headers').symbols

const nodeApi8: string[] = [...nodeApi.js_native_api_symbols, ...nodeApi.node_api_symbols]

/** The symbols that glibc 2.28, which Node 20 to 26 need, and musl both have. */
const ofBothLibcs = fs.readFileSync(listFile, 'utf8').trimEnd().split('\n')
/** Weak symbols that the linker's start files name and that a process need not have. */
const ofStartFiles = ['_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable', '__gmon_start__']

describe.each([
  { arch: 'x64', machine: 'Advanced Micro Devices X86-64', largestPage: 4 << 10 },
  { arch: 'arm64', machine: 'AArch64', largestPage: 64 << 10 },
])('prebuilds/linux-$arch', ({ arch, machine, largestPage }) => {
  const file = path.join(projectRoot, `prebuilds/linux-${arch}/posix-mmap.node`)
  let read: Elf | undefined
  const elf = () => (read ??= readElf(file))
  const taken = () => elf().symbols.filter(({ defined }) => !defined)

  it('was built from the current native/ and binding.gyp; if not: `npm run prebuilds`', () => {
    expect(fs.existsSync(file)).toBe(true)
    expect(fs.readFileSync(file).includes(sourceDigest())).toBe(true)
  })

  it('is for the machine, and stripped', () => {
    expect(elf().machine).toBe(machine)
    expect(elf().sections).toContain('.dynsym')
    expect(elf().sections.filter((name) => /^\.(symtab|debug)/.test(name))).toEqual([])
  })

  it('stays loaded, with read-only relocations and no executable stack', () => {
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

  it('needs no library by name: each C library has its own, and Deno and Bun no libstdc++', () => {
    expect(elf().needed).toEqual([])
    expect(elf().sections.filter((name) => name.startsWith('.gnu.version_r'))).toEqual([])
  })

  it('has no thread-local storage, which musl refuses and glibc allocates inside of handlers', () => {
    expect(elf().segments.length).toBeGreaterThan(3)
    expect(elf().segments.filter((line) => line.startsWith('TLS'))).toEqual([])
    expect(elf().sections.filter((name) => /^\.t(bss|data)/.test(name))).toEqual([])
  })

  it('takes from the process only what glibc 2.28 and musl both have, and Node-API 8', () => {
    const names = taken().flatMap(({ name, weak }) => (weak || name === '' ? [] : [name]))
    expect(names).toContain('mmap')
    expect(names).toContain('napi_create_external_arraybuffer')
    // Avoid the names listed here, or define them in native/cxx_runtime.cc.
    expect(names.filter((name) => ![...ofBothLibcs, ...nodeApi8].includes(name))).toEqual([])
  })

  it('takes other symbols only as weak ones that may be missing', () => {
    const names = taken().flatMap(({ name, weak }) => (weak ? [name] : []))
    const known = ['node_api_create_external_sharedarraybuffer', '__cxa_finalize', ...ofStartFiles]
    expect(names.filter((name) => !name.startsWith('uv_') && !known.includes(name))).toEqual([])
  })

  it('exports what Node looks for and nothing else', () => {
    const exported = elf().symbols.filter(({ defined }) => defined)
    expect(exported.map(({ name }) => name).sort()).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ])
  })

  it('loads, and reports the digest of its sources', ({ skip }) => {
    if (arch !== process.arch) skip(`this is ${process.arch}; scripts/test-runtimes.js runs it`)
    expect(require(file).sourceDigest).toBe(sourceDigest())
  })
})

it('the list of common symbols is the one that scripts/libc-symbols.js makes', ({ skip }) => {
  const names = commonNames()
  if (names === undefined) skip('a C library is not there: apt-get install musl libc6-arm64-cross')
  expect(names).toEqual(ofBothLibcs)
  expect(ofBothLibcs).toContain('pthread_self')
  // New in glibc 2.33; two versions that differ; only in glibc; dropped by musl 1.2.4; new in glibc
  // 2.36.
  const unfit = ['fstat', 'pthread_cond_timedwait', '__memcpy_chk', 'open64', 'arc4random']
  expect(unfit.filter((name) => ofBothLibcs.includes(name))).toEqual([])
})

/** node-gyp-build chooses by LIBC, or else by whether Alpine's release file exists. */
it.each([
  { where: 'LIBC is glibc', env: { LIBC: 'glibc' }, isAlpine: false },
  { where: 'LIBC is musl', env: { LIBC: 'musl' }, isAlpine: false },
  { where: 'there is no /etc/alpine-release', env: { LIBC: '' }, isAlpine: false },
  { where: 'there is /etc/alpine-release', env: { LIBC: '' }, isAlpine: true },
])('node-gyp-build finds the same file where $where', ({ env, isAlpine }) => {
  const script = `
    const fs = require('fs')
    const { existsSync } = fs
    fs.existsSync = (file) => (file === '/etc/alpine-release' ? ${isAlpine} : existsSync(file))
    process.stdout.write(require('node-gyp-build').resolve(${JSON.stringify(projectRoot)}))`
  const found = execFileSync(process.execPath, ['-e', script], {
    cwd: projectRoot,
    env: { ...process.env, ...env, PREBUILDS_ONLY: '1' },
    encoding: 'utf8',
  })
  expect(path.relative(projectRoot, found)).toBe(`prebuilds/linux-${process.arch}/posix-mmap.node`)
})
