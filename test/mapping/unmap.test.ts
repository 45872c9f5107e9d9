import { Mapping, mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { mappingClosed } from '../support/errors.js'
import { pattern, scratchDirectory } from '../support/files.js'
import { accesses } from '../support/mappings.js'
import { runForJson } from '../support/processes.js'
import { liveRegions } from '../support/traces.js'

const scratch = scratchDirectory()
const size = 2 * pageSize + 5
const content = pattern(size)
const sample = scratch.file('sample', content)

const kinds: [string, () => Mapping][] = [
  ...accesses.map((access): [string, () => Mapping] => [access, () => mapFile(sample, { access })]),
  ['anonymous', () => mapAnonymous(size)],
  ['empty', () => mapAnonymous(0)],
]

describe.each(kinds)('unmap, %s', (_kind, make) => {
  it('detaches everything that was given out', () => {
    const mapping = make()
    const { buffer } = mapping
    const bytes = mapping.bytes()
    const views = [bytes, bytes.subarray(0, 3), mapping.view(Float64Array), mapping.asBuffer()]
    const dataView = mapping.dataView()
    mapping.unmap()
    expect(buffer.byteLength).toBe(0)
    for (const view of views)
      expect([view.length, view.byteLength, view[0]]).toEqual([0, 0, undefined])
    expect(() => dataView.byteLength).toThrow(TypeError)
    expect(() => dataView.getUint8(0)).toThrow()
    expect(() => new Uint8Array(buffer)).toThrow(TypeError)
  })

  it.each(['unmap', Symbol.dispose] as const)('%s can be called again', (method) => {
    const before = liveRegions()
    const mapping = make()
    for (let i = 0; i < 3; i++) {
      mapping[method]()
      expect(mapping).toMatchObject({ closed: true, byteLength: 0, fault: null })
      expect(liveRegions()).toBeLessThanOrEqual(before)
    }
  })

  it('keeps the properties that describe the mapping', () => {
    const mapping = make()
    const { access, fileOffset, path, protection } = mapping
    mapping.unmap()
    expect(mapping).toMatchObject({ access, fileOffset, path, protection })
  })
})

it('unmap releases the file at once, and the addresses too if no view was taken', async () => {
  // In a process of its own, in which no garbage of other tests is collected.
  const seen = await runForJson(`
    import fs from 'node:fs'
    import { mapFile } from 'posix-mmap'
    import { native } from './dist/internals.js'
    const counts = () => [fs.readFileSync('/proc/self/maps', 'utf8').split('${sample}').length - 1,
      native.regionCounts()[0]]
    const seen = [() => {}, (mapping) => mapping.buffer].map((take) => {
      const mapping = mapFile('${sample}')
      const open = counts()
      take(mapping)
      mapping.unmap()
      return [open, counts()]
    })
    console.log(JSON.stringify(seen))`)
  const [without, withView] = [0, 1].map((addresses) => [
    [1, 1],
    [0, addresses],
  ])
  expect(seen).toEqual([without, withView])
})

it('using unmaps at the end of the block', () => {
  let outside: Mapping
  {
    using mapping = mapFile(sample)
    outside = mapping
    expect(outside.closed).toBe(false)
  }
  expect(outside.closed).toBe(true)
})

it('unmap of an empty mapping works after its buffer was transferred', () => {
  const mapping = mapAnonymous(0)
  structuredClone(mapping.buffer, { transfer: [mapping.buffer] })
  mapping.unmap()
  expect(mapping.closed).toBe(true)
})

it('unmap leaves other mappings of the file alone', () => {
  using first = mapFile(sample)
  const second = mapFile(sample)
  expect(second.bytes()).toHaveLength(size)
  second.unmap()
  expect(first.read(0, size).equals(content)).toBe(true)
})

describe('after unmap', () => {
  const uses: Record<string, (mapping: Mapping) => unknown> = {
    buffer: (mapping) => mapping.buffer,
    sharedBuffer: (mapping) => mapping.sharedBuffer,
    sharedBytes: (mapping) => mapping.sharedBytes(),
    share: (mapping) => mapping.share(),
    bytes: (mapping) => mapping.bytes(),
    view: (mapping) => mapping.view(Int32Array),
    dataView: (mapping) => mapping.dataView(),
    asBuffer: (mapping) => mapping.asBuffer(),
    read: (mapping) => mapping.read(0, 0),
    readInto: (mapping) => mapping.readInto(new Uint8Array(0)),
    text: (mapping) => mapping.text(),
    write: (mapping) => mapping.write(0, ''),
    indexOf: (mapping) => mapping.indexOf(''),
    lastIndexOf: (mapping) => mapping.lastIndexOf(''),
    lines: (mapping) => mapping.lines(),
    createReadStream: (mapping) => mapping.createReadStream(),
    flushSync: (mapping) => mapping.flushSync(),
    advise: (mapping) => mapping.advise('normal'),
    protect: (mapping) => mapping.protect('read'),
    lockSync: (mapping) => mapping.lockSync(),
    unlock: (mapping) => mapping.unlock(),
    populateSync: (mapping) => mapping.populateSync(),
    residency: (mapping) => mapping.residency(),
    discard: (mapping) => mapping.discard(),
    punchHole: (mapping) => mapping.punchHole(0, 0),
    installGuard: (mapping) => mapping.installGuard(0, 0),
    removeGuard: (mapping) => mapping.removeGuard(0, 0),
    check: (mapping) => mapping.check(),
    clearFault: (mapping) => mapping.clearFault(),
    checked: (mapping) => mapping.checked(() => {}),
    resize: (mapping) => mapping.resize(0),
  }
  const promises: Record<string, (mapping: Mapping) => Promise<unknown>> = {
    flush: (mapping) => mapping.flush(),
    lock: (mapping) => mapping.lock(),
    populate: (mapping) => mapping.populate(),
    readAsync: (mapping) => mapping.readAsync(0, 0),
    prefetch: (mapping) => mapping.prefetch([]),
    indexOfAsync: (mapping) => mapping.indexOfAsync(''),
  }
  const allowed = ['access', 'byteLength', 'closed', 'constructor', 'fault', 'fileOffset', 'path']
  allowed.push('protection', 'unmap', 'length', 'toJSON')

  it('this table has every member of Mapping', () => {
    const members = new Set<string>()
    let prototype: object = Mapping.prototype
    while (prototype !== Object.prototype) {
      for (const name of Object.getOwnPropertyNames(prototype)) members.add(name)
      prototype = Object.getPrototypeOf(prototype)
    }
    const tested = [...Object.keys(uses), ...Object.keys(promises), ...allowed]
    expect([...members].sort()).toEqual(tested.sort())
  })

  describe.each(kinds)('%s', (_kind, make) => {
    it.each(Object.entries(uses))('%s throws ERR_MAPPING_CLOSED', (_name, use) => {
      const mapping = make()
      mapping.unmap()
      expect(() => use(mapping)).toThrow(mappingClosed)
    })

    it.each(Object.entries(promises))('%s rejects with it', async (_name, use) => {
      const mapping = make()
      mapping.unmap()
      await expect(use(mapping)).rejects.toEqual(mappingClosed)
    })
  })
})
