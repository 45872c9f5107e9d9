// unmap() while other work on a view is still in flight: that work ends harmlessly, and never
// writes to the file afterwards.

import { describe, expect, it } from 'vitest'
import { runForJson } from '../../support/processes.js'

// Each row starts work on `view`, a view of `mapping`, and gives a promise that settles when it ends.
const jobs: Record<string, string> = {
  'fs.read': 'promisify(fs.read)(source, view, 0, view.length, 0)',
  'fs.write': 'promisify(fs.write)(sink, view, 0, view.length, 0)',
  'fs.writev': 'promisify(fs.writev)(sink, [view, view], 0)',
  'fs.promises.writeFile': 'fs.promises.writeFile(sinkPath, view)',
  'FileHandle.read': 'handle.read(view)',
  'crypto.randomFill': 'promisify(crypto.randomFill)(view)',
  'crypto.subtle.digest': "crypto.subtle.digest('SHA-256', view)",
  'zlib.gzip': 'promisify(zlib.gzip)(view)',
  'zlib.gzip of what does not get smaller': 'promisify(zlib.gzip)(incompressible(view))',
  'zlib.brotliCompress of what does not get smaller':
    'promisify(zlib.brotliCompress)(incompressible(view), { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 0 } })',
  'zlib.inflate of no zlib data': 'promisify(zlib.inflate)(view)',
  'zlib.brotliCompress':
    'promisify(zlib.brotliCompress)(view, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })',
  'a zlib stream': `new Promise((resolve) => {
    zlib.createGzip().on('error', resolve).on('end', resolve).resume().end(view)
  })`,
  'a file stream': `new Promise((resolve) => {
    fs.createWriteStream(null, { fd: sink, autoClose: false }).on('error', resolve).write(view, resolve)
  })`,
  'a socket': 'new Promise((resolve) => client.write(view, resolve))',
}

const program = (job: string) => `
  import fs from 'node:fs'
  import os from 'node:os'
  import net from 'node:net'
  import path from 'node:path'
  import zlib from 'node:zlib'
  import crypto from 'node:crypto'
  import { once } from 'node:events'
  import { promisify } from 'node:util'
  import { mapFile } from 'posix-mmap'
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'posix-mmap-flight-'))
  process.on('exit', () => fs.rmSync(directory, { recursive: true }))
  const file = path.join(directory, 'mapped')
  const sourcePath = path.join(directory, 'source')
  const sinkPath = path.join(directory, 'sink')
  const size = 4 << 20
  fs.writeFileSync(sourcePath, Buffer.alloc(size, 9))
  const source = fs.openSync(sourcePath)
  const sink = fs.openSync(sinkPath, 'w')
  const handle = await fs.promises.open(sourcePath)
  const server = net.createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = net.connect(server.address().port, '127.0.0.1')
  await once(client, 'connect')
  // Gives more output than zlib makes in one step.
  const incompressible = (view) => crypto.randomFillSync(view.subarray(0, 1 << 20))
  const ends = []
  // In rounds, so that the pool is busy when the memory is freed and other mappings take its
  // addresses.
  for (let round = 0; round < 12; round++) {
    fs.writeFileSync(file, Buffer.alloc(size, 7))
    const mapping = mapFile(file, { access: 'read-write' })
    const view = mapping.bytes()
    ends.push((async () => ${job})().then(() => 'done', (error) => error.code ?? error.name))
    if (round % 2 === 1) await new Promise(setImmediate)
    mapping.unmap()
    // Of a file stream it stays until its work has ended, over zeros.
    if (view.length > 0 && view.some((byte) => byte !== 0)) throw new Error('a view still has the bytes')
    fs.truncateSync(file, 0)
    globalThis.gc?.()
  }
  const states = await Promise.all(ends)
  client.destroy()
  await handle.close()
  server.close()
  console.log(JSON.stringify({ ended: states.length, size: fs.statSync(file).size }))`

describe.concurrent('unmap() under work in flight', () => {
  it.each(Object.entries(jobs))('%s', async (_name, job) => {
    expect(await runForJson(program(job), '--expose-gc')).toEqual({ ended: 12, size: 0 })
  })
})
