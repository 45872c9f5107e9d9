// Every way that JavaScript reaches memory, on a page that is not there: no signal, and a fault.

import { describe, expect, it } from 'vitest'
import { run } from '../../support/processes.js'

// Each has `mapping`, and `view`, `data`, `buffer` over the page at fault; `hot(f)` runs f until
// the optimising compiler has seen it.
const reads: Record<string, string> = {
  'an interpreted element': 'view[5]',
  'an optimised loop':
    'hot(() => { let sum = 0; for (const byte of view) sum += byte; return sum })',
  'a DataView': 'data.getFloat64(8)',
  'Atomics.load': 'Atomics.load(words, 3)',
  'Buffer.toString': "buffer.toString('latin1')",
  'Buffer.indexOf': "buffer.indexOf('needle')",
  'Buffer.equals': 'buffer.equals(Buffer.alloc(buffer.length, 1))',
  'Buffer.copy': 'buffer.copy(Buffer.alloc(buffer.length))',
  'Buffer.concat': 'Buffer.concat([buffer, buffer])',
  'TypedArray.slice': 'view.slice()',
  'TypedArray.indexOf': 'view.indexOf(7)',
  'TypedArray.sort of a copy': 'Uint8Array.from(view).sort()',
  TextDecoder: "new TextDecoder('utf-16le').decode(view)",
  structuredClone: 'structuredClone(view)',
  'crypto.createHash': "crypto.createHash('sha256').update(view).digest()",
  'zlib.gzipSync': 'zlib.gzipSync(view)',
  'zlib.gzip in the pool': 'await promisify(zlib.gzip)(view)',
  'crypto.subtle.digest': "await crypto.subtle.digest('SHA-256', view)",
  'fs.writeSync': "try { fs.writeSync(other, view) } catch (error) { expectCode(error, 'EFAULT') }",
  'fs.promises':
    "await fs.promises.writeFile(file + '.out', view).catch((e) => expectCode(e, 'EFAULT'))",
  'Blob and its reader': 'await new Blob([view]).arrayBuffer()',
}

const writes: Record<string, string> = {
  'an interpreted element': 'view[5] = 1',
  'an optimised loop': 'hot(() => { for (let i = 0; i < view.length; i++) view[i] = i })',
  'a DataView': 'data.setFloat64(8, 1.5)',
  'Atomics.store': 'Atomics.store(words, 3, 1)',
  'Atomics.add': 'Atomics.add(words, 3, 1)',
  'Atomics.compareExchange': 'Atomics.compareExchange(words, 3, Atomics.load(words, 3), 9)',
  'TypedArray.fill': 'view.fill(7)',
  'TypedArray.set': 'view.set(new Uint8Array(view.length).fill(3))',
  'TypedArray.copyWithin': 'view.copyWithin(1, 0)',
  'TypedArray.sort': 'view.sort()',
  'TypedArray.reverse': 'view.reverse()',
  'Buffer.write': "buffer.write('hello')",
  'Buffer.swap16': 'buffer.swap16()',
  'Buffer.copy': 'Buffer.alloc(buffer.length, 5).copy(buffer)',
  'TextEncoder.encodeInto': "new TextEncoder().encodeInto('hello', view)",
  'crypto.randomFillSync': 'crypto.randomFillSync(view)',
  'crypto.randomFill in the pool': 'await promisify(crypto.randomFill)(view)',
  'crypto.getRandomValues': 'crypto.webcrypto.getRandomValues(view)',
  'fs.readSync': "try { fs.readSync(other, view) } catch (error) { expectCode(error, 'EFAULT') }",
}

function program(setUp: string, access: string): string {
  return `
    import fs from 'node:fs'
    import os from 'node:os'
    import path from 'node:path'
    import zlib from 'node:zlib'
    import crypto from 'node:crypto'
    import { promisify } from 'node:util'
    import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'posix-mmap-fault-'))
    const file = path.join(directory, 'data')
    process.on('exit', () => fs.rmSync(directory, { recursive: true }))
    fs.writeFileSync(file, Buffer.alloc(2 * pageSize, 7))
    fs.writeFileSync(file + '.other', Buffer.alloc(2 * pageSize, 8))
    const other = fs.openSync(file + '.other', 'r+')
    const hot = (f) => { for (let i = 0; i < 3000; i++) f() }
    let refused = false
    const expectCode = (error, code) => { if (error.code !== code) throw error; refused = true }
    ${setUp}
    const view = mapping.bytes(pageSize)
    const data = mapping.dataView(pageSize)
    const words = mapping.view(Int32Array, pageSize)
    const buffer = mapping.asBuffer(pageSize)
    ${access}
    const { fault } = mapping
    const size = fs.statSync(file).size
    console.log(JSON.stringify({ kind: fault?.kind, offset: fault?.offset, refused, size,
      first: fs.readFileSync(file)[0] }))`
}

const truncated = (access: string) => `
  const mapping = mapFile(file, { access: '${access}' })
  fs.truncateSync(file, pageSize)`

async function expectFault(setUp: string, access: string, kind: string): Promise<void> {
  // It asks for the fault, but some accesses end only after a turn of the event loop.
  const quiet = '--disable-warning=MappingFaultWarning'
  const { code, signal, stdout, stderr } = await run(program(setUp, access), quiet)
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  const seen = JSON.parse(stdout)
  // A system call refuses the page instead of raising a signal.
  if (!seen.refused) expect(seen.kind).toBe(kind)
  expect(seen.first).toBe(7)
}

describe.concurrent('reading a page that was truncated', () => {
  it.each(Object.entries(reads))('%s', (_name, access) =>
    expectFault(truncated('read'), access, 'truncated'),
  )
})

describe.concurrent('writing to a page that was truncated', () => {
  it.each(Object.entries(writes))('%s', (_name, access) =>
    expectFault(truncated('read-write'), access, 'truncated'),
  )
})

describe.concurrent('writing to a page that may only be read', () => {
  it.each(Object.entries(writes))('%s', (_name, access) =>
    expectFault('const mapping = mapFile(file)', access, 'read-only'),
  )
})

describe.concurrent('reading a page with no access', () => {
  it.each(Object.entries(reads))('%s', (_name, access) =>
    expectFault("const mapping = mapFile(file); mapping.protect('none')", access, 'no-access'),
  )
})
