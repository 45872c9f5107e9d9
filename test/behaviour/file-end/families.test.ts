// What a file has lost, asked for in every way; and the looks at the end that no table has.

import { spawn } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import fs from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  type FaultMessage,
  type MappingFault,
  MappingFaultError,
  mapFile,
  pageSize,
  SharedMemory,
} from 'posix-mmap'
import { MapFlags, MsyncFlags, mmap, msync, Prot } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { thrownBy } from '../../support/errors.js'
import { pattern, scratchDirectory, withDescriptor } from '../../support/files.js'
import { runCommand, runForJson } from '../../support/processes.js'

const scratch = scratchDirectory()

function truncated(offset: number, count = 1): MappingFault {
  return { kind: 'truncated', offset, count }
}

function faultOf(call: () => unknown): MappingFault {
  const error = thrownBy(call)
  if (!(error instanceof MappingFaultError)) throw error
  return error.fault
}

/** A mapping of two pages whose file is cut after so many bytes. */
function cutMapping(name: string, end: number, access: 'read' | 'read-write' = 'read') {
  const file = scratch.file(name, pattern(2 * pageSize))
  const mapping = mapFile(file, { access })
  fs.truncateSync(file, end)
  return { file, mapping }
}

it('every operation on a file that was cut in every way gives its bytes or throws', async () => {
  const program = fileURLToPath(new URL('table.js', import.meta.url))
  const { code, signal, stdout, stderr } = await runCommand(
    process.execPath,
    program,
    scratch.directory,
  )
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  const { rows, wrong, linksReadable } = JSON.parse(stdout)
  if (!linksReadable) {
    console.log('not tested: unlinked files, which need CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE')
  }
  expect(wrong).toEqual([])
  expect(rows).toBeGreaterThan(10_000)
}, 300_000)

it('a file that was renamed is found by a process without privileges', async () => {
  const file = scratch.file('to-be-renamed', pattern(2 * pageSize))
  fs.chmodSync(scratch.directory, 0o777)
  fs.chmodSync(file, 0o666)
  const result = await runForJson(`
    if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534) }
    import { mapFile } from 'posix-mmap'
    const file = ${JSON.stringify(file)}
    const mapping = mapFile(file)
    fs.renameSync(file, file + '.1')
    fs.writeFileSync(file, 'another file')
    fs.truncateSync(file + '.1', 10)
    const offsets = []
    for (const at of [0, 5, 20]) {
      try { mapping.read(at, 10) } catch ({ fault }) { offsets.push(fault.offset) }
    }
    console.log(JSON.stringify({ offsets, first: [...mapping.read(0, 10)] }))`)
  expect(result).toEqual({ offsets: [10, 20], first: [...pattern(10)] })
})

