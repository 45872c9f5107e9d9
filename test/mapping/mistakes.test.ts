// Slips of a program that used to pass in silence.

import fs from 'node:fs'
import {
  adviceSupported,
  Mapping,
  mapAnonymous,
  mapFile,
  pageSize,
  SharedMemory,
  withShared,
} from 'posix-mmap'
import { mmap } from 'posix-mmap/posix'
import { locks, Mutex, Semaphore } from 'posix-mmap/sync'
import { describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../support/files.js'
import { run, scriptHelpers } from '../support/processes.js'

const scratch = scratchDirectory()
const sample = scratch.file('sample', pattern(2 * pageSize))

type Call = (options: object) => unknown

const memory = () => SharedMemory.create(pageSize)
const takers: Record<string, Call> = {
  mapFile: (options) => mapFile(sample, options),
  mapAnonymous: (options) => mapAnonymous(1, options),
  'SharedMemory.create': (options) => SharedMemory.create(1, options),
  'SharedMemory.open': (options) => SharedMemory.open(sample, options),
  'SharedMemory.openOrCreate': (options) => SharedMemory.openOrCreate('never-made', 1, options),
  'SharedMemory.inherited': (options) => SharedMemory.inherited('none', options),
  attach: (options) => Mapping.attach(mapAnonymous(1).share(), options),
  mmap: (options) => mmap({ length: 1, prot: 1, flags: 0x22, ...options }),
  flushSync: (options) => mapFile(sample).flushSync(options),
  flush: (options) => mapFile(sample).flush(options),
  lockSync: (options) => mapAnonymous(1).lockSync(options),
  lock: (options) => mapAnonymous(1).lock(options),
  populateSync: (options) => mapAnonymous(1).populateSync(options),
  populate: (options) => mapAnonymous(1).populate(options),
  lines: (options) => mapFile(sample).lines(options),
  createReadStream: (options) => mapFile(sample).createReadStream(options),
  'Mutex.lock': (options) => new Mutex(memory()).lock(options),
  'Semaphore.wait': (options) => new Semaphore(memory(), 0, 1).wait(options),
  'locks.request': (options) => locks.request('mistakes', options, () => {}),
}
const populates = adviceSupported('populate-read')

describe.each(Object.entries(takers))('%s', (name, call) => {
  const refusal = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })

  it('refuses a property that it does not know, by its name', async () => {
    await expect((async () => call({ unheardOf: 1 }))()).rejects.toEqual(refusal)
    await expect((async () => call({ unheardOf: 1 }))()).rejects.toThrow(/'options\.unheardOf'/)
  })

  it.skipIf(name.startsWith('populate') && !populates)(
    'takes one that is undefined for absent',
    async () => {
      const outcome = await (async () => call({ unheardOf: undefined }))().catch(String)
      expect(String(outcome)).not.toContain('unheardOf')
    },
  )
})
if (!populates) console.log('not tested: populate() needs Linux 5.14')

describe('the nearest name is proposed', () => {
  it.each([
    ['acess', 'access'],
    ['Access', 'access'],
    ['ofset', 'offset'],
    ['lenght', 'length'],
    ['onfault', 'onFault'],
    ['hugePage', 'hugePages'],
  ])('for %s: %s', (slip, meant) => {
    expect(() => mapFile(sample, { [slip]: 1 })).toThrow(`did you mean '${meant}'?`)
  })

  it('unless none is near', () => {
    expect(() => mapFile(sample, { ['zzzzzz' as 'length']: 1 })).toThrow(
      /not known \(known: 'access', /,
    )
  })
})

describe('a mapping is not taken for its bytes', () => {
  const mapping = mapFile(sample)
  const taken = mapping as unknown as Uint8Array

  it.each<[string, () => unknown]>([
    ['length', () => taken.length],
    ['Buffer.from()', () => Buffer.from(taken)],
    ['new Uint8Array()', () => new Uint8Array(taken)],
    ['Array.from()', () => Array.from(taken)],
    ['Float64Array.from()', () => Float64Array.from(taken)],
  ])('by %s', (_name, take) => {
    expect(take).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringMatching(/bytes\(\).*read\(\)/),
      }),
    )
  })

  it('by a loop', () => {
    expect(() => [...taken]).toThrow(TypeError)
  })

  it('by JSON', () => {
    expect(JSON.parse(JSON.stringify({ mapping }))).toEqual({
      mapping: {
        description: expect.stringMatching(/^Mapping, .*share\(\).*withShared\(\)/),
        path: sample,
        access: 'read',
        byteLength: 2 * pageSize,
        fileOffset: 0,
        protection: 'read',
        closed: false,
        fault: null,
      },
    })
  })
})

