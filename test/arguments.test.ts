// Every bad argument gives an error with a type, and leaves nothing mapped or open.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import net from 'node:net'
import { adviceSupported, Mapping, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Errno,
  invalidType,
  invalidValue,
  mappingClosed,
  outOfRange,
  systemError,
  untyped,
} from './support/errors.js'
import { pattern, scratchDirectory, withDescriptor } from './support/files.js'
import { mapsOf } from './support/kernel-view.js'
import { accesses } from './support/mappings.js'
import { runForJson } from './support/processes.js'
import { refusals } from './support/traces.js'

const scratch = scratchDirectory()
const content = pattern(2 * pageSize)
const sample = scratch.file('sample', content)
const mapping = mapFile(sample, { access: 'read-write' })
const closed = mapFile(sample)
closed.unmap()

afterAll(() => mapping.unmap())

const { expectThrown, expectEachThrown } = refusals(scratch.directory)

type Use = (value: unknown) => unknown
type Row = [name: string, use: Use]
type RangeCall = (on: Mapping, offset: never, length: never) => unknown

// An options object with one option.
const only = (name: string, value: unknown) => untyped({ [name]: value })

function optionRows(method: string, names: string[], call: (options: never) => unknown): Row[] {
  return names.map((name) => [`${method}({ ${name} })`, (value) => call(only(name, value))])
}

const rangeCalls: Record<string, RangeCall> = {
  bytes: (on, ...range) => on.bytes(...range),
  view: (on, ...range) => on.view(Uint8Array, ...range),
  dataView: (on, ...range) => on.dataView(...range),
  asBuffer: (on, ...range) => on.asBuffer(...range),
  text: (on, ...range) => on.text(...range),
  flushSync: (on, offset, length) => on.flushSync({ offset, length }),
  advise: (on, ...range) => on.advise('normal', ...range),
  protect: (on, ...range) => on.protect('read-write', ...range),
  lockSync: (on, offset, length) => on.lockSync({ offset, length }),
  unlock: (on, ...range) => on.unlock(...range),
  populateSync: (on, offset, length) => on.populateSync({ offset, length }),
  residency: (on, ...range) => on.residency(...range),
  discard: (on, ...range) => on.discard(...range),
}
const requiredRangeCalls: Record<string, RangeCall> = {
  read: (on, ...range) => on.read(...range),
  punchHole: (on, ...range) => on.punchHole(...range),
  installGuard: (on, ...range) => on.installGuard(...range),
  removeGuard: (on, ...range) => on.removeGuard(...range),
}

function rangeRows(on: Mapping, calls: Record<string, RangeCall>): Row[] {
  return Object.entries(calls).flatMap(([name, call]): Row[] => [
    [`${name}(offset)`, (value) => call(on, untyped(value), untyped(0))],
    [`${name}(length)`, (value) => call(on, untyped(0), untyped(value))],
  ])
}

/** Every argument of a method that is a number of bytes or of elements. */
function countRows(on: Mapping): Row[] {
  const others: Row[] = [
    ['write(offset)', (value) => on.write(untyped(value), 'x')],
    ['readInto(offset)', (value) => on.readInto(new Uint8Array(1), untyped(value))],
    ['indexOf(from)', (value) => on.indexOf('x', untyped(value))],
    ['indexOf(end)', (value) => on.indexOf('x', 0, untyped(value))],
    ['lastIndexOf(from)', (value) => on.lastIndexOf('x', untyped(value))],
    ['lastIndexOf(start)', (value) => on.lastIndexOf('x', 0, untyped(value))],
    ...optionRows('lines', ['offset', 'length'], (options) => on.lines(options)),
    ...optionRows('createReadStream', ['offset', 'length', 'highWaterMark'], (options) =>
      on.createReadStream(options),
    ),
  ]
  return [...rangeRows(on, rangeCalls), ...rangeRows(on, requiredRangeCalls), ...others]
}

const byteLength: Row = ['mapAnonymous(byteLength)', (value) => mapAnonymous(untyped(value))]

