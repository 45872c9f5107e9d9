// Listeners for faults live exactly as long as the memory can fault, and keep nothing alive.

import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../../support/files.js'
import { runForJson, scriptHelpers } from '../../support/processes.js'

const scratch = scratchDirectory()

const head = `${scriptHelpers}
  import { channel } from 'node:diagnostics_channel'
  import { mapFile, pageSize } from 'posix-mmap'
  const calls = []
  let messages = 0
  channel('posix-mmap:fault').subscribe(() => messages++)
  const fresh = (file) => { fs.writeFileSync(file, Buffer.alloc(2 * pageSize, 1)); return file }
  const turns = async () => { for (let i = 0; i < 5; i++) await delay(10) }
`

describe('a view that outlives its mapping', () => {
  it.each([
    ['a Buffer', 'mapping.asBuffer()', 'view[0]'],
    ['a DataView', 'mapping.dataView()', 'view.getUint8(0)'],
    ['an ArrayBuffer', 'mapping.buffer', 'new Uint8Array(view)[0]'],
    ['a view made of its buffer', 'new Int32Array(mapping.buffer)', 'view[0]'],
    ['a subarray', 'mapping.bytes().subarray(1)', 'view[0]'],
  ])('reports its faults: %s', async (_name, make, touch) => {
    const seen = await runForJson(
      `${head}
      const file = fresh('${scratch.file('outlives')}')
      const load = () => {
        const mapping = mapFile(file, { onFault: ({ kind }) => calls.push(kind) })
        return ${make}
      }
      const view = load()
      await collect()
      fs.truncateSync(file, 0)
      const value = ${touch}
      await turns()
      console.log(JSON.stringify({ value, calls, messages }))`,
      '--expose-gc',
    )
    expect(seen).toEqual({ value: 0, calls: ['truncated'], messages: 1 })
  })
})

describe('a listener keeps no mapping', () => {
  it.each([
    ['that mentions it', 'const m = mapFile(file, { onFault() { calls.push(m) } })'],
    [
      'that shares a context with one that does',
      'let n = 0; const m = mapFile(file, { onFault() { n++ } }); const later = () => m.unmap()',
    ],
    [
      'of a mapping that was read by a view',
      'const m = mapFile(file, { onFault() { calls.push(m) } }); m.bytes()[0]',
    ],
    [
      'of a mapping that was read by a copy',
      'const m = mapFile(file, { onFault() { calls.push(m) } }); m.read(0, 1)',
    ],
  ])('%s', async (_name, body) => {
    const seen = await runForJson(
      `${head}
      const file = fresh('${scratch.file('dropped')}')
      const map = () => { ${body} }
      for (let i = 0; i < 300; i++) map()
      await collect()
      await collect()
      console.log(JSON.stringify([mapped(file), live()]))`,
      '--expose-gc',
    )
    expect(seen).toEqual([0, 0])
  })
})