it('a mapping is not cloned, where Node can be told', async () => {
  const finished = await run(
    `${scriptHelpers}
    import { markAsUncloneable } from 'node:worker_threads'
    import * as threads from 'node:worker_threads'
    const mapping = mapAnonymous(1)
    let outcome = 'cloned'
    try { structuredClone({ mapping }) } catch (error) { outcome = error.name }
    console.log(outcome, threads.markAsUncloneable !== undefined)`.replace(
      "import { markAsUncloneable } from 'node:worker_threads'\n",
      "import { mapAnonymous } from 'posix-mmap'\n",
    ),
  )
  expect(finished.stderr).toBe('')
  expect(finished.stdout).toBeOneOf(['DataCloneError true\n', 'cloned false\n'])
})

describe('withShared() and inherited() say what they want', () => {
  it.each<[string, () => unknown]>([
    ['memory', () => SharedMemory.create(1)],
    ['an array', () => [SharedMemory.create(1)]],
    ['a Map', () => new Map([['table', SharedMemory.create(1)]])],
    ['another mapping', () => mapAnonymous(1)],
    ['nothing', () => null],
  ])('of %s', (_name, make) => {
    expect(() => withShared(make() as Record<string, SharedMemory>)).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringContaining('withShared({ table })'),
      }),
    )
  })

  it('of a value that is no memory', () => {
    const table = {} as SharedMemory
    expect(() => withShared({ table })).toThrow(/shared\.table/)
  })

  it('without a parent', () => {
    expect(() => SharedMemory.inherited('table')).toThrow(/withShared\(/)
  })
})

describe('create without a size', () => {
  it.each(['read', 'read-write'])('with access %s warns that nothing is mapped', async (access) => {
    const file = `${scratch.directory}/new-${access}`
    const finished = await run(`
      import { mapFile } from 'posix-mmap'
      console.log(mapFile(${JSON.stringify(file)}, { create: true, access: '${access}' }).byteLength)`)
    expect(finished).toMatchObject({ code: 0, signal: null, stdout: '0\n' })
    expect(finished.stderr).toMatch(/MappingWarning: .*size.*'read-write'/)
  })

  it('of a file that has bytes says nothing', async () => {
    const finished = await run(`
      import { mapFile } from 'posix-mmap'
      console.log(mapFile(${JSON.stringify(sample)}, { create: true }).byteLength)`)
    expect(finished).toMatchObject({ code: 0, stderr: '', stdout: `${2 * pageSize}\n` })
  })
})

