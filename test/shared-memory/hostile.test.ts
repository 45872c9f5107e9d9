// What a child, an unrelated process or a dead one can do to shared memory, and what it cannot.

import { execFileSync, fork } from 'node:child_process'
import fs from 'node:fs'
import { pageSize, SharedMemory, withShared } from 'posix-mmap'
import { afterEach, describe, expect, it } from 'vitest'
import { systemError } from '../support/errors.js'
import { scratchDirectory } from '../support/files.js'
import { runForJson } from '../support/processes.js'
import { outputOf, programsIn } from '../support/programs.js'
import { expectNothingNew, traces } from '../support/traces.js'

const scratch = scratchDirectory()
const program = programsIn(scratch)

/** Makes every attempt to change the memory, and reports how each ended. */
const attacker = program(
  'attacker.mjs',
  `import fs from 'node:fs'
   import { SharedMemory } from 'posix-mmap'
   import { addressOf, MapFlags, mmap, mprotect, Prot } from 'posix-mmap/posix'
   const memory = SharedMemory.inherited('table')
   const { fd } = memory
   const attempt = (body) => {
     try { return String(body()) } catch ({ code, syscall }) { return code + ' ' + syscall }
   }
   const map = (prot, descriptor) =>
     mmap({ length: memory.byteLength, prot, flags: MapFlags.SHARED, fd: descriptor, offset: 0 })
   const store = (mapping) => {
     mapping.bytes()[0] = 88
     return mapping.fault?.kind ?? 'stored'
   }
   const reopened = (body) => {
     const again = fs.openSync('/proc/self/fd/' + fd, 'r+')
     try { return body(again) } finally { fs.closeSync(again) }
   }
   const readable = map(Prot.READ, fd)
   const address = Number(addressOf(readable))
   console.log(JSON.stringify({
     mmap: attempt(() => store(map(Prot.READ | Prot.WRITE, fd))),
     mprotect: attempt(() => mprotect(readable, Prot.READ | Prot.WRITE)),
     protect: attempt(() => memory.protect('read-write')),
     store: attempt(() => store(memory)),
     write: attempt(() => fs.writeSync(fd, 'XXXX', 0)),
     shrink: attempt(() => fs.ftruncateSync(fd, 0)),
     grow: attempt(() => fs.ftruncateSync(fd, 2 * memory.byteLength)),
     hole: attempt(() => memory.punchHole(0, memory.byteLength)),
     remap: attempt(() => SharedMemory.open(fd, { access: 'read-write' })),
     procMem: attempt(() => {
       const descriptor = fs.openSync('/proc/self/mem', 'r+')
       return fs.writeSync(descriptor, Buffer.from('XXXX'), 0, 4, address)
     }),
     reopenedShrink: attempt(() => reopened((again) => fs.ftruncateSync(again, 0))),
     reopenedWrite: attempt(() => reopened((again) => fs.writeSync(again, 'XXXX', 0))),
     reopenedMmap: attempt(() => reopened((again) => store(map(Prot.READ | Prot.WRITE, again)))),
   }))
   process.disconnect()`,
)

async function attack(table: SharedMemory): Promise<unknown> {
  return JSON.parse(await outputOf(fork(attacker, [], withShared({ table }, { silent: true }))))
}

function hello(): SharedMemory {
  const memory = SharedMemory.create(2 * pageSize)
  memory.write(0, 'hello')
  return memory
}

