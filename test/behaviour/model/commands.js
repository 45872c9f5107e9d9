// The steps of a program that works on a file and its mappings. Each step is made twice, on the
// model and on the real file and mappings, and throws when the two differ.
//
// Some things are left out, since their outcome is not determined:
// - Stores to bytes past the end of the file in its last page. They show in other mappings until the
//   kernel zeroes them, at any time.
// - The kind of fault of a store to a page that may only be read and is past the end of the file, in a
//   mapping whose pages differ in protection. The bytes are compared, the fault is only cleared.
// - The order of faults in accesses that the C library or the engine makes (memcpy), which need not
//   go from low to high addresses. Their number is compared.
// - So many repairs that one may replace more than one page (see corners.test.ts).
// - resize() of anonymous memory, which the kernel may hold as several mappings after protect().

import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import fs from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { MappingFaultError, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { FileModel } from './file-model.js'
import { MappingModel } from './mapping-model.js'

/** @typedef {import('posix-mmap').Access} Access */
/** @typedef {import('posix-mmap').Mapping} Mapping */
/** @typedef {import('posix-mmap').Protection} Protection */
/** @typedef {import('./mapping-model.js').Failure} Failure */

const capacity = 6 * pageSize
const mostMappings = 3

/** @typedef {{ file: FileModel, mappings: MappingModel[] }} Model */
/**
 * @typedef {object} Real
 * @property {string} path
 * @property {number} fd with which the steps of other programs change the file
 * @property {Slot[]} slots one for each mapping of the model
 * @property {(step: string) => void} trace called with each step before it is made
 */
/**
 * @typedef {object} Slot
 * @property {Mapping | null} mapping null when only the view is still referred to
 * @property {Uint8Array} held a view of all of it, taken at the start
 * @property {Promise<void>} flushed the last flush()
 */

/** @typedef {(model: Model) => boolean} Check */
/** @typedef {(model: Model, real: Real) => void | Promise<void>} Run */

/** @implements {fc.AsyncCommand<Model, Real>} */
class Step {
  #text
  #check
  #run

  /** @param {string} text @param {Check} check @param {Run} run */
  constructor(text, check, run) {
    this.#text = text
    this.#check = check
    this.#run = run
  }

  /** @param {Readonly<Model>} model */
  check(model) {
    return this.#check(model)
  }

  /** @param {Model} model @param {Real} real */
  async run(model, real) {
    real.trace(this.#text)
    await this.#run(model, real)
    expectAgreement(model, real)
  }

  toString() {
    return this.#text
  }
}

// Comparisons

/** @param {Uint8Array} actual @param {Uint8Array} expected @param {string} what */
function expectBytes(actual, expected, what) {
  assert.equal(actual.length, expected.length, `length of ${what}`)
  if (Buffer.compare(actual, expected) === 0) return
  const at = expected.findIndex((byte, index) => byte !== actual[index])
  assert.equal(actual[at], expected[at], `byte ${at} of ${what}`)
}

// One byte longer than the file may become, and made only once.
const content = new Uint8Array(capacity + 1)

/** @param {Model} model @param {Real} real */
function expectAgreement({ file, mappings }, { fd, slots }) {
  const size = fs.readSync(fd, content, 0, content.length, 0)
  expectBytes(content.subarray(0, size), file.content, 'the file')
  for (const [index, model] of mappings.entries()) {
    const mapping = slots[index]?.mapping ?? null
    if (mapping === null || model.ambiguous) {
      mapping?.clearFault()
      model.failures = []
    }
    if (mapping === null) continue
    assert.deepEqual(mapping.fault, model.fault)
    assert.equal(mapping.protection, model.protection)
    assert.equal(mapping.byteLength, model.byteLength)
  }
}

/** @param {Mapping} mapping @returns {Slot} */
function slotOf(mapping) {
  return { mapping, held: mapping.bytes(), flushed: Promise.resolve() }
}

/** @param {() => unknown} call @returns {string | null} */
function codeOf(call) {
  try {
    call()
    return null
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

/** @param {unknown} error @param {Failure} failure */
function expectFaultError(error, { kind, start }) {
  if (!(error instanceof MappingFaultError)) throw error
  const { fault } = error
  // A failure whose kind is not determined may be told from the end of the file on.
  const offset = kind === null && fault.kind === 'truncated' ? fault.offset : start
  assert.deepEqual(fault, { kind: kind ?? fault.kind, offset, count: 1 })
}

/**
 * Makes an access that may touch pages in any order: compares how many faults there were, and that
 * the first is one of those expected.
 * @param {MappingModel} model @param {Slot} slot @param {() => void} access
 */
function inAnyOrder(model, { mapping }, access) {
  mapping?.clearFault()
  model.failures = []
  access()
  const { failures, ambiguous } = model
  if (mapping === null || ambiguous) return
  const fault = mapping.fault
  assert.equal(fault?.count ?? 0, failures.length, 'count of faults')
  if (fault === null) return
  const first = failures.find(
    ({ kind, start, end }) => kind === fault.kind && start <= fault.offset && fault.offset < end,
  )
  assert.ok(first, `${fault.kind} at ${fault.offset} is among the failures`)
  mapping.clearFault()
  model.failures = []
}

// Arguments

/** An offset in bytes, mostly at or next to the end of a page. */
const place = fc
  .tuple(
    fc.nat(capacity / pageSize),
    fc.oneof({ arbitrary: fc.constantFrom(0, 0, 0, -1, 1), weight: 3 }, fc.nat(pageSize - 1)),
  )
  .map(([page, delta]) => Math.min(capacity, Math.max(0, page * pageSize + delta)))
const range = fc.tuple(place, place)
const slotNumber = fc.nat(mostMappings - 1)
const byte = fc.nat(255)

/** @param {number} seed @param {number} length */
function bytesOf(seed, length) {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = seed + 31 * i
  return bytes
}

/**
 * The part of a mapping between two places, which count from the start of its first page.
 * @param {MappingModel} model @param {[number, number]} places
 */
function within(model, places) {
  // The remainder is as near to an end of a page as the place was.
  const whole = (model.pages.length + 1) * pageSize
  const [at, end] = places
    .map((value) => Math.min(model.byteLength, Math.max(0, (value % whole) - model.lead)))
    .sort((a, b) => a - b)
  return { at: at ?? 0, length: (end ?? 0) - (at ?? 0) }
}

/**
 * A step on one mapping.
 * @template T
 * @param {string} name
 * @param {fc.Arbitrary<T>} argument
 * @param {(model: MappingModel, slot: Slot, argument: T) => void | Promise<void>} body
 * @param {(model: MappingModel, argument: T) => boolean} possible
 */
function onSlot(name, argument, body, possible) {
  return fc.tuple(slotNumber, argument).map(([number, value]) => {
    /** @param {Readonly<Model>} model */
    const modelAt = ({ mappings }) => mappings[number % Math.max(1, mappings.length)]
    return new Step(
      `${name}(${number}, ${fc.stringify(value)})`,
      (model) => {
        const mapping = modelAt(model)
        if (mapping === undefined) return false
        return mapping.repairable && possible(mapping, value)
      },
      (model, { slots }) => {
        const mapping = modelAt(model)
        const slot = slots[number % slots.length]
        if (mapping === undefined || slot === undefined) throw new Error('no such mapping')
        return body(mapping, slot, value)
      },
    )
  })
}

/**
 * A step that needs only the view.
 * @template T
 * @param {string} name @param {fc.Arbitrary<T>} argument
 * @param {(model: MappingModel, slot: Slot, argument: T) => void} body
 */
const onView = (name, argument, body) => onSlot(name, argument, body, () => true)

/**
 * A step that needs the Mapping.
 * @template T
 * @param {string} name @param {fc.Arbitrary<T>} argument
 * @param {(model: MappingModel, mapping: Mapping, argument: T) => void} body
 * @param {(model: MappingModel, argument: T) => boolean} possible
 */
function onMapping(name, argument, body, possible = () => true) {
  return onSlot(
    name,
    argument,
    (model, { mapping }, value) => {
      if (mapping !== null) body(model, mapping, value)
    },
    (model, value) => !model.dropped && possible(model, value),
  )
}

/** @param {Slot} slot @param {number} at @param {number} length @param {boolean} fresh */
function viewOf({ mapping, held }, at, length, fresh) {
  return fresh && mapping !== null ? mapping.bytes(at, length) : held.subarray(at, at + length)
}

// Views, byte by byte

const load = onView('load', fc.tuple(range, fc.boolean()), (model, slot, [places, fresh]) => {
  const { at, length } = within(model, places)
  const view = viewOf(slot, at, length, fresh)
  const seen = new Uint8Array(length)
  for (let i = 0; i < length; i++) seen[i] = view[i] ?? 0
  expectBytes(seen, model.load(at, length), `the mapping from ${at}`)
})

const store = onView(
  'store',
  fc.tuple(range, byte, fc.boolean()),
  (model, slot, [places, seed, fresh]) => {
    const wanted = within(model, places)
    const { at, length } = model.determined(wanted.at, wanted.length)
    const view = viewOf(slot, at, length, fresh)
    const source = bytesOf(seed, length)
    for (let i = 0; i < length; i++) view[i] = source[i] ?? 0
    model.store(at, source)
  },
)

// Views, by instructions and functions that take many bytes at once

const slice = onView('slice', range, (model, slot, places) => {
  const { at, length } = within(model, places)
  inAnyOrder(model, slot, () => {
    const copy = slot.held.slice(at, at + length)
    expectBytes(copy, model.load(at, length), `a copy from ${at}`)
  })
})

const clone = onView('structuredClone', range, (model, slot, places) => {
  const { at, length } = within(model, places)
  inAnyOrder(model, slot, () => {
    const { buffer, byteOffset } = structuredClone(slot.held.subarray(at, at + length))
    assert.equal(byteOffset, at)
    // structuredClone() of a view clones its whole buffer.
    expectBytes(new Uint8Array(buffer), model.load(0, model.byteLength), 'the clone')
  })
})

const fill = onView('fill', fc.tuple(range, byte), (model, slot, [places, value]) => {
  const wanted = within(model, places)
  const { at, length } = model.determined(wanted.at, wanted.length)
  inAnyOrder(model, slot, () => {
    slot.held.fill(value, at, at + length)
    model.store(at, new Uint8Array(length).fill(value))
  })
})

const set = onView('set', fc.tuple(range, byte), (model, slot, [places, seed]) => {
  const wanted = within(model, places)
  const { at, length } = model.determined(wanted.at, wanted.length)
  inAnyOrder(model, slot, () => {
    const source = bytesOf(seed, length)
    slot.held.set(source, at)
    model.store(at, source)
  })
})

/** Eight bytes, which may lie in two pages. */
const word = fc.tuple(place, fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })))
const element = onView('word', word, (model, slot, [from, value]) => {
  const wanted = within(model, [from, from + 8])
  if (wanted.length < 8) return
  const { buffer, byteOffset } = slot.held
  const data = new DataView(buffer, byteOffset)
  if (value === null) {
    inAnyOrder(model, slot, () => {
      const seen = data.getBigUint64(wanted.at)
      const expected = Buffer.from(model.load(wanted.at, 8)).readBigUInt64BE()
      assert.equal(seen, expected, `the word at ${wanted.at}`)
    })
    return
  }
  const { at, length } = model.determined(wanted.at, 8)
  if (length < 8) return
  inAnyOrder(model, slot, () => {
    data.setBigUint64(at, value)
    const source = Buffer.alloc(8)
    source.writeBigUInt64BE(value)
    model.store(at, source)
  })
})

// Copies

const read = onMapping('read', range, (model, mapping, places) => {
  const { at, length } = within(model, places)
  const expected = model.read(at, length)
  try {
    const bytes = mapping.read(at, length)
    assert.ok(expected instanceof Uint8Array, 'read() does not fail')
    expectBytes(bytes, expected, `what was read from ${at}`)
  } catch (error) {
    if (expected instanceof Uint8Array) throw error
    expectFaultError(error, expected)
  }
})

const write = onMapping('write', fc.tuple(range, byte), (model, mapping, [places, seed]) => {
  const wanted = within(model, places)
  const { at, length } = model.determined(wanted.at, wanted.length)
  const source = bytesOf(seed, length)
  const expected = model.write(at, source)
  try {
    assert.equal(mapping.write(at, source), length)
    assert.equal(expected, null, 'write() does not fail')
  } catch (error) {
    if (expected === null) throw error
    expectFaultError(error, expected)
  }
})

// Pages

/** @type {fc.Arbitrary<Protection>} */
const protection = fc.constantFrom('none', 'read', 'read-write')

const protect = onMapping('protect', fc.tuple(protection, range), (model, mapping, argument) => {
  const [wanted, places] = argument
  const { at, length } = within(model, places)
  const code = codeOf(() => mapping.protect(wanted, at, length))
  assert.equal(code, model.protect(wanted, at, length))
})

const protectAll = onMapping('protectAll', protection, (model, mapping, wanted) => {
  const code = codeOf(() => mapping.protect(wanted))
  assert.equal(code, model.protect(wanted, 0, model.byteLength))
})

const discard = onMapping('discard', range, (model, mapping, places) => {
  const { at, length } = within(model, places)
  const code = codeOf(() => mapping.discard(at, length))
  assert.equal(code, model.discard(at, length))
})

const punchHole = onMapping(
  'punchHole',
  range,
  (model, mapping, places) => {
    const { at, length } = within(model, places)
    const code = codeOf(() => mapping.punchHole(at, length))
    assert.equal(code, model.punchHole(at, length))
  },
  (model, places) => {
    const { at, length } = within(model, places)
    return model.canPunch(at, length)
  },
)

/** @type {fc.Arbitrary<import('posix-mmap').Advice>} */
const advice = fc.constantFrom('normal', 'random', 'cold', 'pageout')

const advise = onMapping('advise', fc.tuple(advice, range), (model, mapping, [value, places]) => {
  const { at, length } = within(model, places)
  mapping.advise(value, at, length)
})

const flushSync = onMapping('flushSync', range, (model, mapping, places) => {
  const { at, length } = within(model, places)
  const expected = model.flush(at, length)
  try {
    mapping.flushSync({ offset: at, length })
    assert.equal(expected, null, 'flushSync() does not fail')
  } catch (error) {
    if (expected === null) throw error
    expectFaultError(error, expected)
  }
})

/** What a flush under way may find out in the end. @param {unknown} error */
function expectLost(error) {
  if (!(error instanceof MappingFaultError)) throw error
}

/** Goes on while other steps are made, also when the mapping is resized or unmapped. */
const flush = onSlot(
  'flush',
  range,
  async (model, slot, places) => {
    await slot.flushed
    const { at, length } = within(model, places)
    if (slot.mapping === null) return
    const expected = model.flush(at, length)
    const flushed = slot.mapping.flush({ offset: at, length })
    if (expected === null) slot.flushed = flushed.catch(expectLost)
    else await assert.rejects(flushed, (error) => expectFaultError(error, expected) ?? true)
  },
  (model) => !model.dropped,
)

// Faults

const clearFault = onMapping('clearFault', fc.constant(null), (model, mapping) => {
  assert.deepEqual(mapping.clearFault(), model.fault)
  model.failures = []
})

const check = onMapping('check', fc.constant(null), (model, mapping) => {
  const code = codeOf(() => mapping.check())
  assert.equal(code, model.check(false) ? 'ERR_MAPPING_FAULT' : null)
})

const checked = onMapping('checked', fc.constant(null), (model, mapping) => {
  const code = codeOf(() => mapping.checked(() => {}))
  assert.equal(code, model.check(true) ? 'ERR_MAPPING_FAULT' : null)
})

// Beginning and end

/** @type {fc.Arbitrary<Access>} */
const access = fc.constantFrom('read', 'read-write', 'copy-on-write')
const map = fc
  .tuple(access, place, fc.option(place), fc.nat(9))
  .map(([wanted, offset, length, beyond]) => {
    const arguments_ = [wanted, offset, length, beyond].map((value) => fc.stringify(value))
    return new Step(
      `mapFile(${arguments_.join(', ')})`,
      ({ mappings }) => mappings.length < mostMappings,
      ({ file, mappings }, { path, slots }) => {
        const rest = file.size - offset
        const inside = Math.min(length ?? 0, Math.max(0, rest))
        const wish = length === null ? {} : { length: beyond === 0 ? length + rest + 1 : inside }
        const options = { access: wanted, offset, ...wish }
        if (rest < 0 || (wish.length ?? 0) > rest) {
          const code = codeOf(() => mapFile(path, options))
          assert.equal(code, 'ERR_OUT_OF_RANGE')
          return
        }
        const mapping = mapFile(path, options)
        mappings.push(new MappingModel(file, wanted, offset, wish.length ?? rest))
        slots.push(slotOf(mapping))
      },
    )
  })

const anonymous = place.map(
  (length) =>
    new Step(
      `mapAnonymous(${length})`,
      ({ mappings }) => mappings.length < mostMappings,
      ({ mappings }, { slots }) => {
        const mapping = mapAnonymous(length)
        mappings.push(new MappingModel(null, 'read-write', 0, length))
        slots.push(slotOf(mapping))
      },
    ),
)

/** @param {Mapping} mapping @param {Uint8Array} held @param {MappingModel} model */
function expectClosed(mapping, held, model) {
  assert.equal(held.length, 0)
  assert.equal(mapping.closed, true)
  assert.equal(mapping.byteLength, 0)
  assert.equal(mapping.protection, model.protection)
  assert.deepEqual(mapping.fault, model.fault)
  for (const call of [
    () => mapping.bytes(),
    () => mapping.buffer,
    () => mapping.read(0, 0),
    () => mapping.write(0, ''),
    () => mapping.protect('read'),
    () => mapping.discard(),
    () => mapping.clearFault(),
  ]) {
    assert.equal(codeOf(call), 'ERR_MAPPING_CLOSED')
  }
  mapping.unmap()
}

const unmap = slotNumber.map(
  (number) =>
    new Step(
      `unmap(${number})`,
      ({ mappings }) => mappings[number]?.dropped === false,
      ({ mappings }, { slots }) => {
        const [model] = mappings.splice(number, 1)
        const [slot] = slots.splice(number, 1)
        if (model === undefined || !slot?.mapping) throw new Error('no such mapping')
        slot.mapping.unmap()
        expectClosed(slot.mapping, slot.held, model)
        return slot.flushed
      },
    ),
)

async function collect() {
  globalThis.gc?.()
  // Finalizers come with the next turns of the event loop.
  await turn()
  await turn()
}

/** Drops the Mapping: the view keeps the memory, in which faults are still repaired. */
const drop = onSlot(
  'drop',
  fc.constant(null),
  (model, slot) => {
    slot.mapping = null
    model.dropped = true
    return collect()
  },
  (model) => !model.dropped,
)

const dropView = slotNumber.map(
  (number) =>
    new Step(
      `dropView(${number})`,
      ({ mappings }) => mappings[number]?.dropped === true,
      ({ mappings }, { slots }) => {
        mappings.splice(number, 1)
        slots.splice(number, 1)
        return collect()
      },
    ),
)

const resize = fc.tuple(slotNumber, place).map(
  ([number, wanted]) =>
    new Step(
      `resize(${number}, ${wanted})`,
      ({ mappings }) => {
        const mapping = mappings[number]
        return mapping !== undefined && !mapping.dropped && !mapping.anonymous
      },
      async ({ mappings }, { slots }) => {
        // As for truncate(): the file may shrink.
        await Promise.all(slots.map(({ flushed }) => flushed))
        const [model, slot] = [mappings[number], slots[number]]
        if (model === undefined || !slot?.mapping) throw new Error('no such mapping')
        const { mapping, held } = slot
        const [before, size] = [model.byteLength, Math.min(wanted, capacity - model.offset)]
        const code = codeOf(() => mapping.resize(size))
        assert.equal(code, model.resize(size))
        for (const each of mappings) each.fileShrank()
        const moved = code === null && size !== before
        assert.equal(held.length, moved ? 0 : before)
        if (moved) slot.held = mapping.bytes()
      },
    ),
)

// Other programs

const truncate = place.map(
  (size) =>
    new Step(
      `truncate(${size})`,
      () => true,
      async ({ file, mappings }, { fd, slots }) => {
        // A flush that ends later would tell of it at a time that the model does not know.
        await Promise.all(slots.map(({ flushed }) => flushed))
        fs.ftruncateSync(fd, size)
        file.truncate(size)
        for (const mapping of mappings) mapping.fileShrank()
      },
    ),
)

const pwrite = fc.tuple(range, byte).map(
  ([[one, other], seed]) =>
    new Step(
      `pwrite(${one}, ${other}, ${seed})`,
      () => true,
      ({ file }, { fd }) => {
        const at = Math.min(one, other)
        const source = bytesOf(seed, Math.abs(one - other))
        fs.writeSync(fd, source, 0, source.length, at)
        file.write(at, source)
      },
    ),
)

// Each step is chosen as often as it is listed.
const stepsOnFiles = [
  ...[map, map, map, unmap],
  ...[load, load, load, store, store, store],
  ...[slice, clone, fill, set, element],
  ...[read, read, write, write],
  ...[protect, protect, protectAll, discard, discard, punchHole, punchHole, advise],
  ...[resize, resize],
  ...[clearFault, check, checked],
  ...[truncate, truncate, truncate, pwrite, pwrite],
]
const steps = [...stepsOnFiles, anonymous, drop, dropView, flushSync, flush]

/** Steps one after the other on one file. Few of them are flushes, which wait for the disk. */
export const anyStep = fc.oneof(
  ...stepsOnFiles.map((arbitrary) => ({ arbitrary, weight: 8 })),
  { arbitrary: flushSync, weight: 1 },
  { arbitrary: flush, weight: 1 },
)

/** The first steps make mappings, so that the others have something to work on. */
export const sequences = fc.tuple(
  fc.array(fc.oneof(map, map, anonymous), { minLength: 1, maxLength: mostMappings }),
  fc.commands(steps, { maxCommands: 60, size: 'max' }),
)

/** A new file, and its model. @param {string} path @param {Real['trace']} trace */
export function begin(path, trace) {
  const file = new FileModel(capacity)
  file.write(0, bytesOf(1, capacity - 100))
  fs.rmSync(path, { force: true })
  fs.writeFileSync(path, file.content)
  /** @type {Model} */
  const model = { file, mappings: [] }
  /** @type {Real} */
  const real = { path, fd: fs.openSync(path, 'r+'), slots: [], trace }
  return { model, real }
}

/** @param {Real} real */
export async function unmapAll({ slots }) {
  const left = slots.splice(0)
  for (const { mapping } of left) mapping?.unmap()
  await Promise.all(left.map(({ flushed }) => flushed))
}

/** @param {Real} real */
export async function end(real) {
  await unmapAll(real)
  fs.closeSync(real.fd)
}