describe('what a look at the end finds', () => {
  it('is heard by listeners, as other faults are', async () => {
    const file = scratch.file('heard', pattern(2 * pageSize))
    const heard: unknown[] = []
    const listen = (message: unknown) => heard.push((message as FaultMessage).fault)
    channel('posix-mmap:fault').subscribe(listen)
    using mapping = mapFile(file, { onFault: (fault) => heard.push(fault) })
    fs.truncateSync(file, 10)
    expect(faultOf(() => mapping.read(0, 20))).toEqual(truncated(10))
    for (let i = 0; i < 200 && heard.length < 2; i++) await delay(5)
    channel('posix-mmap:fault').unsubscribe(listen)
    expect(heard).toEqual([truncated(10), truncated(10)])
  })

  it('is thrown by check() once, and by checked() as long as it is so', () => {
    const { file, mapping } = cutMapping('once', 10)
    expect(faultOf(() => mapping.check())).toEqual(truncated(10))
    expect(mapping.clearFault()).toEqual(truncated(10))
    mapping.check()
    expect(faultOf(() => mapping.checked(() => mapping.bytes(0, 20).slice()))).toEqual(
      truncated(10),
    )
    mapping.clearFault()
    fs.truncateSync(file, 5)
    expect(faultOf(() => mapping.check())).toEqual(truncated(5))
    mapping.clearFault()
    fs.writeFileSync(file, pattern(2 * pageSize))
    mapping.checked(() => mapping.check())
    fs.truncateSync(file, 5)
    expect(faultOf(() => mapping.check())).toEqual(truncated(5))
    mapping.unmap()
  })

  it('is the cause of what a parser says of zeros', async () => {
    const file = scratch.file('config', JSON.stringify({ text: 'x'.repeat(100) }))
    using mapping = mapFile(file)
    fs.truncateSync(file, 20)
    const parse = () => JSON.parse(mapping.asBuffer().toString('latin1'))
    const error = thrownBy(() => mapping.checked(parse))
    expect(error).toMatchObject({ fault: truncated(20), cause: { name: 'SyntaxError' } })
    mapping.clearFault()
    await expect(mapping.checked(async () => parse())).rejects.toMatchObject({
      fault: truncated(20),
      cause: { name: 'SyntaxError' },
    })
  })

  it('is not asked for where the file ends on a page border: each access there is a fault', () => {
    const { mapping } = cutMapping('border', pageSize)
    mapping.checked(() => mapping.bytes(0, 10).slice())
    expect(mapping.fault).toBeNull()
    expect(() => mapping.checked(() => mapping.bytes()[pageSize])).toThrow(MappingFaultError)
    mapping.unmap()
  })

  it('is of the source as well, when write() copies out of another mapping', () => {
    const { mapping } = cutMapping('source', 10)
    using target = mapFile(scratch.file('target', pattern(2 * pageSize)), { access: 'read-write' })
    expect(faultOf(() => target.write(0, mapping.bytes(0, 20)))).toEqual(truncated(10))
    expect(target.fault).toBeNull()
    expect(target.read(0, 20)).toEqual(pattern(20))
    mapping.unmap()
  })

  it('is of the needle as well', () => {
    const { mapping } = cutMapping('needle', 10)
    using haystack = mapFile(scratch.file('haystack', pattern(2 * pageSize)))
    expect(faultOf(() => haystack.indexOf(mapping.bytes(5, 10)))).toEqual(truncated(10))
    mapping.unmap()
  })

  it('does not matter to a match that lies before it', () => {
    const { mapping } = cutMapping('match', 100)
    expect(mapping.indexOf(pattern(100).subarray(40, 60))).toBe(40)
    expect(faultOf(() => mapping.lastIndexOf(pattern(100).subarray(40, 60)))).toEqual(
      truncated(100),
    )
    mapping.unmap()
  })

  it('is heard in another thread that attached the mapping', () => {
    const { mapping } = cutMapping('attached', 10)
    const other = (mapping.constructor as typeof import('posix-mmap').Mapping).attach(
      mapping.share(),
    )
    expect(faultOf(() => other.read(0, 20))).toEqual(truncated(10))
    expect(mapping.fault).toEqual(truncated(10))
    other.unmap()
    mapping.unmap()
  })

  it('is found after resize(), of a file that was empty as well', () => {
    const file = scratch.file('resized', '')
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.resize(100)
    mapping.resize(2 * pageSize)
    mapping.write(0, pattern(2 * pageSize))
    fs.truncateSync(file, 10)
    expect(faultOf(() => mapping.read(0, 20))).toEqual(truncated(10))
  })
})

