import fs from 'node:fs'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import {
  type Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
  type ReadStreamOptions,
  SharedMemory,
} from 'posix-mmap'
import { MremapFlags, mremap } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { mappingClosed, outOfRange, systemError } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { accesses } from '../support/mappings.js'
import { runForJson } from '../support/processes.js'

const scratch = scratchDirectory()
const size = 5 * 65536 + 100
const content = pattern(size)
const sample = scratch.file('sample', content)

async function chunksOf(stream: Readable): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

/** Reads until the stream ends, and returns the error with which it ended. */
async function failureOf(stream: Readable, onChunk = () => {}): Promise<unknown> {
  try {
    for await (const _ of stream) onChunk()
    return null
  } catch (error) {
    return error
  }
}

describe('a stream', () => {
  it('gives all bytes, in views of the mapping', async () => {
    using mapping = mapFile(sample)
    const stream = mapping.createReadStream()
    expect(stream).toBeInstanceOf(Readable)
    expect(stream.readableHighWaterMark).toBe(65536)
    const chunks = await chunksOf(stream)
    expect(chunks.map(({ length }) => length)).toEqual([...Array(5).fill(65536), 100])
    expect(chunks.every((chunk) => Buffer.isBuffer(chunk) && chunk.buffer === mapping.buffer)).toBe(
      true,
    )
    expect(Buffer.concat(chunks).equals(content)).toBe(true)
    expect(stream.destroyed).toBe(true)
  })

  it.each<[ReadStreamOptions, number, number]>([
    [{}, 0, size],
    [{ offset: 5, length: 0 }, 5, 5],
    [{ offset: 7, length: 93n }, 7, 100],
    [{ offset: BigInt(size - 3) }, size - 3, size],
    [{ offset: size }, size, size],
    [{ length: 3 * pageSize + 1, highWaterMark: 1000 }, 0, 3 * pageSize + 1],
    [{ highWaterMark: 2 ** 40 }, 0, size],
    [{ length: 5, highWaterMark: 1 }, 0, 5],
  ])('%o', async (options, start, end) => {
    for (const dropBehind of [false, true]) {
      using mapping = mapFile(sample)
      const chunks = await chunksOf(mapping.createReadStream({ ...options, dropBehind }))
      expect(Buffer.concat(chunks).equals(content.subarray(start, end))).toBe(true)
      const most = options.highWaterMark ?? 65536
      expect(chunks.every(({ length }) => length > 0 && length <= most)).toBe(true)
    }
  })

  it('of an empty mapping is empty, and a range outside a mapping is an error', async () => {
    using empty = mapAnonymous(0)
    expect(await chunksOf(empty.createReadStream())).toEqual([])
    for (const options of [
      { offset: 1 },
      { length: 1 },
      { highWaterMark: 0 },
      { highWaterMark: -1 },
    ]) {
      expect(() => empty.createReadStream(options)).toThrow(outOfRange)
    }
  })

  it('works in a pipeline, and decodes', async () => {
    using mapping = mapFile(sample)
    const copy = scratch.file('copy')
    await pipeline(mapping.createReadStream({ dropBehind: true }), fs.createWriteStream(copy))
    expect(fs.readFileSync(copy).equals(content)).toBe(true)
    using euros = mapAnonymous(30)
    euros.write(0, '€'.repeat(10))
    expect(await text(euros.createReadStream({ highWaterMark: 4 }))).toBe('€'.repeat(10))
  })

  it('reads no further than its consumer asks', async () => {
    using mapping = mapFile(sample)
    const stream = mapping.createReadStream({ highWaterMark: 1000 })
    stream.once('readable', () => {})
    for (let i = 0; i < 20; i++) await turn()
    expect(stream.readableLength).toBeLessThanOrEqual(2000)
    stream.destroy()
  })

  it('lets the event loop turn', async () => {
    using mapping = mapFile(sample)
    const stream = mapping.createReadStream({ highWaterMark: pageSize })
    let turns = 0
    const count = () => {
      turns++
      if (!stream.destroyed) setImmediate(count)
    }
    setImmediate(count)
    await chunksOf(stream)
    expect(turns).toBeGreaterThan(10)
  })

  it('beyond 4 GiB', async () => {
    const sparse = scratch.hole('sparse', 5 * 2 ** 30)
    const start = 4 * 2 ** 30 - 5
    const fd = fs.openSync(sparse, 'r+')
    fs.writeSync(fd, content, 0, content.length, start)
    fs.closeSync(fd)
    using mapping = mapFile(sparse)
    const stream = mapping.createReadStream({ offset: start, length: size, dropBehind: true })
    expect(Buffer.concat(await chunksOf(stream)).equals(content)).toBe(true)
  })
})