describe('a hostile child', () => {
  /**
   * How its attempts end on memory after sealWrites(), by a descriptor that was opened for reading.
   */
  const refused = {
    mmap: 'EACCES mmap',
    mprotect: 'EACCES mprotect',
    protect: 'EACCES mprotect',
    store: 'read-only',
    write: 'EBADF write',
    shrink: 'EINVAL ftruncate',
    grow: 'EINVAL ftruncate',
    hole: 'EACCES madvise',
    remap: 'EACCES mmap',
    procMem: expect.stringMatching(/^E/),
    reopenedShrink: 'EPERM ftruncate',
    reopenedWrite: 'EPERM write',
    reopenedMmap: 'EPERM mmap',
  }

  it('cannot change memory after sealWrites(), whatever descriptor it was given', async () => {
    using memory = hello()
    memory.sealWrites()
    using reader = memory.readOnly()
    expect(await attack(reader)).toEqual(refused)
    expect(memory.read(0, 5).toString()).toBe('hello')
    memory.write(0, 'jello')
    expect(reader.read(0, 5).toString()).toBe('jello')
    expect([memory.fault, reader.fault]).toEqual([null, null])
  })

  it('cannot change memory after sealWrites() by the very descriptor of its parent', async () => {
    using memory = hello()
    memory.sealWrites()
    expect(await attack(memory)).toEqual({
      ...refused,
      mmap: 'EPERM mmap',
      write: 'EPERM write',
      shrink: 'EPERM ftruncate',
      grow: 'EPERM ftruncate',
      hole: expect.stringMatching(/^E(ACCES|PERM) madvise$/),
      remap: 'EPERM mmap',
    })
    expect(memory.read(0, 5).toString()).toBe('hello')
  })

  it('can change memory of readOnly() in one way only: it opens the memory again', async () => {
    using memory = hello()
    using reader = memory.readOnly()
    expect(await attack(reader)).toEqual({ ...refused, reopenedWrite: '4', reopenedMmap: 'stored' })
    expect(memory.read(0, 5).toString()).toBe('XXXXo')
  })

  it('that may write cannot make its parent fault', async () => {
    using memory = hello()
    const seen = (await attack(memory)) as Record<string, string>
    expect(seen).toMatchObject({ shrink: 'EPERM ftruncate', grow: 'EPERM ftruncate' })
    expect(memory.read(0, memory.byteLength).length).toBe(memory.byteLength)
    expect(memory.fault).toBeNull()
  })

  it('that shrinks memory without a seal causes a fault in its parent, and not a signal', async () => {
    const shrinking = program(
      'shrinking.mjs',
      `import fs from 'node:fs'
       import { SharedMemory } from 'posix-mmap'
       fs.ftruncateSync(SharedMemory.inherited('table').fd, 0)
       process.disconnect()`,
    )
    const seen = await runForJson(
      `import { fork } from 'node:child_process'
       import { SharedMemory, withShared } from 'posix-mmap'
       const table = SharedMemory.create(100, { seal: false })
       table.write(0, 'x')
       const child = fork('${shrinking}', [], withShared({ table }, { execArgv: [] }))
       await new Promise((resolve) => child.on('close', resolve))
       console.log(JSON.stringify([child.exitCode, child.signalCode, table.bytes()[0], table.fault.kind]))`,
    )
    expect(seen).toEqual([0, null, 0, 'truncated'])
  })
})

it('sealWrites() cannot be undone, and can be called twice', () => {
  using memory = hello()
  memory.sealWrites()
  const { seals } = memory
  memory.sealWrites()
  expect(memory.seals).toEqual(seals)
  expect(() => SharedMemory.open(memory.fd, { access: 'read-write' })).toThrow(
    systemError('EPERM', 'mmap'),
  )
  using again = SharedMemory.open(memory.fd)
  expect(again.access).toBe('read')
})

it('sealWrites() leaves existing mappings as writable as their descriptor allowed', () => {
  using memory = hello()
  using before = SharedMemory.open(memory.fd, { access: 'read' })
  memory.sealWrites()
  using after = SharedMemory.open(memory.fd, { access: 'read' })
  expect(() => after.protect('read-write')).toThrow(systemError('EACCES', 'mprotect'))
  before.protect('read-write')
  before.write(0, 'j')
  expect(after.read(0, 5).toString()).toBe('jello')
})

