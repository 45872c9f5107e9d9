// A service of two cluster workers over a file that is replaced, rewritten in place and cut many times
// a second: `node service.js SECONDS DIRECTORY`. Every request handler is written as people write
// them, most of which forget to unmap. The primary samples what each worker holds, and prints one line
// of JSON at the end; a worker that dies ends the run.

import cluster from 'node:cluster'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { MappingFaultError, mapAnonymous, mapFile, pageSize } from 'posix-mmap'

const seconds = Number(process.argv[2] ?? 20)
const directory = process.argv[3] ?? process.cwd()
const file = path.join(directory, 'served')
const gzip = promisify(zlib.gzip)

let faults = 0

/** @type {Record<string, (at: number) => unknown>} */
const handlers = {
  view(at) {
    const mapping = mapFile(file)
    const bytes = mapping.bytes()
    return bytes[at % Math.max(1, bytes.length)]
  },
  viewThatOutlivesItsMapping(at) {
    const bytes = mapFile(file, { onFault: () => void faults++ }).asBuffer()
    return bytes.subarray(at % Math.max(1, bytes.length)).toString('latin1').length
  },
  async viewOfAFileThatHasChanged(at) {
    const bytes = mapFile(file, { onFault: () => void faults++ }).bytes()
    await delay(50)
    let sum = 0
    for (let i = at % pageSize; i < bytes.length; i += pageSize) sum += bytes[i] ?? 0
    return sum
  },
  copy(at) {
    const mapping = mapFile(file)
    const length = Math.min(4096, mapping.byteLength)
    const copied = mapping.read(at % (mapping.byteLength - length + 1), length)
    mapping.unmap()
    return copied.length
  },
  listenerThatUsesItsMapping(at) {
    const mapping = mapFile(file, {
      onFault() {
        faults += mapping.byteLength > 0 ? 1 : 0
      },
    })
    return mapping.indexOf(at % 256)
  },
  async stream() {
    const hash = createHash('sha1')
    for await (const chunk of mapFile(file).createReadStream()) hash.update(chunk)
    return hash.digest('hex')
  },
  async streamThatIsLeft() {
    for await (const chunk of mapFile(file).createReadStream({ highWaterMark: 4096 }))
      return chunk.length
  },
  async populate() {
    const mapping = mapFile(file)
    await mapping.populate()
    return mapping.residency().resident
  },
  async compress() {
    const mapping = mapFile(file)
    const compressed = await gzip(mapping.bytes(0, Math.min(65_536, mapping.byteLength)))
    mapping.unmap()
    return compressed.length
  },
  copyOnWrite(at) {
    const mapping = mapFile(file, { access: 'copy-on-write' })
    mapping.bytes().fill(at)
    return mapping.byteLength
  },
  lines() {
    let count = 0
    for (const line of mapFile(file).lines({ encoding: null })) count += line.length
    return count
  },
  checkedText() {
    const mapping = mapFile(file)
    return mapping.checked(() => mapping.asBuffer().toString().length)
  },
  scratch(at) {
    const mapping = mapAnonymous(64 * pageSize)
    mapping.bytes().fill(at)
    if (at % 2 === 0) mapping.protect('none')
    return mapping.byteLength
  },
}

async function serve() {
  const names = Object.keys(handlers)
  const server = http.createServer(async (request, response) => {
    const at = Number(request.url?.slice(1))
    try {
      const name = names[at % names.length] ?? ''
      response.end(String(await handlers[name]?.(at)))
    } catch (error) {
      // The file is cut, missing or empty just now: what a handler is to be told.
      const known =
        error instanceof MappingFaultError ||
        error instanceof RangeError ||
        /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT'
      if (!known) process.send?.({ problem: String(error) })
      response.writeHead(503).end()
    }
  })
  server.listen(path.join(directory, `socket-${process.pid}`), () => process.send?.('ready'))
  process.on('message', () => {
    const status = fs.readFileSync('/proc/self/status', 'utf8')
    const anonymous = Number(/^RssAnon:\s*(\d+)/m.exec(status)?.[1])
    process.send?.({
      mappings: fs.readFileSync('/proc/self/maps', 'utf8').split('\n').length,
      descriptors: fs.readdirSync('/proc/self/fd').length,
      anonymousMiB: Math.round(anonymous / 1024),
      faults,
    })
  })
}

/** Keeps changing the file until `stop` is aborted. @param {AbortSignal} stop */
async function disturb(stop) {
  for (let i = 0; !stop.aborted; i++) {
    const content = Buffer.alloc(pageSize * (1 + (i % 40)) + (i % 1000), `line ${i}\n`)
    if (i % 3 === 0) {
      fs.writeFileSync(`${file}.new`, content)
      fs.renameSync(`${file}.new`, file)
    } else if (i % 3 === 1)
      fs.writeFileSync(file, content) // cut to nothing, then written
    else fs.truncateSync(file, content.length >> 1)
    await delay(20)
  }
}

/** Sends requests to one worker, a few at once. @param {import('node:cluster').Worker} worker @param {AbortSignal} stop */
async function ask(worker, stop) {
  const socketPath = path.join(directory, `socket-${worker.process.pid}`)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  let count = 0
  const one = async () => {
    while (!stop.aborted) {
      const request = http.get({ socketPath, agent, path: `/${count++}` })
      const [response] = await once(request, 'response')
      response.resume()
      await once(response, 'end')
    }
  }
  await Promise.all(Array.from({ length: 4 }, one))
  agent.destroy()
  return count
}

/** @param {import('node:cluster').Worker} worker */
async function sample(worker) {
  worker.send('sample')
  const [held] = await once(worker, 'message')
  return held
}

async function supervise() {
  fs.writeFileSync(file, Buffer.alloc(pageSize, 'a'))
  // Nobody asks after most of these faults, and each would be a warning.
  cluster.setupPrimary({ execArgv: ['--disable-warning=MappingFaultWarning'] })
  const workers = [cluster.fork(), cluster.fork()]
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const stop = new AbortController()
  for (const worker of workers) {
    worker.on('message', ({ problem }) => {
      if (problem === undefined) return
      console.error(problem)
      process.exit(1)
    })
    worker.once('exit', (code, signal) => {
      if (stop.signal.aborted) return
      console.error(`a worker ended with ${signal ?? code}`)
      process.exit(1)
    })
  }
  const work = [disturb(stop.signal), ...workers.map((worker) => ask(worker, stop.signal))]
  const samples = []
  const steps = 10
  for (let step = 0; step < steps; step++) {
    await Promise.race([delay((seconds * 1000) / steps), ...work])
    samples.push(await Promise.all(workers.map(sample)))
  }
  stop.abort()
  const [, ...requests] = await Promise.all(work)
  for (const worker of workers) worker.kill('SIGKILL')
  console.log(JSON.stringify({ requests, samples }))
}

await (cluster.isPrimary ? supervise() : serve())