describe('a fault that nobody hears of', () => {
  const faulty = (body: string, options = '{}') => `
    import diagnostics from 'node:diagnostics_channel'
    import fs from 'node:fs'
    import { setTimeout as delay } from 'node:timers/promises'
    import { mapFile, pageSize } from 'posix-mmap'
    const file = ${JSON.stringify(`${scratch.directory}/lost`)} + process.pid
    fs.writeFileSync(file, Buffer.alloc(2 * pageSize, 7))
    const mapping = mapFile(file, ${options})
    fs.truncateSync(file, 0)
    const touch = () => { mapping.bytes()[pageSize] }
    ${body}
    fs.unlinkSync(file)`
  const warning = /MappingFaultWarning: .* at offset \d+ of the mapping of '.*lost\d+'/g

  it.each([
    ['of a program that goes on', 'touch(); await delay(20)', 1],
    ['of a program that ends', 'touch()', 1],
    ['more than once', 'touch(); await delay(20); mapping.bytes()[0]; await delay(20)', 1],
  ])('%s is a warning', async (_name, body, count) => {
    const finished = await run(faulty(body))
    expect(finished).toMatchObject({ code: 0, signal: null })
    expect(finished.stderr.match(warning)).toHaveLength(count)
  })

  it.each([
    ['fault', 'touch(); mapping.fault; await delay(20)', '{}'],
    ['check()', 'touch(); try { mapping.check() } catch {}; await delay(20)', '{}'],
    ['clearFault()', 'touch(); mapping.clearFault(); await delay(20)', '{}'],
    ['read()', 'try { mapping.read(0, 9) } catch {}; await delay(20)', '{}'],
    ['checked()', 'try { mapping.checked(touch) } catch {}; await delay(20)', '{}'],
    [
      'checked() of a promise',
      'try { await mapping.checked(async () => { touch(); await delay(20) }) } catch {}',
      '{}',
    ],
    ['onFault', 'touch(); await delay(20)', '{ onFault() {} }'],
    [
      'the channel',
      "diagnostics.subscribe('posix-mmap:fault', () => {}); touch(); await delay(20)",
      '{}',
    ],
  ])('is none where %s tells', async (_name, body, options) => {
    const finished = await run(faulty(body, options))
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('is silenced as any warning is', async () => {
    const finished = await run(faulty('touch()'), '--disable-warning=MappingFaultWarning')
    expect(finished).toMatchObject({ code: 0, stderr: '' })
  })

  it('is heard at the end of the program too', async () => {
    const finished = await run(faulty('touch()', '{ onFault: ({ kind }) => console.log(kind) }'))
    expect(finished).toMatchObject({ code: 0, stdout: 'truncated\n', stderr: '' })
  })
})

it('seals of a memfd are set and read', async () => {
  const { addSeals, getSeals, MemfdFlags, memfdCreate, Seals } = await import('posix-mmap/posix')
  const fd = memfdCreate('sealed', MemfdFlags.CLOEXEC | MemfdFlags.ALLOW_SEALING)
  try {
    expect(getSeals(fd)).toBe(0)
    addSeals(fd, Seals.SHRINK | Seals.GROW)
    expect(getSeals(fd)).toBe(Seals.SHRINK | Seals.GROW)
    addSeals(fd, Seals.SEAL)
    expect(() => addSeals(fd, Seals.WRITE)).toThrow(expect.objectContaining({ code: 'EPERM' }))
    expect(() => addSeals(fd, 1 << 20)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
    expect(() => getSeals(2 ** 20)).toThrow(expect.objectContaining({ code: 'EBADF' }))
  } finally {
    fs.closeSync(fd)
  }
})

describe('what the kernel refuses says why', () => {
  const writable = () =>
    mapFile(scratch.file('writable', pattern(pageSize)), { access: 'read-write' })
  it.each<[string, string, () => unknown, RegExp]>([
    ['discard() of a file', 'EINVAL', () => mapFile(sample).discard(), /punchHole\(\)/],
    ['discard() of a writable file', 'EINVAL', () => writable().discard(), /punchHole\(\)/],
    [
      'punchHole() of anonymous memory',
      'EINVAL',
      () => mapAnonymous(1).punchHole(0, 1),
      /discard\(\)/,
    ],
    [
      'punchHole() of what may be read',
      'EACCES',
      () => mapFile(sample).punchHole(0, 1),
      /only be read/,
    ],
    ['protect()', 'EACCES', () => mapFile(sample).protect('read-write'), /access 'read'/],
  ])('%s', (_name, errno, call, why) => {
    expect(call).toThrow(
      expect.objectContaining({ code: errno, message: expect.stringMatching(why) }),
    )
  })

  it('a length past the end names size', () => {
    const call = () => mapFile(sample, { access: 'read-write', length: 2 ** 40 })
    expect(call).toThrow(/options\.length.*option size/)
  })
})