describe('a name', () => {
  let names = 0
  let name = ''
  const place = () => `/dev/shm/${name}`
  const newName = () => {
    name = `posix-mmap-hostile-${process.pid}-${names++}`
    return name
  }
  afterEach(() => fs.rmSync(place(), { force: true, recursive: true }))

  it.each<[string, (path: string) => void, string]>([
    ['a symbolic link', (path) => fs.symlinkSync('/etc/passwd', path), 'ELOOP'],
    ['a directory', (path) => fs.mkdirSync(path), 'EISDIR'],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), 'ENODEV'],
    ['a segment of no size', (path) => fs.writeFileSync(path, ''), 'ENODATA'],
  ])(
    'that is %s is an error for create() and open(), which do not wait',
    async (_what, squat, code) => {
      squat(`/dev/shm/${newName()}`)
      const seen = await runForJson(
        `import { SharedMemory } from 'posix-mmap'
       const errors = [
         () => SharedMemory.create(1, { name: '${name}' }),
         () => SharedMemory.open('${name}'),
         () => SharedMemory.open('${name}', { access: 'read' }),
       ].map((call) => { try { call() } catch ({ code, path }) { return [code, path] } })
       console.log(JSON.stringify(errors))`,
      )
      expect(seen).toEqual(
        ['EEXIST', code, expect.stringMatching(/^E/)].map((word) => [word, `/${name}`]),
      )
    },
  )

  it('that was left behind is an error that says how to remove it', () => {
    SharedMemory.create(1, { name: newName() }).unmap()
    expect(() => SharedMemory.create(1, { name })).toThrow(/^EEXIST: .*SharedMemory\.unlink\(\)/)
    SharedMemory.unlink(name)
    SharedMemory.create(1, { name }).unmap()
  })

  it('of another user is an error that names the user', async (context) => {
    if (process.getuid?.() !== 0) {
      context.skip('only root can make a process of another user')
    }
    SharedMemory.create(1, { name: newName() }).unmap()
    const message = await runForJson(
      `import { SharedMemory } from 'posix-mmap'
       process.setgid(65534)
       process.setuid(65534)
       try { SharedMemory.open('${name}') } catch ({ code, message }) { console.log(JSON.stringify([code, message])) }`,
    )
    expect(message).toEqual(['EACCES', expect.stringMatching(/belongs to the user 0/)])
  })

  it('may begin with a dot', () => {
    const hidden = `.${newName()}`
    using memory = SharedMemory.create(1, { name: hidden })
    try {
      using opened = SharedMemory.open(hidden)
      expect(opened.name).toBe(memory.name)
    } finally {
      SharedMemory.unlink(hidden)
    }
  })

  it('is removed again when the memory cannot be mapped with the given options', () => {
    const before = traces()
    newName()
    // Only private memory accepts this advice.
    const make = () => SharedMemory.create(pageSize, { name, advice: 'wipeonfork' })
    expect(make).toThrow(systemError('EINVAL', 'madvise', `/${name}`))
    expect(fs.existsSync(place())).toBe(false)
    expectNothingNew(before)
  })

  it('cannot be combined with a seal', () => {
    expect(() => SharedMemory.create(1, { name: newName(), seal: true })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
    expect(fs.existsSync(place())).toBe(false)
  })

  it('whose segment another process shrinks causes a fault, and not a signal', async () => {
    newName()
    const seen = await runForJson(
      `import fs from 'node:fs'
       import { SharedMemory } from 'posix-mmap'
       const memory = SharedMemory.create(100, { name: '${name}' })
       fs.truncateSync('${place()}', 0)
       console.log(JSON.stringify([memory.bytes()[0], memory.fault.kind]))`,
    )
    expect(seen).toEqual([0, 'truncated'])
  })
})

describe('SharedMemory.create()', () => {
  it('of more than the available memory is refused at once', () => {
    const before = traces()
    expect(() => SharedMemory.create(2 ** 45)).toThrow(systemError('ENOMEM', 'fallocate'))
    expectNothingNew(before)
  })

  it('makes a descriptor that exec closes, and no file that can be executed', () => {
    using memory = SharedMemory.create(1)
    const info = fs.readFileSync(`/proc/self/fdinfo/${memory.fd}`, 'utf8')
    const closeOnExec = 0o2000000
    expect(Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? '', 8) & closeOnExec).not.toBe(0)
    // Since Linux 6.3; before, a memfd can always be executed.
    if (memory.seals.includes('exec')) expect(fs.fstatSync(memory.fd).mode & 0o111).toBe(0)
    expect(memory.seals).not.toContain('seal')
  })

  it('open() of a character device is an error', () => {
    expect(() => SharedMemory.open('/dev/zero')).toThrow(
      systemError('ENODEV', 'fstat', '/dev/zero'),
    )
  })
})
