// What a program sees of the built-ins that were wrapped: nothing, as far as that is possible.

import { describe, expect, it } from 'vitest'
import { run, runForJson } from '../support/processes.js'

const node = process.versions['bun'] === undefined && process.versions['deno'] === undefined

/** `changing` is bytes of a mapping, `own` an array of this process, `targets` what is wrapped. */
const preamble = `
  import assert from 'node:assert/strict'
  import buffer, { Buffer } from 'node:buffer'
  import crypto from 'node:crypto'
  import { once } from 'node:events'
  import stringDecoder from 'node:string_decoder'
  import tls from 'node:tls'
  import util from 'node:util'
  import v8 from 'node:v8'
  import vm from 'node:vm'
  import zlib from 'node:zlib'
  import { mapAnonymous, SharedMemory } from 'posix-mmap'

  const TypedArray = Object.getPrototypeOf(Uint8Array)
  ReadableStream
  const deflate = zlib.createDeflateRaw()
  const owners = {
    TypedArray: [TypedArray.prototype, 'sort'],
    Buffer: [Buffer.prototype, 'utf8Slice', 'toString', 'toLocaleString'],
    TextDecoder: [TextDecoder.prototype, 'decode'],
    StringDecoder: [stringDecoder.StringDecoder.prototype, 'write'],
    buffer: [buffer, 'transcode'],
    v8: [v8, 'Deserializer', 'DefaultDeserializer', 'deserialize'],
    vm: [vm, 'Script', 'compileFunction'],
    WebAssembly: [WebAssembly, 'Module', 'compile', 'instantiate', 'validate'],
    crypto: [crypto, 'sign', 'verify', 'createPublicKey', 'createPrivateKey', 'publicEncrypt'],
    Sign: [crypto.Sign.prototype, 'sign'],
    Verify: [crypto.Verify.prototype, 'verify'],
    subtle: [Object.getPrototypeOf(crypto.webcrypto.subtle), 'importKey'],
    tls: [tls.TLSSocket.prototype, 'setSession'],
    ArrayBuffer: [ArrayBuffer.prototype, 'transfer', 'transferToFixedLength'],
    streams: [ReadableByteStreamController.prototype, 'enqueue'],
    byob: [ReadableStreamBYOBReader.prototype, 'read'],
    zlib: [Object.getPrototypeOf(deflate._handle), 'write'],
  }
  const targets = Object.values(owners).flatMap(([owner, ...keys]) =>
    keys.filter((key) => key in owner).map((key) => [owner, key]))
  const described = () => targets.map(([owner, key]) => {
    const { value, ...flags } = Object.getOwnPropertyDescriptor(owner, key)
    const own = Object.fromEntries(Reflect.ownKeys(value).map((name) => {
      const { value: inside, ...rest } = Object.getOwnPropertyDescriptor(value, name)
      return [String(name), { ...rest, inside: ['string', 'number'].includes(typeof inside) ? inside : typeof inside }]
    }))
    return { key, flags, type: typeof value, name: value.name, length: value.length, own,
      constructor: !/^[A-Z]/.test(key) || value.prototype.constructor === value,
      native: /\\[native code\\]/.test(Function.prototype.toString.call(value)) }
  })
  const values = () => targets.map(([owner, key]) => owner[key])
  const replaced = (before) => values().map((value, i) => value === before[i] ? null : targets[i][1]).filter(Boolean)
  const print = (value) => console.log(JSON.stringify(value))
`
const mapping = `
  const text = 'zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. €😀'.repeat(3)
  const memory = mapAnonymous(1 << 16)
  const changing = memory.asBuffer(4096, Buffer.byteLength(text))
  changing.write(text)
`
const program = (body: string) => preamble + mapping + body