describe('flush', () => {
  it('throws for bytes that were stored past the end, whatever they are', async () => {
    const file = scratch.file('stored', pattern(pageSize))
    using mapping = mapFile(file, { access: 'read-write' })
    fs.truncateSync(file, 10)
    mapping.bytes().fill(0xee, 20)
    expect(faultOf(() => mapping.flushSync())).toEqual(truncated(10))
    await expect(mapping.flush({ offset: 20, length: 5 })).rejects.toMatchObject({
      fault: truncated(20),
    })
    mapping.flushSync({ length: 10 })
    await mapping.flush({ length: 10 })
    expect(faultOf(() => msync(mapping, MsyncFlags.SYNC))).toEqual(truncated(10))
    expect(fs.readFileSync(file)).toEqual(pattern(10))
  })

  it('throws for a page that a fault made private, and not for its neighbours', async () => {
    const file = scratch.file('private', pattern(3 * pageSize))
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.protect('read', pageSize, pageSize)
    mapping.bytes()[pageSize] = 0
    mapping.protect('read-write', pageSize, pageSize)
    const fault = { kind: 'read-only', offset: pageSize, count: 1 }
    mapping.clearFault()
    expect(faultOf(() => mapping.flushSync())).toEqual(fault)
    await expect(mapping.flush()).rejects.toMatchObject({ fault })
    mapping.flushSync({ length: pageSize })
    await mapping.flush({ offset: 2 * pageSize })
    expect(mapping.fault).toBeNull()
  })

  it('of a page that is lost while it runs, throws in the end', async () => {
    const file = scratch.file('meanwhile', pattern(2 * pageSize))
    using mapping = mapFile(file, { access: 'read-write' })
    mapping.bytes()[0] = 7
    const flushed = mapping.flush()
    fs.truncateSync(file, 10)
    await expect(flushed).rejects.toMatchObject({ fault: truncated(10) })
  })

  it('that is under way when the mapping is closed ends well', async () => {
    const file = scratch.file('closed', pattern(2 * pageSize))
    const mapping = mapFile(file, { access: 'read-write' })
    const flushed = mapping.flush()
    fs.truncateSync(file, 10)
    mapping.unmap()
    await flushed
  })
})

describe('a stream', () => {
  it('ends with an error when its last chunk was lost before a slow reader looked', async () => {
    const file = scratch.file('slow', pattern(2 * pageSize))
    using mapping = mapFile(file)
    const seen: Buffer[] = []
    const read = pipeline(mapping.createReadStream(), async (chunks) => {
      for await (const chunk of chunks) {
        await delay(50)
        fs.truncateSync(file, pageSize + 10)
        seen.push(Buffer.from(chunk))
      }
    })
    await expect(read).rejects.toMatchObject({ fault: truncated(pageSize + 10) })
    expect(Buffer.concat(seen)).toHaveLength(2 * pageSize)
  })

  it('that lost what it had given out ends with an error, whoever reads it', async () => {
    for (const how of ['pages', 'bytes'] as const) {
      const file = scratch.file('given-out', pattern(8 * pageSize))
      using mapping = mapFile(file)
      const stream = mapping.createReadStream({ highWaterMark: pageSize })
      let count = 0
      stream.on('data', (chunk: Buffer) => {
        if (++count === 3) fs.truncateSync(file, how === 'pages' ? pageSize : pageSize + 10)
        chunk.at(-1)
      })
      const [error] = await once(stream, 'error')
      expect(error).toBeInstanceOf(MappingFaultError)
    }
  })

  it('that was lost and came back before it ended has its pages still replaced', async () => {
    const content = pattern(4 * pageSize)
    const file = scratch.file('came-back', content)
    using mapping = mapFile(file)
    const read = pipeline(mapping.createReadStream(), async (chunks) => {
      for await (const chunk of chunks) {
        fs.truncateSync(file, 0)
        Buffer.from(chunk)
        fs.writeFileSync(file, content)
      }
    })
    await expect(read).rejects.toMatchObject({ fault: { kind: 'truncated', offset: 0 } })
  })

  it('that its reader has left is not looked at', async () => {
    const file = scratch.file('left', pattern(8 * pageSize))
    using mapping = mapFile(file)
    for await (const _ of mapping.createReadStream({ highWaterMark: pageSize })) {
      fs.truncateSync(file, 10)
      break
    }
    expect(mapping.fault).toBeNull()
  })
})

