// Programs that once killed a process, lost a byte or went wrong in silence, each under its name:
// `node --expose-gc cases.js NAME DIRECTORY [FILE]`, in a directory of its own. What is wrong is thrown.
// Here is one program of a kind as a user would write it; the kinds have tests of their own.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import {
  isMainThread,
  markAsUntransferable,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads'
import zlib from 'node:zlib'
import {
  limits,
  Mapping,
  MappingFaultError,
  mapAnonymous,
  mapFile,
  pageSize,
  SharedMemory,
} from 'posix-mmap'

const program = new URL(import.meta.url)
const [, , name = workerData?.name, directory = workerData?.directory, given = ''] = process.argv
const file = path.join(directory, 'file')

/** @param {Uint8Array | string} content */
function fileOf(content) {
  fs.writeFileSync(file, content)
  return file
}

/** How many zeros are in there. @param {Uint8Array} bytes */
const zeros = (bytes) => bytes.filter((byte) => byte === 0).length

const kernelMappings = () => fs.readFileSync('/proc/self/maps', 'utf8').split('\n').length

/** Empties the file in another process, so many seconds from now. @param {number} seconds */
async function emptiedIn(seconds) {
  const child = spawn('sh', ['-c', `sleep ${seconds}; : > '${file}'`])
  await once(child, 'spawn')
  return once(child, 'exit')
}

/** What the garbage collector and V8 need of the kernel, so that a shortage ends the process here. */
function makeV8Work() {
  const objects = Array.from({ length: 2_000_000 }, (_, i) => ({ i }))
  const buffers = Array.from({ length: 200 }, () => Buffer.alloc(300_000))
  for (let i = 0; i < 20; i++) new Function(`return ${i}+${'1+'.repeat(2000)}1`)()
  return objects.length + buffers.length
}

/** @param {string} kind @param {number} [offset] */
const faultOf = (kind, offset) => (/** @type {unknown} */ error) => {
  assert(error instanceof MappingFaultError, inspect(error))
  assert.equal(error.fault.kind, kind)
  if (offset !== undefined) assert.equal(error.fault.offset, offset)
  return true
}

/** A program in a thread of its own, whose other half is `inWorker` of the same name. */
function startWorker() {
  return new Worker(program, { argv: process.argv.slice(2), workerData: { name, directory } })
}

/** @type {Record<string, () => unknown>} */
const inWorker = {
  async 'byob-then-worker-ends'() {
    const mapping = mapFile(file, { access: 'read-write' })
    const stream = new ReadableStream({
      type: 'bytes',
      pull({ byobRequest }) {
        byobRequest?.respond(byobRequest.view?.byteLength ?? 0)
      },
    })
    const { value } = await stream.getReader({ mode: 'byob' }).read(mapping.bytes())
    assert(value)
    parentPort?.postMessage(value.buffer, [value.buffer])
  },

  'search-without-an-end'() {
    const mapping = mapAnonymous(400 * 2 ** 30, { noReserve: true })
    parentPort?.postMessage('begins')
    mapping.indexOf(1)
  },
}

