// The binaries that are published: that they are those of native/, and load wherever Node does.

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

/** What glibc 2.28, which Node 20 to 26 ask for, and musl both have. */
const ofBothLibcs = fs.readFileSync(listFile, 'utf8').trimEnd().split('\n')
/** What the linker's start files name, and a process can do without. */
const ofStartFiles = ['_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable', '__gmon_start__']

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
    // What is listed here belongs in native/cxx_runtime.cc, or was better not used.
    expect(names.filter((name) => ![...ofBothLibcs, ...nodeApi8].includes(name))).toEqual([])
  })

  it('can do without whatever else it asks for', () => {
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

  it('loads, and is the one that it says it is', ({ skip }) => {
    if (arch !== process.arch) skip(`this is ${process.arch}; scripts/test-runtimes.js runs it`)
    expect(require(file).sourceDigest).toBe(sourceDigest())
  })
})

it('the list of what both C libraries have is what scripts/libc-symbols.js makes', ({ skip }) => {
  const names = commonNames()
  if (names === undefined) skip('a C library is not there: apt-get install musl libc6-arm64-cross')
  expect(names).toEqual(ofBothLibcs)
  expect(ofBothLibcs).toContain('pthread_self')
  // glibc 2.33; two versions that do not go together; only in glibc; a name that musl 1.2.4 dropped.
  const unfit = ['fstat', 'pthread_cond_timedwait', '__memcpy_chk', 'open64', 'arc4random']
  expect(unfit.filter((name) => ofBothLibcs.includes(name))).toEqual([])
})

/** What node-gyp-build goes by: LIBC, or else whether Alpine's release file is there. */
it.each([
  { where: 'LIBC is glibc', env: { LIBC: 'glibc' }, isAlpine: false },
  { where: 'LIBC is musl', env: { LIBC: 'musl' }, isAlpine: false },
  { where: 'there is no /etc/alpine-release', env: { LIBC: '' }, isAlpine: false },
  { where: 'there is /etc/alpine-release', env: { LIBC: '' }, isAlpine: true },
])('node-gyp-build finds the one file where $where', ({ env, isAlpine }) => {
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