describe('files without a size of their own, and memory without a file', () => {
  it('is not asked', () => {
    using zeros = mapFile('/dev/zero', { length: 2 * pageSize })
    expect(zeros.read(0, 2 * pageSize)).toEqual(Buffer.alloc(2 * pageSize))
    expect(zeros.indexOf(1)).toBe(-1)
    zeros.checked(() => zeros.check())
    using memory = SharedMemory.create(2 * pageSize)
    expect(memory.read(pageSize, pageSize)).toEqual(Buffer.alloc(pageSize))
    expect(memory.indexOf(1)).toBe(-1)
    memory.flushSync()
  })

  it('a segment that somebody cuts is', () => {
    using memory = SharedMemory.create(pageSize, { seal: false })
    memory.bytes().fill(1)
    fs.ftruncateSync(memory.fd, 10)
    expect(faultOf(() => memory.read(0, 20))).toEqual(truncated(10))
  })

  it('a mapping that was made longer than its file shows where that ends', () => {
    const file = scratch.file('short', pattern(100))
    using mapping = withDescriptor(file, 'r', (fd) =>
      mmap({ length: pageSize, prot: Prot.READ, flags: MapFlags.SHARED, fd }),
    )
    expect(mapping.read(0, 100)).toEqual(pattern(100))
    expect(faultOf(() => mapping.read(0, 101))).toEqual(truncated(100))
  })

  it('a file that ends with zeros is as long as it is', () => {
    const content = Buffer.concat([pattern(10), Buffer.alloc(100)])
    using mapping = mapFile(scratch.file('zeros', content))
    expect(mapping.read(0, 110)).toEqual(content)
    expect(mapping.indexOf(Buffer.alloc(100))).toBe(10)
    expect([...mapping.lines({ encoding: 'hex' })]).toHaveLength(2)
    mapping.checked(() => mapping.check())
    expect(mapping.fault).toBeNull()
  })
})

it('a file that another process cuts and writes anew, all the time, never shows a zero', async () => {
  // Its writer leaves no zero in it: after ftruncate(2), bytes come by write(2).
  const file = scratch.file('hostile', pattern(4 * pageSize))
  const writer = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import fs from 'node:fs'
       const fd = fs.openSync(${JSON.stringify(file)}, 'r+')
       const content = Buffer.alloc(${4 * pageSize}, 1)
       for (let i = 0; ; i = (i + 977) % content.length) {
         fs.ftruncateSync(fd, i)
         if (i % 3 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
         fs.writeSync(fd, content, i, content.length - i, i)
       }`,
    ],
    { stdio: 'inherit' },
  )
  const result = await runForJson(`
    import { mapFile } from 'posix-mmap'
    const counts = { whole: 0, thrown: 0, zeros: 0 }
    const full = ${4 * pageSize}
    const end = Date.now() + 20_000
    while (Date.now() < end && (counts.thrown < 1000 || counts.whole < 1000)) {
      const mapping = mapFile(${JSON.stringify(file)})
      for (let i = 0; mapping.byteLength === full && i < 500; i++) {
        try {
          if (mapping.read((i * 331) % (full - 64), 64).includes(0)) counts.zeros++
          else counts.whole++
        } catch (error) {
          if (error.code !== 'ERR_MAPPING_FAULT') throw error
          counts.thrown++
        }
      }
      mapping.unmap()
    }
    console.log(JSON.stringify(counts))`).finally(() => writer.kill('SIGKILL'))
  const { whole, thrown, zeros } = result as { whole: number; thrown: number; zeros: number }
  console.log('read() of a file under a hostile writer:', result)
  expect(zeros).toBe(0)
  expect(whole).toBeGreaterThan(0)
  expect(thrown).toBeGreaterThan(0)
}, 60_000)