describe.runIf(node)('wrapped built-ins', () => {
  it('are those of Node until memory is mapped', async () => {
    const [imported, shown] = (await runForJson(`${preamble}
      const before = values()
      await 0
      const imported = replaced(before)
      const memory = mapAnonymous(1 << 16)
      memory.unmap()
      print([imported, replaced(before)])
    `)) as string[][]
    expect(imported).toEqual([])
    expect(shown).toEqual(
      expect.arrayContaining(['sort', 'utf8Slice', 'decode', 'write', 'transcode', 'Deserializer']),
    )
    expect(shown).toEqual(
      expect.arrayContaining(['compileFunction', 'Module', 'compile', 'verify']),
    )
    expect(shown).not.toContain('Script')
    expect(shown).not.toContain('deserialize')
  })

  it('are never touched when the environment forbids it', async () => {
    const body = `${preamble}
      const before = values()
      const parent = Object.getPrototypeOf(vm.Script)
      const memory = mapAnonymous(1 << 16)
      memory.buffer
      memory.unmap()
      print([replaced(before), Object.getPrototypeOf(vm.Script) === parent])
    `
    process.env['POSIX_MMAP_LEAVE_NODE_ALONE'] = '1'
    try {
      expect(await runForJson(body)).toEqual([[], true])
    } finally {
      delete process.env['POSIX_MMAP_LEAVE_NODE_ALONE']
    }
  })

  it('keep name, length, flags, own properties and what toString() says of native code', async () => {
    const [before, after] = (await runForJson(`${preamble}
      const before = described()
      const memory = mapAnonymous(1 << 16)
      memory.buffer
      memory.unmap()
      print([before, described()])
    `)) as Record<string, unknown>[][]
    for (const [i, was] of (before ?? []).entries()) {
      const is = after?.[i]
      // A JavaScript function may become a proxy, which says native code; never the other way round.
      const native = was['native'] === true || is?.['native']
      expect(is, String(was['key'])).toEqual({ ...was, native })
    }
  })

  it('give the same text, order and errors for memory that changes and for memory that does not', async () => {
    const finished = await run(
      program(`
      const outcomeOf = (call, input) => {
        try { return { value: call(input) } } catch (error) { return { name: error.name, code: error.code, message: error.message } }
      }
      const same = (call, bytes = changing) => {
        assert.deepEqual(outcomeOf(call, bytes), outcomeOf(call, Buffer.from(bytes)), String(call))
      }
      const numbers = [undefined, null, 0, -0, 1, 3, 21, 1.9, -1, NaN, Infinity, -Infinity, '2', 'x', {}, [4], true, 10n, Symbol.iterator, 65, 4096]
      const encodings = [undefined, null, 'utf8', 'utf-8', 'UTF8', 'Utf-8', 'latin1', 'hex', 'base64', 'base64url', 'ucs2', 'utf16le', 'ascii', 'binary', 'nope', 8, {}, { toString: () => 'utf8' }, Symbol.iterator]
      for (const size of [0, 1, 22, 63, 64, 65, changing.length]) {
        const bytes = changing.subarray(0, size)
        same((b) => b.toString(), bytes)
        same((b) => String(b), bytes)
        same((b) => b + '', bytes)
        same((b) => b.toLocaleString(), bytes)
        for (const e of encodings) for (const from of numbers) {
          same((b) => b.toString(e, from), bytes)
          same((b) => b.toString(e, from, 9), bytes)
          same((b) => b.toString(e, 1, from), bytes)
        }
        for (const from of numbers) for (const to of numbers) same((b) => b.utf8Slice(from, to), bytes)
        same((b) => new TextDecoder().decode(b), bytes)
        same((b) => new TextDecoder('utf-8', { fatal: true }).decode(b), bytes)
        same((b) => new TextDecoder('utf-16le').decode(b), bytes)
        same((b) => { const d = new TextDecoder(); return d.decode(b.subarray(0, 6), { stream: true }) + d.decode(b.subarray(6)) }, bytes)
        same((b) => { const d = new stringDecoder.StringDecoder('utf8'); return d.write(b.subarray(0, 6)) + d.end(b.subarray(6)) }, bytes)
        same((b) => { const d = new stringDecoder.StringDecoder('base64'); return d.write(b) + d.end() }, bytes)
        same((b) => buffer.transcode(b, 'utf8', 'latin1').toString('hex'), bytes)
        same((b) => buffer.transcode(b, 'nope', 'latin1'), bytes)
        same((b) => [...b.subarray().sort()], bytes)
        changing.write(text)
      }
      // Every element type, and what covers bytes that are no Uint8Array.
      const random = crypto.randomBytes(800)
      for (const name of ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'Float16Array']) {
        const Type = globalThis[name]
        if (Type === undefined) continue
        for (const count of [0, 1, 2, 7, 9, 100]) for (const offset of [0, 8, 4096]) {
          const view = new Type(memory.buffer, offset, count)
          const own = new Type(random.buffer.slice(random.byteOffset, random.byteOffset + 800), 0, count)
          view.set(own)
          assert.equal(view.sort(), view)
          own.sort()
          assert.deepEqual(view, own)
          view.sort((a, b) => a < b ? 1 : a > b ? -1 : 0)
          own.sort((a, b) => a < b ? 1 : a > b ? -1 : 0)
          assert.deepEqual(view, own)
          const bytes = new Uint8Array(own.buffer, 0, own.byteLength)
          for (const call of [(v) => new TextDecoder().decode(v), (v) => Buffer.prototype.toString.call(v), (v) => Buffer.prototype.utf8Slice.call(v), (v) => Buffer.prototype.utf8Slice.call(v, 0, 3), (v) => new stringDecoder.StringDecoder('utf8').write(v)])
            assert.deepEqual(outcomeOf(call, view), outcomeOf(call, own), name + call)
        }
      }
      const data = memory.dataView(4096, 100), ownData = new DataView(memory.buffer.slice(4096, 4196))
      assert.equal(new TextDecoder().decode(data), new TextDecoder().decode(ownData))
      assert.equal(Buffer.prototype.utf8Slice.call(data), Buffer.prototype.utf8Slice.call(ownData))
      assert.equal(new TextDecoder().decode(memory.buffer), new TextDecoder().decode(memory.buffer.slice()))
      const streamed = (input) => { const d = new TextDecoder(); return d.decode(input, { stream: true }) + d.decode() }
      assert.equal(streamed(memory.buffer), streamed(memory.buffer.slice()))
    `),
    )
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('refuse wrong receivers and arguments with the errors of Node', async () => {
    const calls = `
      const wrong = [undefined, null, 0, 'text', {}, [], new Map(), () => {}, new Proxy(new Uint8Array(3), {}), new ArrayBuffer(3), new DataView(new ArrayBuffer(3)), Object.create(Uint8Array.prototype), new WebAssembly.Memory({ initial: 1 })]
      const detached = new Uint8Array(100)
      structuredClone(detached.buffer, { transfer: [detached.buffer] })
      wrong.push(detached)
      const outcome = (call) => { try { const v = call(); return typeof v === 'object' ? Object.prototype.toString.call(v) : v } catch (error) { return [error.name, error.code, error.message, error instanceof Error] } }
      const outcomes = () => wrong.flatMap((value) => [
        () => TypedArray.prototype.sort.call(value), () => TypedArray.prototype.sort.call(value, 7), () => new Uint8Array(3).sort(value),
        () => Buffer.prototype.toString.call(value), () => Buffer.prototype.toString.call(value, 'utf8', 0, 2), () => Buffer.prototype.utf8Slice.call(value, 0, 1),
        () => TextDecoder.prototype.decode.call(value), () => new TextDecoder().decode(value), () => new TextDecoder().decode(new Uint8Array(3), value),
        () => stringDecoder.StringDecoder.prototype.write.call(value, Buffer.from('a')), () => new stringDecoder.StringDecoder('utf8').write(value),
        () => buffer.transcode(value, 'utf8', 'latin1'), () => v8.deserialize(value), () => new v8.Deserializer(value), () => v8.Deserializer(value),
        () => new vm.Script('1', { cachedData: value }).cachedDataRejected, () => vm.Script('1'), () => typeof vm.compileFunction('1', [], { cachedData: value }), () => typeof vm.compileFunction('1', [], value),
        () => new WebAssembly.Module(value), () => WebAssembly.Module(value), () => WebAssembly.validate(value),
        () => crypto.createPublicKey(value), () => crypto.createPrivateKey({ key: value, format: 'der', type: 'pkcs8' }), () => crypto.sign('sha256', Buffer.from('a'), value), () => crypto.verify('sha256', Buffer.from('a'), value, value),
      ].map(outcome))
    `
    const [before, after] = (await runForJson(`${preamble}
      ${calls}
      // Messages of OpenSSL and of proxies differ from one to the next call of the same process.
      const before = outcomes()
      const memory = mapAnonymous(1 << 16)
      memory.buffer
      print([before, outcomes()])
    `)) as unknown[][]
    expect(before?.length).toBeGreaterThan(300)
    expect(after).toEqual(before)
  })

  it('serve subclasses, instanceof and static members', async () => {
    const finished = await run(
      program(`
      const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])
      memory.bytes(0, 8).set(bytes)
      class Module extends WebAssembly.Module { get mine() { return true } }
      for (const source of [bytes, memory.bytes(0, 8)]) {
        const module = new Module(source)
        assert(module.mine && module instanceof Module && module instanceof WebAssembly.Module)
        assert.equal(Object.getPrototypeOf(new WebAssembly.Module(source)), WebAssembly.Module.prototype)
        assert.equal(new WebAssembly.Module(source).constructor, WebAssembly.Module)
        assert.deepEqual(WebAssembly.Module.exports(module), [])
        assert(await WebAssembly.compile(source) instanceof WebAssembly.Module)
        assert((await WebAssembly.instantiate(source)).instance instanceof WebAssembly.Instance)
        assert(await WebAssembly.instantiate(module) instanceof WebAssembly.Instance)
        assert.equal(WebAssembly.validate(source), true)
        assert(structuredClone(module) instanceof WebAssembly.Module)
      }
      class Decoder extends TextDecoder { decode(...args) { return '<' + super.decode(...args) + '>' } }
      assert.equal(new Decoder().decode(changing), '<' + text + '>')
      class Lines extends stringDecoder.StringDecoder { write(bytes) { return super.write(bytes).toUpperCase() } }
      assert.equal(new Lines('utf8').end(changing), text.toUpperCase())
      class Bytes extends Uint8Array { get buffer() { return new ArrayBuffer(8) } static get [Symbol.species]() { throw new Error('asked') } }
      const hiding = new Bytes(memory.buffer, 4096, changing.length)
      assert.equal(new TextDecoder().decode(hiding), text)
      assert.equal(hiding.sort(), hiding)
      changing.write(text)

      const script = new vm.Script('6 * 7')
      const cachedData = script.createCachedData()
      const shown = memory.asBuffer(8192, cachedData.length)
      cachedData.copy(shown)
      class Script extends vm.Script { get mine() { return true } }
      const cached = new Script('6 * 7', { cachedData: shown })
      assert(cached.mine && cached instanceof vm.Script && cached.cachedDataRejected === false)
      assert.equal(cached.runInThisContext(), 42)
      assert.equal(Object.getPrototypeOf(vm.Script).prototype, Object.getPrototypeOf(vm.Script.prototype))
      const compiled = vm.compileFunction('return a', ['a'], { produceCachedData: true })
      const again = vm.compileFunction('return a', ['a'], Object.assign(Object.create({ filename: 'inherited.js' }), { cachedData: compiled.cachedData }))
      assert.equal(again(5), 5)

      const value = { text, list: [1, 2.5, new Date(0)], bytes: Buffer.from('bytes') }
      const wire = v8.serialize(value)
      const mapped = memory.asBuffer(16384, wire.length)
      wire.copy(mapped)
      assert.deepEqual(v8.deserialize(mapped), value)
      class Reader extends v8.DefaultDeserializer { _readHostObject() { return super._readHostObject() } }
      const reader = new Reader(mapped)
      assert(reader.readHeader() && reader instanceof v8.Deserializer && reader.constructor === Reader)
      assert.deepEqual(reader.readValue(), value)
      assert.equal(Object.getPrototypeOf(v8.DefaultDeserializer), v8.Deserializer)
      assert.equal(v8.Deserializer.prototype.constructor, v8.Deserializer)

      const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const put = (at, bytes) => { memory.asBuffer(at, bytes.length).set(bytes); return memory.asBuffer(at, bytes.length) }
      const der = put(20480, privateKey.export({ format: 'der', type: 'pkcs8' }))
      const spki = put(24576, publicKey.export({ format: 'der', type: 'spki' }))
      const key = { key: der, format: 'der', type: 'pkcs8' }
      const signature = put(28672, crypto.sign('sha256', changing, key))
      assert(crypto.verify('sha256', changing, { key: spki, format: 'der', type: 'spki' }, signature))
      assert(crypto.createVerify('sha256').update(changing).verify(crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }), crypto.createSign('sha256').update(changing).sign(key)))
      assert.equal((await crypto.webcrypto.subtle.importKey('spki', spki, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify'])).type, 'public')
    `),
      '--no-warnings',
    )
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('reach named imports, what was taken apart before, and modules that are loaded later', async () => {
    const finished = await run(`
      import assert from 'node:assert/strict'
      import { Buffer, transcode } from 'node:buffer'
      import { createRequire } from 'node:module'
      import { TextDecoder } from 'node:util'
      import { deserialize, Deserializer } from 'node:v8'
      import { Script } from 'node:vm'
      import v8 from 'node:v8'
      import { mapAnonymous } from 'posix-mmap'
      const require = createRequire(import.meta.url)
      const { deserialize: early } = v8
      const parent = Object.getPrototypeOf(Script), before = [transcode, Deserializer]
      assert(!process.moduleLoadList.includes('NativeModule crypto'))
      mapAnonymous(1 << 16).buffer
      assert.notEqual(transcode, before[0])
      assert.notEqual(Deserializer, before[1])
      assert.notEqual(Object.getPrototypeOf(Script), parent)
      assert.equal(early, deserialize)
      // A loaded module is found at the next mapping in any case, and at once where Node says so.
      if (Number(process.versions.node.split('.')[0]) < 22) mapAnonymous
      const { createPublicKey } = require('node:crypto')
      if (Number(process.versions.node.split('.')[0]) < 22) mapAnonymous(1 << 16).buffer
      assert(require('node:util').types.isProxy(require('node:crypto').createPublicKey))
      if (Number(process.versions.node.split('.')[0]) >= 22) assert(require('node:util').types.isProxy(createPublicKey))
      const { TLSSocket } = await import('node:tls')
      mapAnonymous(1 << 16).buffer
      assert(require('node:util').types.isProxy(TLSSocket.prototype.setSession))
    `)
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('work with the wrappers of others, whoever came first', async () => {
    const finished = await run(`
      import assert from 'node:assert/strict'
      import { mapAnonymous } from 'posix-mmap'
      const seen = []
      const wrap = (owner, key, label) => {
        const inner = owner[key]
        owner[key] = function (...args) { seen.push([label, this?.constructor?.name, args.length]); return Reflect.apply(inner, this, args) }
      }
      const TypedArray = Object.getPrototypeOf(Uint8Array)
      const each = (label) => { wrap(Buffer.prototype, 'toString', label); wrap(TextDecoder.prototype, 'decode', label); wrap(TypedArray.prototype, 'sort', label) }
      each('before')
      const memory = mapAnonymous(1 << 16)
      const bytes = memory.asBuffer(4096, 100).fill('b')
      each('after')
      assert.equal(bytes.toString(), 'b'.repeat(100))
      assert.equal(new TextDecoder().decode(bytes), 'b'.repeat(100))
      assert.equal(Buffer.from('x').toString(), 'x')
      assert.equal(new Int32Array([3, 1, 2]).sort((a, b) => b - a).join(), '3,2,1')
      const labels = (name) => seen.filter(([, of]) => of === name).map(([label]) => label)
      assert.deepEqual(labels('TextDecoder'), ['after', 'before'])
      assert.deepEqual(labels('Int32Array'), ['after', 'before'])
      assert(labels('Buffer').includes('before') && labels('Buffer').includes('after'))
    `)
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it.each([['--frozen-intrinsics'], ['frozen by the program']])(
    'respect what may not be changed: %s',
    async (how) => {
      const freeze = how.startsWith('--')
        ? ''
        : `for (const object of [Object.getPrototypeOf(Uint8Array.prototype), Buffer.prototype, TextDecoder.prototype, WebAssembly, (await import('node:vm')).default.Script, (await import('node:v8')).default]) Object.freeze(object)`
      const finished = await run(
        `
      import { mapAnonymous } from 'posix-mmap'
      import 'node:v8'
      ${freeze}
      const memory = mapAnonymous(1 << 16)
      const bytes = memory.asBuffer(0, 100).fill('b')
      if (bytes.toString() !== 'b'.repeat(100)) throw new Error('other text')
      new Int32Array(memory.buffer).sort()
      memory.unmap()
      console.log('fine')
    `,
        ...(how.startsWith('--') ? [how, '--no-warnings'] : []),
      )
      expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'fine\n' })
    },
  )

  it('leave readable stack traces', async () => {
    const stack = (await runForJson(
      program(`
      function mine() { new TextDecoder('utf-8', { fatal: true }).decode(memory.bytes(0, 200).fill(255)) }
      try { mine() } catch (error) { print([error.name, error.code, error.stack]) }
    `),
    )) as string[]
    expect(stack.slice(0, 2)).toEqual(['TypeError', 'ERR_ENCODING_INVALID_ENCODED_DATA'])
    expect(stack[2]).toMatch(/at TextDecoder\.decode .*\n(.*\n)*.*at mine /)
  })

  it('are installed by each thread for itself', async () => {
    const result = await runForJson(`${preamble}
      import { Worker } from 'node:worker_threads'
      const worker = new Worker(\`
        const { parentPort } = await import('node:worker_threads')
        const { mapAnonymous } = await import('posix-mmap')
        const before = [TextDecoder.prototype.decode, Object.getPrototypeOf(Uint8Array.prototype).sort]
        const bytes = mapAnonymous(1 << 16).asBuffer(0, 100).fill('b')
        const after = [TextDecoder.prototype.decode, Object.getPrototypeOf(Uint8Array.prototype).sort]
        parentPort.postMessage([before[0] === after[0], before[1] === after[1], bytes.toString().length])
      \`, { eval: true })
      const before = values()
      const [inside] = await once(worker, 'message')
      print([inside, replaced(before)])
    `)
    expect(result).toEqual([[false, false, 100], []])
  })

  it('know our buffers wherever they went', async () => {
    const finished = await run(
      program(`
      const streams = async (bytes) => {
        const stream = new ReadableStream({ type: 'bytes', pull(c) { c.enqueue(bytes); c.close() } })
        let all = ''
        for await (const chunk of stream) all += Buffer.from(chunk).toString()
        return all
      }
      assert.equal(await streams(memory.bytes(4096, changing.length)), text)
      assert.equal(await streams(memory.bytes(4096, changing.length)), text)
      const source = new ReadableStream({ type: 'bytes', pull(c) { const v = c.byobRequest.view; v[0] = 7; c.byobRequest.respond(1) } })
      const reader = source.getReader({ mode: 'byob' })
      const { value, done } = await reader.read(memory.bytes(0, 16))
      assert(!done && value.length === 1 && value[0] === 7 && memory.bytes(0, 1)[0] === 7)
      structuredClone(value, { transfer: [value.buffer] })
      const shared = SharedMemory.create(1 << 16)
      shared.asBuffer(0, 100).fill('s')
      assert.equal(new TextDecoder().decode(new Uint8Array(shared.sharedBuffer, 0, 100)), 's'.repeat(100))
      assert.equal(Buffer.from(shared.sharedBuffer, 0, 100).toString(), 's'.repeat(100))
    `),
    )
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })
})
