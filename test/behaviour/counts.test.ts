// Counts of system calls that must not grow, by strace(1). They do not depend on the machine; times
// do, and no test asserts one.

import { pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { systemCallsOf, whyNoStrace } from '../../bench/lib/system-calls.js'
import { isOnDisk, noDisk, pattern, scratchDirectory } from '../support/files.js'
import { projectRoot } from '../support/processes.js'

const reason = whyNoStrace()
if (reason !== null) console.log(`test/behaviour/counts.test.ts counts nothing: ${reason}`)

const scratch = scratchDirectory()
const file = JSON.stringify(scratch.file('three-pages', pattern(10_000)))

/** The system calls of one run of `body`, which can use `file`, `fd` and an open `mapping`. */
function systemCalls(body: string, setup = ''): Record<string, number> {
  const before = `
    import { mapAnonymous, mapFile, SharedMemory } from 'posix-mmap'
    const file = ${file}
    const fd = fs.openSync(file)
    const mapping = mapFile(fd)
    ${setup}`
  return whole(systemCallsOf({ before, body, cwd: projectRoot }))
}

function whole(counts: Record<string, number>): Record<string, number> {
  // malloc(3) and V8 make calls of their own, but in a hundred runs less than one for each run.
  const all = Object.entries(counts).map(([name, count]): [string, number] => [
    name,
    Math.floor(count),
  ])
  return Object.fromEntries(all.filter(([, count]) => count > 0))
}

/**
 * The system calls of one run of `body`, which can use a `ring` with 64 KiB of messages and a `message`, while
 * another process runs `peer` over and over.
 */
function besidePeer(peer: string, body: string, isAsync = false): Record<string, number> {
  const program = `
    import { SharedMemory } from 'posix-mmap'
    import { MessageRing } from 'posix-mmap/shared'
    const ring = MessageRing.attach(SharedMemory.open(process.argv[1]))
    const message = new Uint8Array(64)
    for (;;) { ${peer} }`
  const before = `
    import { spawn } from 'node:child_process'
    import { once as event } from 'node:events'
    import { MessageRing } from 'posix-mmap/shared'
    const ring = MessageRing.create(1 << 16)
    const message = new Uint8Array(64)
    while (ring.trySend(message));
    const messages = ring[Symbol.asyncIterator]()
    const path = '/proc/' + process.pid + '/fd/' + ring.memory.fd
    const args = ['--input-type=module', '--eval', ${JSON.stringify(program)}, path]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    await event(child, 'spawn')`
  const after = `child.kill('SIGKILL')`
  return whole(systemCallsOf({ before, body, after, cwd: projectRoot, isAsync }))
}

describe.skipIf(reason !== null)('system calls', () => {
  it('of a mapping that only read() uses are those of a program in C', () => {
    const calls = systemCalls('const m = mapFile(fd); m.read(0, 10); m.unmap()')
    expect(calls).toEqual({ fstat: 1, mmap: 1, munmap: 1 })
  })

  it('of a mapping with a view have an mmap(2) of anonymous memory in place of munmap(2)', () => {
    const calls = systemCalls('const m = mapFile(fd); m.bytes()[0]; m.unmap()')
    expect(calls).toEqual({ fstat: 1, mmap: 2 })
  })

  it('of a mapping by its path have one open(2) and one close(2) more', () => {
    const calls = systemCalls('const m = mapFile(file); m.read(0, 10); m.unmap()')
    expect(calls).toEqual({ open: 1, fstat: 1, mmap: 1, munmap: 1, close: 1 })
  })

  it('of anonymous memory are mmap(2) and munmap(2)', () => {
    expect(systemCalls('mapAnonymous(10_000).unmap()')).toEqual({ mmap: 1, munmap: 1 })
  })

  it('are not made by views, checked copies and checks', () => {
    const setup = `
      const writable = mapFile(file, { access: 'copy-on-write' })
      writable.write(5000, 'text')`
    const body = `
      mapping.bytes(1, 100)
      mapping.view(Int32Array)
      mapping.dataView(4)
      mapping.asBuffer().toString('latin1', 0, 10)
      mapping.read(5000, 64)
      mapping.check()
      mapping.protection
      mapping.checked(() => mapping.buffer)
      writable.write(5000, 'text')`
    expect(systemCalls(body, setup)).toEqual({})
  })

  it('are one in each copy of zeros, and none of other bytes', () => {
    const setup = `
      const holes = file + '.holes'
      fs.writeFileSync(holes, '')
      fs.truncateSync(holes, 5 * ${pageSize})
      const sparse = mapFile(holes)`
    const body = `
      sparse.read(10, 64)
      sparse.indexOf(1, 0, 100)
      mapping.read(9000, 1000)
      mapping.checked(() => mapping.check())`
    expect(systemCalls(body, setup)).toEqual({ fstat: 2 })
  })

  it('are one where nothing else tells that a file has the zeros that it ends with', () => {
    const setup = `
      const end = file + '.end'
      fs.writeFileSync(end, Buffer.alloc(100))
      const byPath = mapFile(end)
      const byDescriptor = mapFile(fs.openSync(end))
      const shared = SharedMemory.create(100)`
    const counted = (body: string) => systemCalls(body, setup)
    expect(counted('byPath.read(10, 10)')).toEqual({ fstat: 1 })
    expect(counted('byDescriptor.read(10, 10)')).toEqual({ fstat: 1 })
    expect(counted('shared.read(10, 10); shared.checked(() => {})')).toEqual({})
  })

  it('of many ranges to prefetch are one of a thread, and only for what is not in memory', ({
    skip,
  }) => {
    if (!isOnDisk(scratch)) skip(noDisk)
    const before = `
      import { mapFile } from 'posix-mmap'
      import { native } from './dist/internals.js'
      const file = ${file} + '.large'
      fs.writeFileSync(file, Buffer.alloc(2000 * ${pageSize}, 1))
      const fd = fs.openSync(file)
      fs.fsyncSync(fd)
      const mapping = mapFile(file)
      const bytes = Buffer.alloc(mapping.byteLength)
      const drop = () => {
        // Pages that are being read in, as the last prefetch() has begun to, cannot be dropped.
        fs.readSync(fd, bytes, 0, bytes.length, 0)
        native.fileAdvice(fd, 0, 0, native.constants.POSIX_FADV_DONTNEED)
      }
      const ranges = Array.from({ length: 500 }, (_, i) => ({ offset: 4 * i * ${pageSize}, length: 1 }))`
    const counted = (body: string, threads = true) => {
      const script = { before, body, cwd: projectRoot, isAsync: true, threads, times: 20 }
      const { madvise, mincore, process_madvise } = whole(systemCallsOf(script))
      return { madvise, mincore, process_madvise }
    }
    const dropped = 'drop(); await mapping.prefetch(ranges)'
    expect(counted(dropped, false)).toEqual({})
    const inOne = { mincore: 500, process_madvise: 1 }
    const oneByOne = { mincore: 500, madvise: 500 }
    // Before Linux 6.13 a program without CAP_SYS_NICE may not call process_madvise(2).
    expect([inOne, oneByOne]).toContainEqual(counted(dropped))
    expect(counted(`native.forbidProcessMadvise(true); ${dropped}`)).toEqual(oneByOne)
    const warm = 'mapping.read(0, mapping.byteLength); await mapping.prefetch(ranges)'
    expect(counted(warm)).toEqual({ mincore: 500 })
  })

  it('are none of a message while both sides are busy', () => {
    const busyProducer = 'ring.trySend(message)'
    expect(besidePeer(busyProducer, 'while (ring.tryReceive() === null);')).toEqual({})
    expect(besidePeer(busyProducer, 'ring.receiveSync()')).toEqual({})
    expect(besidePeer('ring.tryReceive()', 'while (!ring.trySend(message));')).toEqual({})
  })

  it('are less than one of a message to the event loop, which has a turn every 8 messages at most', () => {
    expect(besidePeer('ring.trySend(message)', 'await messages.next()', true)).toEqual({})
  })

  it('are there, and counted, where the other side sleeps', () => {
    const wakes = 'const received = ring.receive(); ring.trySend(message); await received'
    const before = `
      import { MessageRing } from 'posix-mmap/shared'
      const ring = MessageRing.create(1 << 16)
      const message = new Uint8Array(64)`
    const counts = systemCallsOf({ before, body: wakes, cwd: projectRoot, isAsync: true })
    expect(whole(counts)['futex']).toBeGreaterThan(0)
  })

  it('are none of a broadcast that nobody waits for', () => {
    const setup = `
      import { Broadcast } from 'posix-mmap/shared'
      const news = Broadcast.create(1 << 16)
      const reader = news.subscribe()
      const message = new Uint8Array(64)`
    expect(systemCalls('news.publish(message); reader.tryReceive()', setup)).toEqual({})
  })

  it.each([
    ["mapping.advise('random', 4096, 4096)", { madvise: 1 }],
    ['mapping.populateSync()', { madvise: 1 }],
    ['mapping.flushSync()', { msync: 1 }],
    ['mapping.residency()', { mincore: 1 }],
    ["memory.protect('read')", { mprotect: 1 }],
  ])('are a single one in %s', (body, expected) => {
    expect(systemCalls(body, 'const memory = mapAnonymous(10_000)')).toEqual(expected)
  })
})