describe.each<Row>([
  ...optionRows('mapFile', ['offset', 'length'], (options) => mapFile(sample, options)),
  ['mapFile({ size })', (size) => mapFile(sample, untyped({ access: 'read-write', size }))],
  byteLength,
  ...countRows(mapping),
])('%s', (_name, use) => {
  it('is an integer from 0 to 2 ** 53 - 1', () => {
    const reals = [Number.NaN, -1, -0.5, 1.5, Infinity, -Infinity, 2 ** 53, 1e300]
    expectEachThrown(use, [...reals, -1n, 2n ** 53n, 2n ** 60n], outOfRange)
  })

  it('is a number or a bigint', () => {
    const objects: unknown[] = [
      {},
      [1],
      () => 1,
      { valueOf: () => 1 },
      { [Symbol.toPrimitive]: () => 1 },
    ]
    const values = ['1', '', null, true, Symbol('one'), new Number(1), ...objects]
    expectEachThrown(use, values, invalidType)
  })
})

it.each<Row>([
  ...rangeRows(mapping, requiredRangeCalls),
  ['write(offset)', (value) => mapping.write(untyped(value), 'x')],
  byteLength,
])('%s is needed', (_name, use) => {
  expectThrown(() => use(undefined), invalidType)
})

describe('arguments are checked before the mapping is looked at', () => {
  it.each(countRows(closed))('%s of a closed mapping', (_name, use) => {
    expectThrown(() => use(-1), outOfRange)
    expectThrown(() => use('1'), invalidType)
    expectThrown(() => use(2 ** 53 - 1), mappingClosed)
  })
})

describe('a range past the end', () => {
  const size = content.length
  const ranges: [unknown, unknown][] = [
    [size + 1, 0],
    [0, size + 1],
    [size, 1],
    [1, size],
    [2 ** 47, 2 ** 47],
    [2 ** 53 - 1, 2 ** 53 - 1],
    [2n ** 53n - 1n, 1n],
  ]
  const ofFile: RangeCall = (_on, offset, length) => mapFile(sample, { offset, length })

  it.each(Object.entries({ ...rangeCalls, ...requiredRangeCalls, mapFile: ofFile }))(
    '%s',
    (_name, call) => {
      const use: Use = (range) => call(mapping, ...(range as [never, never]))
      expectEachThrown(use, ranges, outOfRange)
    },
  )
})

