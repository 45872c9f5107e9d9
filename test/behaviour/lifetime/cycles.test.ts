// What mappings leave behind after many cycles of map and unmap, and after the last reference to
// one is dropped. Each test has a process of its own, in which no garbage of other tests is
// collected.

import { pageSize } from 'posix-mmap'
import { expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../../support/files.js'
import { runForJson } from '../../support/processes.js'

const scratch = scratchDirectory()
const content = pattern(2 * pageSize + 5)
const sample = scratch.file('sample', content)

// Functions for the scripts below: settle() runs the collector until `regions` are alive.
const prelude = `
  import fs from 'node:fs'
  import { setImmediate as turn } from 'node:timers/promises'
  import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
  import { native } from './dist/internals.js'
  const file = '${sample}'
  const [live, quarantined] = [() => native.regionCounts()[0], () => native.regionCounts()[1]]
  const maps = () => fs.readFileSync('/proc/self/maps', 'utf8').trimEnd().split('\\n')
  const mapped = () => maps().filter((line) => line.endsWith(file)).length
  const descriptors = () => fs.readdirSync('/proc/self/fd').length
  async function settle(regions) {
    for (let i = 0; i < 100 && live() !== regions; i++) {
      globalThis.gc()
      await turn()
    }
    return live()
  }
  const print = (value) => console.log(JSON.stringify(value))
`
const collecting = (script: string) => runForJson(prelude + script, '--expose-gc')

it.each([
  ['a file', 'mapFile(file)'],
  ['a file to write to', `mapFile(file, { access: 'read-write' })`],
  ['anonymous memory', 'mapAnonymous(pageSize)'],
])('10,000 times %s, with the buffer taken or not, leave nothing', async (_kind, make) => {
  const result = await collecting(`
    // The first mapping of a process opens /proc/self/maps, to count its kernel mappings.
    mapAnonymous(1).unmap()
    await settle(0)
    const before = { maps: maps().length, descriptors: descriptors() }
    const rounds = []
    for (const take of [() => {}, (mapping) => mapping.buffer, (mapping) => mapping.bytes(1)]) {
      for (let i = 0; i < 10_000; i++) {
        const mapping = ${make}
        take(mapping)
        mapping.unmap()
      }
      const live = await settle(0)
      rounds.push({ live, quarantined: quarantined(), mapped: mapped() })
    }
    const maps_ = maps().length - before.maps
    print({ rounds, maps: maps_, descriptors: descriptors() - before.descriptors })`)
  const none = { live: 0, quarantined: 0, mapped: 0 }
  expect(result).toEqual({
    rounds: [none, none, none],
    // V8's heap has VMAs of its own, whose number changes.
    maps: expect.toSatisfy((count: number) => count < 1000),
    descriptors: 0,
  })
})

it.each([
  ['nothing was taken', ''],
  ['its buffer was taken', 'mapping.buffer'],
  ['views were taken', 'mapping.bytes(1, 2), mapping.dataView()'],
  ['it has a listener', ''],
])('a dropped mapping is collected, %s', async (name, take) => {
  const options = name.includes('listener') ? '{ onFault: () => {} }' : '{}'
  const result = await collecting(`
    function use() {
      for (let i = 0; i < 100; i++) {
        const mapping = mapFile(file, ${options})
        mapping.read(0, 1)
        ${take}
      }
      return live()
    }
    print([use(), await settle(0), mapped()])`)
  expect(result).toEqual([100, 0, 0])
})

it.each(['buffer', 'bytes(5)', 'view(Int16Array, 2, 4)', 'dataView()', 'asBuffer(1)'])(
  'a live %s keeps the memory of a dropped mapping',
  async (take) => {
    const result = await collecting(`
      const first = (view) => Buffer.from(view.buffer ?? view, view.byteOffset, 1)[0]
      let view = mapFile(file).${take}
      const other = new WeakRef(mapFile(file))
      for (let i = 0; i < 100 && other.deref() !== undefined; i++) {
        globalThis.gc()
        await turn()
      }
      await settle(1)
      const kept = { live: live(), mapped: mapped(), byte: first(view), at: view.byteOffset ?? 0 }
      view = undefined
      print([kept, await settle(0), mapped()])`)
    const [kept, ...rest] = result as [{ at: number }, number, number]
    expect(kept).toMatchObject({ live: 1, mapped: 1, byte: content[kept.at] })
    expect(rest).toEqual([0, 0])
  },
)

it('a mapping that is in use is not collected', async () => {
  const result = await collecting(`
    const mapping = mapFile(file)
    for (let i = 0; i < 20; i++) {
      globalThis.gc()
      await turn()
    }
    print([live(), mapping.read(0, 3).toJSON().data])`)
  expect(result).toEqual([1, [...content.subarray(0, 3)]])
})