describe('ends with an error', () => {
  it('after unmap(), even with chunks in its buffer', async () => {
    const mapping = mapFile(sample)
    const idle = mapping.createReadStream()
    const waiting = mapping.createReadStream()
    waiting.once('readable', () => {})
    while (waiting.readableLength === 0) await turn()
    const errors: unknown[] = []
    for (const stream of [idle, waiting]) stream.on('error', (error) => errors.push(error))
    let chunks = 0
    waiting.on('data', () => chunks++)
    mapping.unmap()
    expect([idle.destroyed, waiting.destroyed]).toEqual([true, true])
    await turn()
    expect(errors).toEqual([mappingClosed, mappingClosed])
    expect(chunks).toBe(0)
    expect(() => mapping.createReadStream()).toThrow(mappingClosed)
  })

  it('after unmap() in the middle of reading', async () => {
    const mapping = mapFile(sample)
    let chunks = 0
    const error = await failureOf(mapping.createReadStream(), () => {
      if (++chunks === 2) mapping.unmap()
    })
    expect(error).toEqual(mappingClosed)
    expect(chunks).toBe(2)
  })

  it('after mremap(), which detaches its chunks', async () => {
    using mapping = mapFile(sample)
    const stream = mapping.createReadStream()
    const error = new Promise((resolve) => stream.once('error', resolve))
    mremap(mapping, pageSize, MremapFlags.MAYMOVE)
    expect(await error).toMatchObject({ code: 'ERR_MAPPING_DETACHED' })
  })

  it('at a page that is gone, or was replaced', async () => {
    const file = scratch.file('truncated', pattern(6 * pageSize))
    const fault = { kind: 'truncated', offset: 4 * pageSize, count: 1 }
    for (const touch of [false, true]) {
      fs.truncateSync(file, 6 * pageSize)
      using mapping = mapFile(file)
      fs.truncateSync(file, 4 * pageSize)
      if (touch) mapping.bytes(4 * pageSize, 1)[0]
      if (touch) fs.truncateSync(file, 6 * pageSize)
      let chunks = 0
      const stream = mapping.createReadStream({ highWaterMark: pageSize })
      expect(await failureOf(stream, () => chunks++)).toMatchObject({
        code: 'ERR_MAPPING_FAULT',
        fault,
        path: file,
      })
      expect(chunks).toBe(4)
      expect(mapping.fault).toEqual(fault)
    }
  })

  it('with dropBehind of locked memory', async () => {
    using mapping = mapFile(sample)
    mapping.lockSync({ length: pageSize })
    const error = await failureOf(mapping.createReadStream({ dropBehind: true }))
    expect(error).toEqual(systemError('EINVAL', 'madvise', sample))
  })
})

describe('dropBehind', () => {
  const kinds: [string, () => Mapping][] = [
    ...accesses.map((access): [string, () => Mapping] => [
      access,
      () => mapFile(sample, { access }),
    ]),
    ['anonymous', () => mapAnonymous(size)],
    ['shared', () => SharedMemory.create(size)],
  ]
  it.each(kinds)('loses nothing, %s', async (kind, make) => {
    using mapping = make()
    const expected = Buffer.from(content)
    if (kind === 'anonymous' || kind === 'shared') mapping.write(0, content)
    // A page that is private to this mapping, by its access or because a fault has replaced it.
    for (const offset of kind === 'read-write' ? [] : [3, 70_000, size - 1]) {
      mapping.bytes()[offset] = 255
      expected[offset] = 255
    }
    mapping.clearFault()
    const private_ = kind === 'read'
    const stream = mapping.createReadStream({ dropBehind: true, highWaterMark: 1000 })
    const error = await failureOf(stream)
    expect(error).toEqual(private_ ? expect.objectContaining({ code: 'ERR_MAPPING_FAULT' }) : null)
    expect(Buffer.from(mapping.bytes()).equals(expected)).toBe(true)
  })

  it('keeps a store into a page that the stream has passed and a fault has replaced', async () => {
    using mapping = mapFile(sample)
    let chunks = 0
    await failureOf(mapping.createReadStream({ dropBehind: true }), () => {
      if (++chunks === 3) mapping.bytes()[10] = 255
    })
    expect(mapping.bytes()[10]).toBe(255)
  })

  it.each(['read', 'copy-on-write'])(
    'a pass over 512 MiB keeps less than 64 MiB resident, %s',
    async (access) => {
      const sparse = scratch.hole(`pass-${access}`, 2 ** 29)
      const result = await runForJson(`
      import fs from 'node:fs'
      import { mapFile } from 'posix-mmap'
      const resident = () => Number(/^RssFile:\\s*(\\d+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1])
      const mapping = mapFile('${sparse}', { access: '${access}' })
      const before = resident()
      let [bytes, most, sum] = [0, 0, 0]
      for await (const chunk of mapping.createReadStream({ dropBehind: true })) {
        bytes += chunk.length
        sum += chunk[chunk.length - 1]
        if (bytes % (8 << 20) === 0) most = Math.max(most, resident() - before)
      }
      console.log(JSON.stringify({ bytes, sum, most }))`)
      fs.rmSync(sparse)
      expect(result).toEqual({
        bytes: 2 ** 29,
        sum: 0,
        most: expect.toSatisfy((kibibytes: number) => kibibytes < 64 << 10),
      })
    },
  )
})

describe('in a process of its own', () => {
  it('an unfinished stream keeps a mapping that nobody else refers to, an abandoned one does not', async () => {
    const result = await runForJson(
      `
      import { setImmediate as turn } from 'node:timers/promises'
      import { mapFile } from 'posix-mmap'
      import { native } from './dist/internals.js'
      const live = () => native.regionCounts()[0]
      async function collect(rounds) {
        for (let i = 0; i < rounds && live() > 0; i++) {
          globalThis.gc()
          await turn()
        }
      }
      const begin = () => mapFile('${sample}').createReadStream({ highWaterMark: 30_000 })
      // In functions, since the frame of a module keeps the values of its expressions.
      async function read() {
        let [bytes, kept] = [0, 0]
        for await (const chunk of begin()) {
          if (bytes === 0) await collect(20)
          bytes += chunk.length
          kept = live()
        }
        return [bytes, kept]
      }
      const outcome = await read()
      await collect(50)
      const abandon = () => void begin().once('readable', () => {})
      abandon()
      await collect(50)
      console.log(JSON.stringify([...outcome, live()]))`,
      '--expose-gc',
    )
    expect(result).toEqual([size, 1, 0])
  })
})