describe('options and words', () => {
  const common = ['populate', 'lock', 'hugePages']
  const flags: Row[] = [
    ...optionRows('mapFile', [...common, 'sparse'], (options) => mapFile(sample, options)),
    ...optionRows('mapAnonymous', [...common, 'noReserve'], (options) => mapAnonymous(1, options)),
    ['flushSync({ invalidate })', (value) => mapping.flushSync(only('invalidate', value))],
    ['lockSync({ onDemand })', (value) => mapping.lockSync(only('onDemand', value))],
    ['populateSync({ write })', (value) => mapping.populateSync(only('write', value))],
    [
      'createReadStream({ dropBehind })',
      (value) => mapping.createReadStream(only('dropBehind', value)),
    ],
  ]
  it.each(flags)('%s is a boolean', (_name, use) => {
    expectEachThrown(use, [0, 1, 'true', '', null, {}, Symbol('true'), 1n], invalidType)
  })

  const words: Row[] = [
    ['mapFile({ access })', (value) => mapFile(sample, only('access', value))],
    ['mapFile({ advice })', (value) => mapFile(sample, only('advice', value))],
    ['mapAnonymous({ advice })', (value) => mapAnonymous(1, only('advice', value))],
    ['flushSync({ mode })', (value) => mapping.flushSync(only('mode', value))],
    ['advise(advice)', (value) => mapping.advise(untyped(value))],
    ['protect(protection)', (value) => mapping.protect(untyped(value))],
    ['adviceSupported(advice)', (value) => adviceSupported(untyped(value))],
  ]
  it.each(words)('%s is one of its words', (_name, use) => {
    const words = ['', 'write', 'READ', 'read ', '__proto__', 'toString']
    expectEachThrown(use, words, invalidValue)
    const objects = [['read'], { toString: () => 'read' }, new String('read')]
    expectEachThrown(use, [0, null, true, Symbol('read'), ...objects], invalidType)
  })

  const objects: Row[] = [
    ['mapFile', (options) => mapFile(sample, untyped(options))],
    ['mapAnonymous', (options) => mapAnonymous(1, untyped(options))],
    ['flushSync', (options) => mapping.flushSync(untyped(options))],
    ['lockSync', (options) => mapping.lockSync(untyped(options))],
    ['populateSync', (options) => mapping.populateSync(untyped(options))],
    ['lines', (options) => mapping.lines(untyped(options))],
    ['createReadStream', (options) => mapping.createReadStream(untyped(options))],
  ]
  it.each(objects)('%s(options) is an object', (_name, use) => {
    expectEachThrown(use, [null, 1, 'read', true, Symbol('options'), 1n], invalidType)
  })

  const functions: Row[] = [
    ['mapFile({ onFault })', (value) => mapFile(sample, only('onFault', value))],
    ['mapAnonymous({ onFault })', (value) => mapAnonymous(1, only('onFault', value))],
    ['checked(body)', (value) => mapping.checked(untyped(value))],
  ]
  it.each(functions)('%s is a function', (_name, use) => {
    expectEachThrown(use, [null, 1, 'f', {}, Symbol('f')], invalidType)
  })

  it('mapFile({ create, mode })', () => {
    const create: Use = (value) => mapFile(sample, only('create', value))
    expectEachThrown(create, [0, 1, null, {}], invalidType)
    expectEachThrown(create, ['exclusively', ''], invalidValue)
    const mode: Use = (value) => mapFile(sample, only('mode', value))
    expectEachThrown(mode, ['644', null, {}, 0o644n], invalidType)
    expectEachThrown(mode, [-1, 1.5, Number.NaN, 2 ** 32], outOfRange)
  })

  it('view(type) is a typed array constructor', () => {
    const use: Use = (type) => mapping.view(untyped(type))
    const abstract: unknown = Object.getPrototypeOf(Uint8Array)
    const values = [undefined, null, 'Uint8Array', {}, DataView, ArrayBuffer, Array, () => {}]
    expectEachThrown(use, [...values, abstract], invalidType)
  })

  it('write(0, source) is a string or a view', () => {
    const use: Use = (source) => mapping.write(0, untyped(source))
    const values = [undefined, null, 1, true, {}, [1, 2], new ArrayBuffer(1), Symbol('s'), 1n]
    expectEachThrown(use, [...values, new String('s')], invalidType)
  })

  it('indexOf(needle) and lastIndexOf(needle) are a string, a byte or bytes', () => {
    const values = [undefined, null, true, {}, [1, 2], new ArrayBuffer(1), Symbol('s'), 1n]
    const others = [new String('s'), new Uint16Array(1), new DataView(new ArrayBuffer(1))]
    for (const method of ['indexOf', 'lastIndexOf'] as const) {
      const use: Use = (needle) => mapping[method](untyped(needle))
      expectEachThrown(use, [...values, ...others], invalidType)
      expectEachThrown(use, [-1, 256, 0.5, Number.NaN, Infinity], outOfRange)
    }
  })

  it('lines({ encoding })', () => {
    const use: Use = (value) => mapping.lines(only('encoding', value))
    expectEachThrown(use, ['', 'utf', 'utf9', 'null', '__proto__'], invalidValue)
    expectEachThrown(use, [0, true, {}, Symbol('utf8'), new String('utf8')], invalidType)
  })

  it('write(0, a view of a mapping that was unmapped)', () => {
    const other = mapAnonymous(10)
    const view = other.bytes()
    other.unmap()
    const code = expect.stringMatching(/^ERR_/)
    expectThrown(() => mapping.write(0, view), expect.objectContaining({ name: 'TypeError', code }))
  })
})

it('Mapping cannot be constructed', () => {
  const Constructor = untyped(Mapping) as new (...args: unknown[]) => Mapping
  const code = expect.stringMatching(/^ERR_/)
  const error = expect.objectContaining({ name: 'TypeError', code })
  for (const args of [[], [sample], [Symbol('posix-mmap construction'), {}]]) {
    expectThrown(() => new Constructor(...args), error)
  }
})