/** @type {Record<string, () => unknown>} */
const cases = {
  async 'sort-while-truncated'() {
    fileOf(
      new Uint8Array(
        Int32Array.from({ length: 1 << 22 }, () => -1 - Math.random() * 2 ** 30).buffer,
      ),
    )
    const mapping = mapFile(file, { access: 'read-write' })
    const emptied = emptiedIn(0.1)
    await delay(10)
    mapping.view(Int32Array).sort()
    await emptied
  },

  async 'text-while-truncated'() {
    const bytes = mapFile(fileOf(Buffer.alloc(120 << 20, '€'))).asBuffer()
    const emptied = emptiedIn(0.03)
    await delay(1)
    for (let i = 0; i < 5; i++) bytes.toString()
    await emptied
  },

  async 'cut-inside-a-page'() {
    const mapping = mapFile(fileOf(Buffer.alloc(2 * pageSize, 'x')), { access: 'read-write' })
    fs.truncateSync(file, 10)
    const lost = faultOf('truncated', 10)
    assert.throws(() => mapping.read(0, pageSize), lost)
    assert.throws(() => mapping.indexOf(0), lost)
    assert.throws(() => [...mapping.lines({ length: pageSize })], lost)
    assert.throws(() => mapping.write(100, 'precious'), faultOf('truncated'))
    assert.throws(() => mapping.flushSync(), faultOf('truncated'))
    await assert.rejects(mapping.flush(), faultOf('truncated'))
    await assert.rejects(buffer(mapping.createReadStream({ length: pageSize })), lost)
    assert.throws(() => mapping.check(), faultOf('truncated'))
    assert.deepEqual(mapping.read(0, 10), Buffer.alloc(10, 'x'))
    assert.equal(fs.readFileSync(file, 'utf8'), 'x'.repeat(10))
  },

  'cut-inside-the-last-page'() {
    const mapping = mapFile(fileOf(Buffer.alloc(2 * pageSize, 'A')))
    const end = pageSize + 100
    fs.truncateSync(file, end)
    assert.throws(() => mapping.read(pageSize, pageSize), faultOf('truncated', end))
    assert.throws(() => mapping.read(end + 100, 10), faultOf('truncated', end + 100))
    assert.throws(() => mapping.indexOf(0), faultOf('truncated', end))
    assert.throws(() => [...mapping.lines()], faultOf('truncated', end))
    assert.throws(
      () => mapping.checked(() => mapping.asBuffer(end + 100, 4)[0]),
      faultOf('truncated'),
    )

    const settings = JSON.stringify({ settings: 'x'.repeat(200) })
    fs.writeFileSync(file, settings)
    const config = mapFile(file)
    fs.writeFileSync(file, '{}')
    assert.throws(
      () => config.checked(() => JSON.parse(config.asBuffer().toString())),
      MappingFaultError,
    )
  },

  async 'flush-of-a-replaced-page'() {
    const mapping = mapFile(fileOf(Buffer.alloc(pageSize, 1)), { access: 'read-write' })
    const bytes = mapping.bytes()
    mapping.protect('read')
    bytes[0] = 2
    assert.equal(mapping.clearFault()?.kind, 'read-only')
    mapping.protect('read-write')
    bytes[1] = 3
    assert.throws(() => mapping.flushSync(), MappingFaultError)
    await assert.rejects(mapping.flush(), MappingFaultError)
    assert.deepEqual([...fs.readFileSync(file).subarray(0, 2)], [1, 1])
  },

  async 'stream-lost-after-hand-out'() {
    const mapping = mapFile(fileOf(Buffer.alloc(1 << 16, 1)))
    const work = pipeline(
      mapping.createReadStream(),
      async function* (/** @type {AsyncIterable<Buffer>} */ source) {
        for await (const chunk of source) {
          fs.truncateSync(file, 0)
          yield Buffer.from(chunk)
        }
      },
      async (source) => {
        for await (const _ of source);
      },
    )
    await assert.rejects(work, faultOf('truncated'))
  },

  async 'resize-during-gzip'() {
    const mapping = mapFile(fileOf(randomBytes(4 << 20)), { access: 'read-write' })
    const job = new Promise((resolve) => {
      zlib.gzip(mapping.bytes(), (error, result) => resolve(error ?? result))
    })
    await delay(20) // zlib is at work in another thread
    mapping.resize(2 << 20)
    assert.equal(mapping.byteLength, 2 << 20)
    await job
  },

  'untransferable-then-unmap'() {
    const mapping = mapAnonymous(2 * pageSize)
    const bytes = mapping.bytes()
    markAsUntransferable(bytes.buffer)
    mapping.unmap()
    assert(bytes.length === 0 || zeros(bytes) === bytes.length)
  },

  async 'byob-then-worker-ends'() {
    fileOf(Buffer.alloc(1 << 20, 'y'))
    const worker = startWorker()
    const [memory] = await once(worker, 'message')
    const bytes = new Uint8Array(memory)
    await once(worker, 'exit')
    globalThis.gc?.()
    assert.equal(bytes[500_000], 'y'.charCodeAt(0))
    bytes[7] = 1
  },

  async 'byte-stream-of-views'() {
    const content = randomBytes(100_000)
    const mapping = mapFile(fileOf(content))
    /** @param {(offset: number, length: number) => Uint8Array<ArrayBuffer>} part */
    const serve = (part) => {
      let at = 0
      return new ReadableStream({
        type: 'bytes',
        pull(controller) {
          const length = Math.min(1 << 12, content.length - at)
          if (length === 0) return controller.close()
          controller.enqueue(part(at, length))
          at += length
        },
      })
    }
    for (let pass = 0; pass < 2; pass++)
      assert.deepEqual(
        await buffer(serve((offset, length) => mapping.bytes(offset, length))),
        content,
      )
    assert.deepEqual(
      await buffer(serve((offset, length) => Uint8Array.from(mapping.read(offset, length)))),
      content,
    )
  },

  'faults-up-to-the-vma-limit'() {
    const mapping = mapAnonymous(512 << 20, { noReserve: true })
    const bytes = mapping.bytes()
    mapping.protect('none')
    let sum = 0
    for (let i = 0; i < limits().maxMapCount / 2; i++) sum += Number(bytes[i * 2 * pageSize])
    assert.equal(sum, 0)
    assert.equal(mapping.fault?.kind, 'no-access')
    makeV8Work()
  },

  'others-map-too'() {
    fileOf(Buffer.alloc(2 * pageSize, 1))
    /** @type {unknown[]} */
    const kept = []
    /** @param {number} count */
    const ours = (count) => {
      for (let i = 0; i < count; i++)
        kept.push(mapFile(file, { access: i % 2 ? 'read' : 'copy-on-write', length: pageSize }))
    }
    ours(2000)
    // Each is two kernel mappings of Node's own, which nobody tells us of.
    const others = Math.floor(limits().maxMapCount * 0.3)
    for (let i = 0; i < others; i++)
      kept.push(Reflect.construct(SharedArrayBuffer, [pageSize, { maxByteLength: 2 * pageSize }]))
    assert.throws(() => ours(limits().maxMapCount), { code: 'ENOMEM' })
    makeV8Work()
    assert(kernelMappings() < limits().maxMapCount)
  },

  'unlock-every-other-page'() {
    const pages = 2 * limits().maxMapCount + 4000
    const mapping = mapAnonymous(pages * pageSize)
    mapping.lockSync({ onDemand: true })
    const unlockAll = () => {
      for (let i = 0; i < pages; i += 2) mapping.unlock(i * pageSize, pageSize)
    }
    assert.throws(unlockAll, { code: 'ENOMEM', syscall: 'munlock' })
    makeV8Work()
  },

  'out-of-descriptors'() {
    /** @type {number[]} */
    const taken = []
    assert.throws(
      () => {
        for (;;) taken.push(fs.openSync('/dev/null', 'r'))
      },
      { code: 'EMFILE' },
    )
    /** @type {unknown[]} */
    const kept = []
    const mapMany = () => {
      for (let i = 0; i < 5000; i++) kept.push(mapAnonymous(pageSize))
    }
    assert.throws(mapMany, { code: 'EMFILE', message: /too many open files/ })
    for (const fd of taken) fs.closeSync(fd)
    mapMany()
  },

  async 'view-outlives-mapping'() {
    fileOf(Buffer.alloc(2 * pageSize, 1))
    let onFault = 0
    let told = 0
    channel('posix-mmap:fault').subscribe(() => told++)
    /** @param {string} from */
    const load = (from) => mapFile(from, { onFault: () => void onFault++ }).asBuffer()
    const bytes = load(file)
    for (let i = 0; i < 4; i++) {
      globalThis.gc?.()
      await delay(10)
    }
    fs.truncateSync(file, 0)
    assert.equal(bytes[0], 0)
    await delay(100)
    assert.deepEqual([onFault, told], [1, 1])
  },

  async 'listener-keeps-mapping'() {
    fileOf(Buffer.alloc(pageSize, 1))
    const mapOne = () => {
      const mapping = mapFile(file, { onFault: () => console.log(mapping.path) })
      mapping.read(0, 1)
    }
    for (let i = 0; i < 500; i++) mapOne()
    const mapped = () => fs.readFileSync('/proc/self/maps', 'utf8').split(file).length - 1
    for (let i = 0; i < 50 && mapped() > 0; i++) {
      globalThis.gc?.()
      await delay(20)
    }
    assert.equal(mapped(), 0)
  },

  async 'search-without-an-end'() {
    const worker = startWorker()
    await once(worker, 'message')
    await delay(500)
    const start = performance.now()
    await worker.terminate()
    // Without an end in pieces it took 85 seconds; a busy machine may add to the promised tenth.
    assert(performance.now() - start < 5000)
  },

  'guard-kind-after-protect'() {
    const mapping = mapAnonymous(2 * pageSize)
    mapping.installGuard(0, pageSize)
    assert.throws(() => mapping.read(0, 1), faultOf('no-access'))
    mapping.protect('read-write')
    assert.throws(() => mapping.read(0, 1), faultOf('no-access'))
    mapping.clearFault()
    assert.equal(mapping.bytes()[0], 0)
    assert.equal(mapping.fault?.kind, 'no-access')
  },

  'guard-neighbours-replaced'() {
    const pages = 2000
    fileOf(Buffer.alloc(pages * pageSize, 'a'))
    for (const access of /** @type {const} */ (['read-write', 'read']))
      for (const protect of [false, true])
        for (const store of [false, true]) {
          const mapping = mapFile(file, { access })
          mapping.installGuard(0, pages * pageSize)
          if (protect) mapping.protect(access)
          const bytes = mapping.bytes()
          for (let i = 0; i < pages; i += 10)
            if (store) bytes[i * pageSize] = 98
            else bytes[i * pageSize]
          assert.equal(mapping.clearFault()?.kind, 'no-access')
          mapping.removeGuard(0, pages * pageSize)
          for (let i = 0; i < pages; i++)
            if (i % 10 !== 0) assert.equal(bytes[i * pageSize + 1], 97, `page ${i}`)
        }
    assert(fs.readFileSync(file).every((byte) => byte === 97))
  },

  'resize-after-partial-protect'() {
    const protectedAndBack = mapAnonymous(4 * pageSize)
    protectedAndBack.protect('read', 0, pageSize)
    protectedAndBack.protect('read-write', 0, pageSize)
    const guardedAndBack = mapAnonymous(4 * pageSize)
    guardedAndBack.installGuard(0, pageSize)
    guardedAndBack.removeGuard(0, pageSize)
    const guarded = mapAnonymous(4 * pageSize)
    guarded.installGuard(0, pageSize)
    for (const mapping of [protectedAndBack, guardedAndBack, guarded]) {
      mapping.resize(8 * pageSize)
      assert.equal(mapping.byteLength, 8 * pageSize)
    }
  },

  'guard-lost-by-resize'() {
    for (const mapping of [
      mapAnonymous(4 * pageSize),
      SharedMemory.create(4 * pageSize, { seal: false }),
    ]) {
      mapping.installGuard(0, pageSize)
      mapping.protect('read-write')
      mapping.resize(8 * pageSize)
      assert.throws(() => mapping.read(0, 1), faultOf('no-access'))
    }
  },

  'forged-handle'() {
    fileOf(Buffer.alloc(1 << 20, 'a'))
    const handle = mapFile(file, { access: 'read-write', offset: 1 << 19 }).share()
    const refused = { name: 'TypeError' }
    for (const change of [
      { fileOffset: 0 },
      { access: 'read-write' },
      { ticket: 1 },
      { office: 0 },
      { token: 'x'.repeat(48) },
      { shared: { fd: 0, identity: '1:2', name: null } },
    ])
      assert.throws(() => {
        const forged = Mapping.attach(/** @type {any} */ ({ ...handle, ...change }))
        // A field that says nothing may be ignored; it must not be believed.
        assert.equal(forged.fileOffset, 1 << 19)
        throw new TypeError('the change had no effect')
      }, refused)
    assert.equal(fs.statSync(file).size, 1 << 20)
  },

  'descriptor-closed-by-others'() {
    const memory = SharedMemory.create(pageSize)
    const { fd } = memory
    assert(fd !== null && fd !== undefined)
    fs.closeSync(fd)
    const stranger = fs.openSync('/etc/passwd', 'r')
    assert.equal(stranger, fd)
    memory.unmap()
    fs.fstatSync(stranger)
  },

  'growable-shared-buffer'() {
    const bytes = SharedMemory.create(4).sharedBytes()
    bytes.set([1, 2, 3, 4])
    bytes.set(bytes.subarray(0, 2), 1)
    assert.deepEqual([...bytes], [1, 1, 2, 4])
  },

  'not-supported-code'() {
    const mountpoint = path.join(directory, 'ramfs')
    fs.mkdirSync(mountpoint)
    execFileSync('mount', ['-t', 'ramfs', 'ramfs', mountpoint])
    try {
      const inRam = path.join(mountpoint, 'f')
      fs.writeFileSync(inRam, Buffer.alloc(2 * pageSize, 1))
      const size = 4 * pageSize
      const mapping = mapFile(inRam, { access: 'read-write' })
      assert.throws(() => mapFile(inRam, { access: 'read-write', size }), { code: 'ENOTSUP' })
      assert.throws(() => mapping.punchHole(0, pageSize), { code: 'ENOTSUP' })
    } finally {
      execFileSync('umount', ['-l', mountpoint])
    }
  },

  inspect() {
    for (const mapping of [mapAnonymous(10), SharedMemory.create(10)]) {
      assert.match(inspect(mapping), /access: 'read-write'/)
      assert.match(inspect(mapping), /byteLength: 10/)
      assert.notEqual(JSON.stringify(mapping), '{}')
    }
  },

  'file-of-proc'() {
    assert.throws(() => mapFile('/proc/cpuinfo'), { syscall: 'mmap', path: '/proc/cpuinfo' })
    assert.equal(mapFile(fileOf('')).byteLength, 0)
  },

  'fuse-no-shared-mappings'() {
    for (const access of /** @type {const} */ (['read', 'copy-on-write']))
      assert.equal(mapFile(given, { access }).bytes()[pageSize], 2)
    assert.throws(() => mapFile(given, { access: 'read-write' }), {
      code: 'ENODEV',
      message: /fuse/i,
    })
  },

  async 'fuse-io-error'() {
    /** @type {string[]} */
    const told = []
    const mapping = mapFile(given, {
      onFault: ({ kind, code }) => void told.push(`${kind} ${code}`),
    })
    mapping.advise('random')
    const bytes = mapping.bytes()
    assert.deepEqual([bytes[100], bytes[5 * pageSize]], [1, 0])
    assert.equal(mapping.fault?.kind, 'unreadable')
    assert.equal(mapping.fault?.code, 'EIO')
    const unreadable = faultOf('unreadable')
    assert.throws(() => mapping.read(5 * pageSize, 10), unreadable)
    await assert.rejects(mapping.populate(), unreadable)
    await assert.rejects(buffer(mapping.createReadStream()), unreadable)
    await delay(50)
    assert(told.length > 0)
    assert(told.every((fault) => fault === 'unreadable EIO'))
  },

  async 'fuse-hang-and-abort'() {
    const mapping = mapFile(given)
    mapping.advise('random')
    const start = performance.now()
    await assert.rejects(mapping.populate({ signal: AbortSignal.timeout(300) }), {
      name: 'TimeoutError',
    })
    assert(performance.now() - start < 3000)
    // The end of the process waits for the file system as well: it has a thread of it.
  },

  'full-file-system'() {
    const mount = `mount -t tmpfs -o size=1m tmpfs '${directory}' && exec "$@"`
    const args = [fs.realpathSync(program), 'full-file-system inside', directory]
    execFileSync('unshare', ['-m', 'sh', '-c', mount, 'sh', process.execPath, ...args], {
      stdio: 'inherit',
    })
  },

  async 'full-file-system inside'() {
    fileOf('')
    fs.truncateSync(file, 4 << 20) // sparse, and longer than there is room for
    const mapping = mapFile(file, { access: 'read-write' })
    mapping.bytes().fill(1)
    assert.equal(mapping.fault?.kind, 'unreadable')
    assert.equal(mapping.fault?.code, 'ENOSPC')
    assert.throws(() => mapping.flushSync(), faultOf('unreadable'))
    await assert.rejects(mapping.flush(), faultOf('unreadable'))
  },

  'lock-limit'() {
    fs.chmodSync(directory, 0o755)
    const user = ['--reuid', '65534', '--clear-groups', '--inh-caps=-all']
    const args = [fs.realpathSync(program), 'lock-limit inside', directory]
    const command = ['prlimit', '--memlock=65536', process.execPath, ...args]
    execFileSync('setpriv', [...user, ...command], { stdio: 'inherit' })
  },

  'lock-limit inside'() {
    const message = /RLIMIT_MEMLOCK.*65[,_ ]?536/
    assert.throws(() => mapAnonymous(1 << 20).lockSync(), { code: 'ENOMEM', message })
  },
}

const body = (isMainThread ? cases : inWorker)[name]
if (body === undefined)
  throw new Error(`no case is called ${name}: ${Object.keys(cases).join(', ')}`)
await body()
if (isMainThread) console.log('as it should be')
