// @ts-check
// Every consumer of bytes that Node has, over memory that somebody else changes all the time.
//
//   node test/runtime/consumers.js truncation|thread|process MILLISECONDS [CONSUMER]
//
// Each consumer has its share of the time. What it returns and throws does not matter: no signal does.

import buffer, { Blob, Buffer } from 'node:buffer'
import { fork } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Duplex, Readable } from 'node:stream'
import * as consumers from 'node:stream/consumers'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import util, { promisify } from 'node:util'
import v8 from 'node:v8'
import vm from 'node:vm'
import {
  isMainThread,
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  workerData,
} from 'node:worker_threads'
import zlib from 'node:zlib'
import { Mapping, mapFile, SharedMemory, withShared } from 'posix-mmap'

const textBytes = 1 << 20
const numberBytes = 1 << 20

/** A module with a few functions. */
function wasmModule() {
  const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127]
  const count = 100
  bytes.push(3, 1 + count, count, ...new Array(count).fill(0))
  const body = [7, 0, 65, 42, 65, 1, 106, 11]
  const code = new Array(count).fill(body).flat()
  const size = code.length + 1
  bytes.push(10, (size & 127) | 128, size >> 7, count, ...code)
  return Uint8Array.from(bytes)
}

const source = Array.from(
  { length: 200 },
  (_, i) => `function f${i}(a) { return a + ${i} + 'text ${i}' }`,
).join('\n')

/** @returns {Promise<any>} the types are those of Node 20 */
const sqlite = () => import(String('node:sqlite'))
const { WebAssembly } = /** @type {any} */ (globalThis)

async function changesetOf() {
  if (Number(process.versions.node.split('.')[0]) < 22) return new Uint8Array()
  const { DatabaseSync } = await sqlite()
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)')
  const session = database.createSession?.()
  if (session === undefined) return new Uint8Array()
  const insert = database.prepare('INSERT INTO t VALUES (?, ?, ?)')
  for (let i = 0; i < 50; i++) insert.run(i, `row ${i}`, Buffer.alloc(20, i))
  return session.changeset()
}

/** Numbers below zero in most element types: the zeros of a page that is gone belong at their end. */
function negative() {
  const bytes = crypto.randomBytes(numberBytes)
  for (let i = 0; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) | 0x80
  return bytes
}