describe('a value that names no file', () => {
  it.each(accesses)('a value of another type, access %s', (access) => {
    const use: Use = (file) => mapFile(untyped(file), { access })
    const objects = [{}, [sample], () => sample, { href: `file://${sample}` }, { fd: '3' }]
    const strings = [new String(sample), { toString: () => sample }]
    const values = [undefined, null, true, 1n, Symbol('file'), { fd: null }]
    expectEachThrown(use, [...values, ...objects, ...strings], invalidType)
  })

  it.each(['a\0b', Buffer.from('a\0b')])('%o has a null byte', (file) => {
    expectThrown(() => mapFile(file), invalidValue)
  })

  it.each([
    ['http://example.org/', 'ERR_INVALID_URL_SCHEME'],
    ['file://host/file', 'ERR_INVALID_FILE_URL_HOST'],
    ['file:///a%2Fb', 'ERR_INVALID_FILE_URL_PATH'],
  ])('new URL(%j)', (url, code) => {
    const error = expect.objectContaining({ name: 'TypeError', code })
    expectThrown(() => mapFile(new URL(url)), error)
  })

  it('a number that is not a descriptor', () => {
    const use: Use = (fd) => mapFile(untyped(fd))
    expectEachThrown(use, [-1, 1.5, Number.NaN, Infinity, 2 ** 31, 2 ** 32], outOfRange)
  })

  it('an object with a number that is not a descriptor', () => {
    const use: Use = (fd) => mapFile(untyped({ fd }))
    expectEachThrown(use, [1.5, Number.NaN, Infinity, 2 ** 31, 2 ** 32], outOfRange)
  })
})

describe('a file that cannot be opened or mapped', () => {
  const endings: (() => unknown)[] = []
  const fifo = scratch.file('fifo')
  const socket = scratch.file('socket')
  const missing = scratch.file('missing')
  const directory = scratch.file('directory')
  const long = scratch.file('x'.repeat(300))
  const loop = scratch.file('loop')
  let pipe: number
  let connection: number

  const keep = (fd: number, close: () => unknown = () => fs.closeSync(fd)) => {
    endings.push(close)
    return fd
  }

  beforeAll(async () => {
    execFileSync('mkfifo', [fifo])
    fs.mkdirSync(directory)
    fs.symlinkSync('loop', loop)
    const server = net.createServer().listen(socket)
    await new Promise((resolve) => server.once('listening', resolve))
    const client = net.connect(socket)
    await new Promise((resolve) => client.once('connect', resolve))
    const { _handle: handle } = client as unknown as { _handle: { fd: number } }
    connection = keep(handle.fd, () => {
      client.destroy()
      server.close()
    })
    pipe = keep(fs.openSync(fifo, fs.constants.O_RDWR))
  })

  afterAll(() => {
    for (const end of endings) end()
  })

  type Access = (typeof accesses)[number]
  const rows: [string, Access, Errno, string, () => string][] = [
    ['a missing file', 'read', 'ENOENT', 'open', () => missing],
    ['a missing file', 'read-write', 'ENOENT', 'open', () => missing],
    ['a file in a missing directory', 'read', 'ENOENT', 'open', () => `${missing}/file`],
    ['a file in a file', 'read', 'ENOTDIR', 'open', () => `${sample}/file`],
    ['an empty path', 'read', 'ENOENT', 'open', () => ''],
    ['a name that is too long', 'read', 'ENAMETOOLONG', 'open', () => long],
    ['a loop of links', 'copy-on-write', 'ELOOP', 'open', () => loop],
    ['a directory', 'read', 'EISDIR', 'fstat', () => directory],
    ['a directory', 'copy-on-write', 'EISDIR', 'fstat', () => directory],
    ['a directory', 'read-write', 'EISDIR', 'open', () => directory],
    ['a FIFO', 'read', 'ENODEV', 'fstat', () => fifo],
    ['a FIFO', 'read-write', 'ENODEV', 'fstat', () => fifo],
    ['a socket', 'read', 'ENXIO', 'open', () => socket],
  ]
  it.each(rows)('%s, access %s: %s from %s', (_name, access, code, syscall, file) => {
    expectThrown(() => mapFile(file(), { access }), systemError(code, syscall, file()))
    const bytes = Buffer.from(file())
    expectThrown(() => mapFile(bytes, { access }), systemError(code, syscall, file()))
  })

  it.each<[string, () => number, Errno]>([
    ['a descriptor that was never open', () => 2 ** 31 - 1, 'EBADF'],
    ['a descriptor that was closed', () => withDescriptor(sample, 'r', (fd) => fd), 'EBADF'],
    ['a descriptor of a directory', () => keep(fs.openSync(directory, 'r')), 'EISDIR'],
    ['a descriptor of a FIFO', () => pipe, 'ENODEV'],
    ['a descriptor of a socket', () => connection, 'ENODEV'],
  ])('%s', (_name, descriptor, code) => {
    const fd = descriptor()
    for (const access of accesses) {
      const error = systemError(code, 'fstat')
      expectThrown(() => mapFile(fd, { access }), error)
      expectThrown(() => mapFile(fd, { access, offset: 2 ** 53 - 1, length: 2 ** 47 }), error)
    }
  })

  it('a descriptor that is closed while options are read', () => {
    const fd = fs.openSync(sample, 'r')
    const options = {
      get offset() {
        fs.closeSync(fd)
        return 0
      },
    }
    expect(() => mapFile(fd, options)).toThrow(systemError('EBADF', 'fstat'))
  })

  it('an object whose descriptor changes each time it is read', () => {
    const values = [-1, 'x', undefined]
    const file = {
      get fd() {
        return values.shift()
      },
    }
    const code = expect.any(String)
    expectThrown(() => mapFile(untyped(file)), expect.objectContaining({ code }))
  })

  it('a FIFO without a writer does not block', async () => {
    const lonely = scratch.file('lonely')
    execFileSync('mkfifo', [lonely])
    const result = await runForJson(`
      import { mapFile } from 'posix-mmap'
      try { mapFile('${lonely}') } catch ({ code }) { console.log(JSON.stringify(code)) }`)
    expect(result).toBe('ENODEV')
  })

  it('a FileHandle that was closed', async () => {
    const handle = await open(sample)
    await handle.close()
    expectThrown(() => mapFile(handle), systemError('EBADF', 'fstat'))
  })

  it.each<[string, Access]>([
    ['r', 'read-write'],
    ['a', 'read'],
    ['a', 'read-write'],
    ['a', 'copy-on-write'],
  ])("a descriptor opened with flags '%s' is EACCES with access %s", (flags, access) => {
    const fd = keep(fs.openSync(sample, flags))
    expectThrown(() => mapFile(fd, { access }), systemError('EACCES', 'mmap'))
  })

  it('growing through a descriptor for reading', () => {
    const fd = keep(fs.openSync(sample, 'r'))
    const code = expect.toBeOneOf(['EACCES', 'EBADF', 'EINVAL'])
    const error = expect.objectContaining({ code, errno: expect.any(Number) })
    for (const sparse of [true, false]) {
      const options = { access: 'read-write', size: 3 * pageSize, sparse } as const
      expectThrown(() => mapFile(fd, options), error)
    }
    expect(fs.statSync(sample).size).toBe(content.length)
  })
})

