// A descriptor of shared memory whose number somebody else has closed, and perhaps has by now.

import fs from 'node:fs'
import { Mapping, pageSize, SharedMemory, withShared } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { runForJson } from '../support/processes.js'
import { threadScript } from '../support/threads.js'

const scratch = scratchDirectory()
const badDescriptor = expect.objectContaining({ code: 'EBADF' })

/** Shared memory whose number is that of `file` now. */
function robbed(file: string): { memory: SharedMemory; fd: number } {
  const memory = SharedMemory.create(pageSize)
  const { fd } = memory
  fs.closeSync(fd)
  expect(fs.openSync(file, 'r')).toBe(fd)
  return { memory, fd }
}

function expectOpen(fd: number, file: string): void {
  expect(fs.fstatSync(fd).ino).toBe(fs.statSync(file).ino)
  fs.closeSync(fd)
}

describe('a number that is another file by now', () => {
  const file = scratch.file('stranger', 'x')

  it('stays open after unmap()', () => {
    const { memory, fd } = robbed(file)
    memory.unmap()
    expectOpen(fd, file)
  })

  it.each<[string, (memory: SharedMemory) => unknown]>([
    ['seals', (memory) => memory.seals],
    ['sealWrites()', (memory) => memory.sealWrites()],
    ['readOnly()', (memory) => memory.readOnly()],
    ['share()', (memory) => memory.share()],
    ['withShared()', (memory) => withShared({ memory })],
  ])('is EBADF for %s, and not used', (_name, use) => {
    const { memory, fd } = robbed(file)
    expect(() => use(memory)).toThrow(badDescriptor)
    memory.unmap()
    expectOpen(fd, file)
  })

  it('is not resized', () => {
    const memory = SharedMemory.create(pageSize, { seal: false })
    const { fd } = memory
    const victim = scratch.file('victim', Buffer.alloc(10))
    fs.closeSync(fd)
    expect(fs.openSync(victim, 'r+')).toBe(fd)
    try {
      memory.resize(2 * pageSize)
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^E(BADF|NOENT|STALE)$/) })
    }
    expect(fs.statSync(victim).size).toBe(10)
    memory.unmap()
    expectOpen(fd, victim)
  })

  it('is not that of other shared memory of the package', () => {
    const first = SharedMemory.create(pageSize)
    fs.closeSync(first.fd)
    using second = SharedMemory.create(pageSize)
    expect(second.fd).not.toBe(first.fd)
    first.unmap()
    expect(second.seals).toContain('shrink')
    fs.fstatSync(second.fd)
  })

  it('stays open when the memory is collected, and when its thread ends', async () => {
    const seen = await runForJson(
      `${threadScript}
      const rob = (memory) => { fs.closeSync(memory.fd); return fs.openSync('${file}') }
      const isOpen = (fd) => { try { return fs.fstatSync(fd).ino === fs.statSync('${file}').ino } catch { return false } }
      const dropped = (() => rob(SharedMemory.create(pageSize)))()
      await collect()
      const worker = start(() => {
        globalThis.memory = SharedMemory.create(100)
        parentPort.postMessage(globalThis.memory.fd)
        parentPort.once('message', () => process.exit(0))
      })
      const number = await next(worker)
      fs.closeSync(number)
      const mine = fs.openSync('${file}')
      worker.postMessage('end')
      await ended(worker)
      print([isOpen(dropped), number === mine, isOpen(mine)])`,
      '--expose-gc',
    )
    expect(seen).toEqual([true, true, true])
  })
})

describe('a number that nobody has', () => {
  it('is EBADF for what needs it, and unmap() goes through', () => {
    const memory = SharedMemory.create(pageSize)
    const handle = memory.share()
    fs.closeSync(memory.fd)
    expect(() => memory.seals).toThrow(badDescriptor)
    // The token has a descriptor of its own.
    using other = Mapping.attach(handle)
    memory.bytes()[3] = 5
    expect(other.read(3, 1)[0]).toBe(5)
    memory.unmap()
    expect(memory.closed).toBe(true)
  })
})