/** What the memory holds, and where. */
async function contents() {
  const keys = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  /** @type {Record<string, Uint8Array>} */
  const parts = {
    text: Buffer.alloc(textBytes, 'zwölf Boxkämpfer €😀 '),
    numbers: negative(),
    json: Buffer.from(JSON.stringify({ list: new Array(500).fill('größer €') })),
    wire: v8.serialize({
      text: 'ünïcödé €'.repeat(500),
      list: new Array(200).fill('größer'),
      map: new Map([['ä', new Set(['ö'])]]),
    }),
    wasm: wasmModule(),
    code: new vm.Script(source).createCachedData(),
    functionCode:
      vm.compileFunction(source, [], { produceCachedData: true }).cachedData ?? new Uint8Array(),
    pkcs8: keys.privateKey.export({ format: 'der', type: 'pkcs8' }),
    pkcs1: keys.publicKey.export({ format: 'der', type: 'pkcs1' }),
    spki: keys.publicKey.export({ format: 'der', type: 'spki' }),
    sec1: ec.privateKey.export({ format: 'der', type: 'sec1' }),
    pem: Buffer.from(keys.privateKey.export({ format: 'pem', type: 'pkcs8' })),
    signature: crypto.sign('sha256', Buffer.from('signed'), ec.privateKey),
    changeset: await changesetOf(),
    gzip: zlib.gzipSync(Buffer.alloc(200_000, 'compress me, ä €')),
    brotli: zlib.brotliCompressSync(Buffer.alloc(200_000, 'compress me, ä €')),
    zstd:
      Reflect.get(zlib, 'zstdCompressSync')?.(Buffer.alloc(200_000, 'compress me, ä €')) ??
      new Uint8Array(),
    request: Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\n${'x-header: value\r\n'.repeat(50)}\r\n`),
  }
  let end = 0
  /** @type {Record<string, [offset: number, length: number]>} */
  const places = {}
  for (const [name, bytes] of Object.entries(parts)) {
    places[name] = [end, bytes.length]
    end = Math.ceil((end + bytes.length) / 16) * 16
  }
  const whole = Buffer.alloc(end)
  for (const [name, bytes] of Object.entries(parts)) whole.set(bytes, places[name]?.[0])
  return { whole, places, ecPublic: ec.publicKey }
}

const numeric = [
  Int8Array,
  Uint8Array,
  Uint16Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
]
const zstd = /** @type {any} */ (zlib)
const sink = fs.openSync('/dev/null', 'w')

/** @param {Buffer} bytes @param {number} size @returns {any} */
function* chunksOf(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** @param {Buffer} bytes @param {(typeof numeric)[number]} Type */
function viewOf(bytes, Type) {
  return new Type(
    /** @type {ArrayBuffer} */ (bytes.buffer),
    bytes.byteOffset,
    bytes.length / Type.BYTES_PER_ELEMENT,
  )
}

/** @param {Buffer} bytes */
const byteStream = (bytes) =>
  new ReadableStream({
    type: 'bytes',
    pull(controller) {
      controller.enqueue(bytes.subarray(0, 65_536))
      controller.close()
    },
  })

/** @type {Record<string, (memory: any) => unknown>} */
const uses = {
  // Wrapped
  'TypedArray.sort': ({ numbers }) => {
    for (const Type of numeric) viewOf(numbers.subarray(0, 1 << 17), Type).sort()
  },
  'TypedArray.sort, little': ({ numbers }) => {
    for (let at = 0; at < 20_000; at += 8)
      new Float64Array(numbers.buffer, numbers.byteOffset + at, 8).sort()
  },
  'TypedArray.sort of a SharedArrayBuffer': ({ shared }) => {
    if (shared !== undefined) new Int32Array(shared.buffer, textBytes, 1 << 15).sort()
  },
  'Buffer.toString': ({ text }) => text.toString(),
  'Buffer.toString, ranges': ({ text }) => {
    for (let at = 0; at < 10_000; at += 7) text.toString('utf8', at, at + 100)
  },
  'Buffer.toString, little': ({ text }) => {
    for (let at = 0; at < 10_000; at += 7) text.subarray(at, at + 22).toString()
  },
  'Buffer.toLocaleString': ({ text }) => text.toLocaleString(),
  'Buffer.utf8Slice': ({ text }) => Reflect.get(text, 'utf8Slice').call(text, 0, text.length),
  'String(buffer)': ({ text }) => [String(text), `${text}`, ''.concat(text)],
  'JSON.parse(buffer)': ({ json }) => JSON.parse(/** @type {any} */ (json)),
  'JSON.stringify': ({ json }) => JSON.stringify([json]),
  TextDecoder: ({ text }) => new TextDecoder().decode(text),
  'TextDecoder, fatal': ({ text }) => new TextDecoder('utf-8', { fatal: true }).decode(text),
  'TextDecoder, streaming': ({ text }) => {
    const decoder = new TextDecoder()
    for (const chunk of chunksOf(text, 10_007)) decoder.decode(chunk, { stream: true })
  },
  'TextDecoder, a whole ArrayBuffer': ({ text }) => new TextDecoder().decode(text.buffer),
  'TextDecoder, other encodings': ({ text }) =>
    ['utf-16le', 'utf-16be', 'latin1', 'shift_jis', 'gb18030', 'windows-1252'].map((name) =>
      new TextDecoder(name).decode(text),
    ),
  TextDecoderStream: async ({ text }) => {
    const stream = ReadableStream.from(chunksOf(text, 65_536))
    for await (const _ of stream.pipeThrough(new TextDecoderStream()));
  },
  StringDecoder: ({ text }) => {
    for (const encoding of /** @type {const} */ (['utf8', 'utf16le', 'base64', 'hex'])) {
      const decoder = new StringDecoder(encoding)
      for (const chunk of chunksOf(text, 100_003)) decoder.write(chunk)
      decoder.end(text.subarray(0, 100))
    }
  },
  'Readable.setEncoding': async ({ text }) => {
    for await (const _ of Readable.from(chunksOf(text, 65_536), { objectMode: false }).setEncoding(
      'utf8',
    ));
  },
  readline: async ({ text }) => {
    for await (const _ of createInterface({
      input: Readable.from(chunksOf(text.subarray(0, 200_000), 65_536), { objectMode: false }),
    }));
  },
  'stream/consumers': ({ text }) =>
    Promise.all([
      consumers.text(chunksOf(text, 65_536)),
      consumers.buffer(chunksOf(text, 65_536)),
      consumers.blob(chunksOf(text, 65_536)),
    ]),
  'byte streams': ({ text }) => consumers.text(byteStream(text)),
  'buffer.transcode': ({ text }) => [
    buffer.transcode(text, 'utf8', 'ucs2'),
    buffer.transcode(text, 'ucs2', 'utf8'),
    buffer.transcode(text, 'latin1', 'utf8'),
    buffer.transcode(text, 'utf8', 'latin1'),
  ],
  'v8.deserialize': ({ wire }) => v8.deserialize(wire),
  'v8.Deserializer': ({ wire }) => {
    const reader = new v8.Deserializer(wire)
    reader.readHeader()
    reader.readValue()
  },
  'vm.Script': ({ code }) => new vm.Script(source, { cachedData: code }).runInThisContext(),
  'vm.compileFunction': ({ functionCode }) =>
    vm.compileFunction(source, [], { cachedData: functionCode })(),
  'WebAssembly.Module': ({ wasm }) => new WebAssembly.Instance(new WebAssembly.Module(wasm)),
  'WebAssembly.compile': ({ wasm }) => WebAssembly.compile(wasm),
  'WebAssembly.instantiate': ({ wasm }) => WebAssembly.instantiate(wasm),
  'WebAssembly.validate': ({ wasm }) => WebAssembly.validate(wasm),
  'WebAssembly.compileStreaming': ({ wasm }) =>
    WebAssembly.compileStreaming(
      new Response(ReadableStream.from([wasm]), {
        headers: { 'content-type': 'application/wasm' },
      }),
    ),
  'crypto.createPrivateKey': ({ pkcs8, sec1, pem }) => [
    crypto.createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
    crypto.createPrivateKey({ key: sec1, format: 'der', type: 'sec1' }),
    crypto.createPrivateKey(pem),
  ],
  'crypto.createPublicKey': ({ spki, pkcs1, pem }) => [
    crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }),
    crypto.createPublicKey({ key: pkcs1, format: 'der', type: 'pkcs1' }),
    crypto.createPublicKey(pem),
  ],
  'crypto.verify': ({ signature, ecPublic }) =>
    crypto.verify('sha256', Buffer.from('signed'), ecPublic, signature),
  'crypto.subtle.importKey': ({ spki }) =>
    crypto.webcrypto.subtle.importKey('spki', spki, { name: 'RSA-PSS', hash: 'SHA-256' }, true, [
      'verify',
    ]),
  'node:sqlite applyChangeset': async ({ changeset }) => {
    if (changeset.length === 0) return
    const { DatabaseSync } = await sqlite()
    const database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)')
    database.applyChangeset(changeset)
    database.prepare('INSERT OR REPLACE INTO t VALUES (1, ?, ?)').run(null, changeset)
    database.close()
  },

  // Read once
  'Buffer to text, other encodings': ({ text }) => {
    for (const encoding of /** @type {const} */ ([
      'latin1',
      'ascii',
      'hex',
      'base64',
      'base64url',
      'utf16le',
    ]))
      text.toString(encoding)
  },
  'Buffer.from, concat, copy, slice': ({ text }) => [
    Buffer.from(text),
    Buffer.concat([text, text]),
    text.copy(Buffer.alloc(text.length)),
    text.slice(5),
    Uint8Array.prototype.slice.call(text),
  ],
  'Buffer.indexOf': ({ text }) => [
    text.indexOf('nowhere €'),
    text.lastIndexOf('nowhere'),
    text.includes(Buffer.from('no')),
    text.indexOf('nowhere', 0, 'utf16le'),
    text.indexOf(7),
  ],
  'Buffer.compare, equals': ({ text, numbers }) => [
    text.compare(numbers),
    text.equals(Buffer.from(text)),
    Buffer.compare(numbers, text),
  ],
  'Buffer.fill, swap, write': ({ text, numbers }) => {
    numbers.swap16().swap32().swap64()
    numbers.fill(text, 0, 5000).write('words €')
  },
  'buffer.isUtf8, isAscii, toJSON, inspect': ({ text }) => [
    buffer.isUtf8(text),
    buffer.isAscii(text),
    util.inspect(text),
    util.inspect(text.subarray(0, 10_000), { maxArrayLength: null }),
  ],
  'toBase64, toHex': ({ text }) => [
    Reflect.get(text, 'toBase64')?.call(text),
    Reflect.get(text, 'toHex')?.call(text),
  ],
  'TypedArray methods': ({ numbers }) => {
    for (const Type of numeric) {
      const view = /** @type {any} */ (viewOf(numbers.subarray(0, 1 << 14), Type))
      const needle = view[0]
      view.toSorted()
      view.reverse().copyWithin(1, 0).set(view.subarray(0, 100), 50)
      view.toReversed().with(0, needle)
      view.sort((/** @type {any} */ a, /** @type {any} */ b) => (a < b ? -1 : 1))
      view.fill(needle, 0, 10)
      for (const method of ['indexOf', 'lastIndexOf', 'includes', 'join']) view[method](needle)
      for (const call of [
        () => Array.from(view),
        () => new Type(view),
        () => /** @type {any} */ (Type).from(view),
        () => [...view],
        () => [].concat(view),
        () => Array.prototype.sort.call(view),
        () => Object.entries(view),
      ])
        call()
      if (Type !== BigInt64Array) new Float64Array(view).set(view)
    }
  },
  'String.fromCharCode': ({ text }) => String.fromCharCode(...text.subarray(0, 5000)),
  'structuredClone, v8.serialize, postMessage': ({ text }) => {
    const { port1, port2 } = new MessageChannel()
    port1.postMessage(text)
    receiveMessageOnPort(port2)
    port1.close()
    return [structuredClone(text), v8.serialize(text)]
  },
  'util.isDeepStrictEqual': ({ text }) => util.isDeepStrictEqual(text, Buffer.from(text)),
  Blob: ({ text }) => new Blob([text]).text(),
  'fs.write': ({ text }) => [fs.writeSync(sink, text), fs.writevSync(sink, [text, text])],
  'fs paths': ({ json }) => {
    fs.existsSync(json.subarray(0, 3000))
  },
  'crypto.Hash, Hmac, hash': ({ text }) => [
    crypto.createHash('sha256').update(text).digest(),
    crypto.createHmac('sha1', text).update(text).digest(),
    Reflect.get(crypto, 'hash')?.('md5', text),
  ],
  'crypto ciphers': ({ text }) => {
    const cipher = crypto
      .createCipheriv('aes-128-gcm', text.subarray(0, 16), text.subarray(16, 28))
      .setAAD(text.subarray(0, 99))
    cipher.update(text)
    cipher.final()
    const decipher = crypto.createDecipheriv(
      'aes-256-cbc',
      text.subarray(0, 32),
      text.subarray(0, 16),
    )
    decipher.update(text)
    decipher.final()
  },
  'crypto.subtle': async ({ text }) => {
    const key = await crypto.webcrypto.subtle.importKey(
      'raw',
      text.subarray(0, 16),
      'AES-GCM',
      false,
      ['encrypt'],
    )
    await Promise.all([
      crypto.webcrypto.subtle.digest('SHA-1', text),
      crypto.webcrypto.subtle.encrypt({ name: 'AES-GCM', iv: text.subarray(0, 12) }, key, text),
    ])
  },
  'crypto secrets, primes, derivation': ({ text, spki }) => {
    crypto.checkPrimeSync(spki.subarray(0, 64))
    crypto.pbkdf2Sync(text, text.subarray(0, 99), 2, 32, 'sha256')
    crypto.hkdfSync('sha256', text, text.subarray(0, 9), text.subarray(0, 9), 32)
    crypto.createSecretKey(text.subarray(0, 32))
    const half = text.subarray(0, 1000)
    crypto.timingSafeEqual(half, Buffer.from(half))
  },
  'crypto.X509Certificate, Certificate': ({ pem }) => {
    for (const call of [
      () => new crypto.X509Certificate(pem),
      () => crypto.Certificate.verifySpkac(pem),
      () => crypto.Certificate.exportChallenge(pem),
    ]) {
      try {
        call()
      } catch {}
    }
  },
  'ECDH, DiffieHellman': ({ spki }) => {
    const ecdh = crypto.createECDH('prime256v1')
    ecdh.generateKeys()
    try {
      ecdh.computeSecret(spki.subarray(0, 65))
    } catch {}
    crypto.createDiffieHellmanGroup('modp1').generateKeys()
  },
  'zlib, at once': ({ text }) => [
    zlib.gzipSync(text.subarray(0, 100_000)),
    zlib.deflateRawSync(text.subarray(0, 100_000)),
    zlib.brotliCompressSync(text.subarray(0, 100_000), {
      params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 },
    }),
    zstd.zstdCompressSync?.(text),
    zstd.crc32?.(text),
  ],
  'zlib in the pool': ({ text }) =>
    Promise.all([
      promisify(zlib.gzip)(text),
      promisify(zlib.brotliCompress)(text.subarray(0, 50_000)),
      zstd.zstdCompress && promisify(zstd.zstdCompress)(text),
    ]),
  'zlib backwards': ({ gzip, brotli, zstd: packed }) => {
    for (const call of [
      () => zlib.gunzipSync(gzip),
      () => zlib.brotliDecompressSync(brotli),
      () => zstd.zstdDecompressSync?.(packed),
    ]) {
      try {
        call()
      } catch {}
    }
  },
  'http parser': async ({ request }) => {
    const server = http.createServer((_, response) => response.end())
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    server.on('clientError', () => {})
    server.emit('connection', socket)
    socket.push(request)
    socket.push(null)
    await delay(1)
    socket.destroy()
  },
  'WebAssembly memory': ({ text }) => {
    new Uint8Array(new WebAssembly.Memory({ initial: 20 }).buffer).set(text)
  },
  Intl: ({ text }) => new Intl.Segmenter().segment(text.toString('utf8', 0, 99)),
  'Atomics, DataView': ({ numbers }) => {
    const words = viewOf(numbers, Int32Array)
    const data = new DataView(numbers.buffer, numbers.byteOffset, numbers.length)
    for (let i = 0; i < 5000; i++) {
      Atomics.add(/** @type {Int32Array} */ (words), i, 1)
      data.setFloat64(i, data.getFloat64(i + 1))
    }
  },
}

/** @param {Mapping} mapping @param {Record<string, [number, number]>} places */
function memoryOf(mapping, places) {
  return Object.fromEntries(
    Object.entries(places).map(([name, [offset, length]]) => [
      name,
      mapping.asBuffer(offset, length),
    ]),
  )
}

// Who changes the memory

/** Nobody ends a process whose parent died by a signal. */
function parentGone() {
  const parent = process.ppid
  return () => process.ppid !== parent
}

const fillings = ['a', 'ä', '€', '😀', '\xff', '\x00']

/** Stores forever. @param {Uint8Array} bytes @param {Record<string, [number, number]>} places */
function store(bytes, places) {
  const numbers = places['numbers'] ?? [0, 0]
  const exact = Object.entries(places).filter(
    ([name, [, length]]) => name !== 'text' && name !== 'numbers' && length > 0,
  )
  const below = negative()
  const above = below.map((byte) => byte & 0x7f)
  const alone = parentGone()
  for (let round = 0; ; round++) {
    if (alone()) return
    const step = 1 << (8 + (round % 9))
    const at = Math.floor(Math.random() * (textBytes - step))
    const filling = Buffer.from(
      fillings[round % fillings.length] ?? '',
      round % 3 === 0 ? 'latin1' : 'utf8',
    )
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).fill(filling, at, at + step)
    for (const values of [above, below]) {
      const from = at % (numberBytes - step)
      bytes.set(values.subarray(from, from + step), numbers[0] + from)
    }
    for (let i = 0; i < 100; i++) {
      const [, [offset, length]] = exact[i % exact.length] ?? ['', [0, 1]]
      const place = offset + Math.floor(Math.random() * Math.min(length, i % 3 === 0 ? length : 64))
      const was = bytes[place] ?? 0
      bytes[place] = i % 2 === 0 ? 0xff & (was + 1) : Math.random() * 256
      bytes[place] = was
    }
  }
}

/** Cuts a file and writes it again, forever. @param {string} file @param {Uint8Array} whole */
function cut(file, whole) {
  const fd = fs.openSync(file, 'r+')
  const alone = parentGone()
  for (let round = 0; ; round++) {
    if (alone()) return
    fs.ftruncateSync(fd, round % 3 === 0 ? (whole.length >> 2) * (round % 4) : 0)
    fs.writeSync(fd, whole, 0, whole.length, 0)
    // Time for somebody to map it.
    const until = performance.now() + (round % 8) / 2
    while (performance.now() < until);
  }
}

/** @param {string} how @param {number} milliseconds @param {string | undefined} only */
async function main(how, milliseconds, only) {
  const { whole, places, ecPublic } = await contents()
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'posix-mmap-consumers-'))
  const file = path.join(directory, 'content')
  fs.writeFileSync(file, whole)
  const here = fileURLToPath(import.meta.url)
  const shared = SharedMemory.create(whole.length)
  shared.write(0, whole)
  /** @type {() => unknown} */
  let end = () => {}
  if (how === 'thread') {
    const worker = new Worker(here, {
      workerData: { handle: shared.share(), places },
      execArgv: [],
    })
    end = () => worker.terminate()
  } else {
    const child =
      how === 'process'
        ? fork(here, ['store', JSON.stringify(places)], withShared({ shared }, {}))
        : fork(here, ['cut', file])
    end = () => child.kill('SIGKILL')
  }
  const names = Object.keys(uses).filter((name) => only === undefined || name === only)
  for (const name of names) {
    fs.writeSync(1, `${name}\n`)
    const until = performance.now() + milliseconds / names.length
    do {
      let mapping = shared
      if (how === 'truncation') {
        try {
          mapping = /** @type {any} */ (
            mapFile(file, { access: 'read-write', length: whole.length })
          )
        } catch {
          continue
        }
      }
      try {
        /** @type {any} */
        const memory = { ...memoryOf(mapping, places), ecPublic }
        if (how !== 'truncation') memory.shared = Buffer.from(mapping.sharedBuffer)
        await uses[name]?.(memory)
      } catch (error) {
        if (!(error instanceof Error)) throw error
      }
      if (mapping !== shared) mapping.unmap()
    } while (performance.now() < until)
  }
  await end()
  fs.rmSync(directory, { recursive: true })
  fs.writeSync(1, 'done\n')
  process.exit(0)
}

const [, , how = '', ...rest] = process.argv
if (!isMainThread) store(Mapping.attach(workerData.handle).bytes(), workerData.places)
else if (how === 'store') store(SharedMemory.inherited('shared').bytes(), JSON.parse(rest[0] ?? ''))
else if (how === 'cut') cut(rest[0] ?? '', fs.readFileSync(rest[0] ?? ''))
else await main(how, Number(rest[0]), rest[1])