describe('a mapping that is unmapped while arguments are read', () => {
  // Each row runs with a `mapping` and a `view` of it. unmap() closes the mapping and returns its
  // argument; lying() makes an object with a getter that calls it, source() a view with such a
  // getter.
  const prelude = `
    import { mapAnonymous } from 'posix-mmap'
    let mapping, view
    const unmap = (value) => { mapping.unmap(); return value }
    const lying = (name) => ({ get [name]() { return unmap(undefined) } })
    const number = { valueOf: () => unmap(1), [Symbol.toPrimitive]: () => unmap(1) }
    const word = { toString: () => unmap('normal') }
    const source = (name, get, bytes = new Uint8Array(8).fill(7)) =>
      Object.defineProperty(bytes, name, { get })
    class Words extends Int32Array {}
    Object.defineProperty(Words, 'BYTES_PER_ELEMENT', { get: () => unmap(4) })
    class Late extends Int32Array { constructor(...args) { unmap(); super(...args) } }
    class Large extends Int32Array { static get BYTES_PER_ELEMENT() { return 1 } }
    const proxy = new Proxy(Int32Array, {
      get: (target, name) => unmap(target[name]),
      getPrototypeOf: (target) => unmap(Object.getPrototypeOf(target)),
    })`

  const getters = {
    flushSync: ['offset', 'length', 'mode', 'invalidate'],
    lockSync: ['offset', 'length', 'onDemand'],
    populateSync: ['offset', 'length', 'write'],
    lines: ['encoding', 'offset', 'length'],
    createReadStream: ['offset', 'length', 'encoding', 'highWaterMark', 'dropBehind'],
  }
  const closing = [
    ...Object.entries(getters).flatMap(([method, names]) =>
      names.map((name) => `mapping.${method}(lying('${name}'))`),
    ),
    'mapping.view(Words)',
    'mapping.view(proxy)',
    'mapping.checked(unmap)',
  ]

  // Values that are refused before their conversion, which would unmap, can run.
  const ranges = ['bytes', 'dataView', 'asBuffer', 'text', 'unlock', 'residency', 'discard', 'read']
  ranges.push('punchHole', 'installGuard', 'removeGuard')
  const refused = [
    ...ranges.flatMap((name) => [`mapping.${name}(number, 1)`, `mapping.${name}(0, number)`]),
    'mapping.view(Int32Array, number)',
    'mapping.view(Int32Array, 0, number)',
    `mapping.write(number, 'x')`,
    'mapping.write(0, word)',
    'mapping.advise(word)',
    `mapping.advise('normal', number)`,
    `mapping.advise('normal', 0, number)`,
    'mapping.protect(word)',
    `mapping.protect('read', number)`,
    `mapping.protect('read', 0, number)`,
    'mapping.flushSync({ offset: number })',
    'mapping.flushSync({ mode: word })',
    'mapping.lockSync({ length: number })',
    'mapping.populateSync({ offset: number })',
    'mapping.indexOf(word)',
    `mapping.indexOf('x', number)`,
    'mapping.lastIndexOf(word)',
    `mapping.lastIndexOf('x', number)`,
    'mapping.lines({ encoding: word })',
    'mapping.lines({ length: number })',
    'mapping.createReadStream({ highWaterMark: number })',
  ]

  // Views of bytes with the value 7 whose properties lie about them.
  const sources = [
    `source('byteLength', () => unmap(8))`,
    `source('byteOffset', () => unmap(0))`,
    `source('buffer', () => unmap(new ArrayBuffer(8)))`,
    `source('length', () => unmap(8))`,
    `source('byteLength', () => 9)`,
    `source('byteLength', () => 2 ** 53)`,
    `source('byteLength', () => 'x')`,
    `source('byteOffset', () => -1)`,
    `source('buffer', () => 'x')`,
    `source('buffer', () => 8)`,
    `source('buffer', () => unmap(view.buffer))`,
    `source('byteLength', () => unmap(8), view.fill(7, 0, 8).subarray(0, 8))`,
  ].map((source) => `mapping.write(0, ${source})`)

  const constructors = ['mapping.view(Late)', 'mapping.view(Large)']

  interface Outcome {
    name?: string
    code?: string
    closed: boolean
    result?: number
    start?: number[]
  }
  let outcomes: Record<string, Outcome>

  beforeAll(async () => {
    const rows = [...closing, ...refused, ...sources, ...constructors]
    const calls = rows.map((row) => `[${JSON.stringify(row)}, () => ${row}]`)
    outcomes = (await runForJson(`${prelude}
      const outcomes = {}
      for (const [row, call] of [${calls.join(',')}]) {
        mapping = mapAnonymous(65536)
        view = mapping.bytes()
        const outcome = {}
        try {
          outcome.result = call()
        } catch ({ name, code }) {
          Object.assign(outcome, { name, code })
        }
        const { closed } = mapping
        if (closed && view.length > 0) throw new Error('a live view of a closed mapping')
        const start = closed ? [] : [...mapping.read(0, 9)]
        outcomes[row] = { ...outcome, closed, start }
      }
      console.log(JSON.stringify(outcomes))`)) as typeof outcomes
  })

  it.each(closing)('%s throws ERR_MAPPING_CLOSED', (row) => {
    expect(outcomes[row]).toMatchObject({ code: 'ERR_MAPPING_CLOSED', closed: true })
  })

  it.each(refused)('%s is refused without a conversion', (row) => {
    expect(outcomes[row]).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', closed: false })
  })

  it.each(sources)('%s writes the real bytes or throws', (row) => {
    const outcome = outcomes[row]
    if (outcome?.closed) {
      expect(outcome.code).toMatch(/^ERR_/)
    } else if (outcome?.name !== undefined) {
      expect(outcome.name).toBeOneOf(['RangeError', 'TypeError'])
      expect(outcome.start).toEqual(Array(9).fill(0))
    } else {
      expect(outcome).toMatchObject({ result: 8, start: [7, 7, 7, 7, 7, 7, 7, 7, 0] })
    }
  })

  it.each(constructors)('%s is an error with a type', (row) => {
    expect(outcomes[row]?.name).toBeOneOf(['RangeError', 'TypeError'])
  })
})

it('the tests above leave no mapping and no descriptor', () => {
  const links = fs.readdirSync('/proc/self/fd').map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return '' // the descriptor with which the directory was read
    }
  })
  expect(links.filter((link) => link.startsWith(scratch.directory))).toEqual([])
  expect(mapsOf(scratch.directory).map((area) => area.path)).toEqual([sample])
  expect(mapping.read(0, content.length).equals(content)).toBe(true)
})
