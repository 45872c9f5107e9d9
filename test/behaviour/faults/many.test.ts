// Faults in numbers: many pages, many mappings, no room left for another kernel mapping.

import { expect, it } from 'vitest'
import { runForJson } from '../../support/processes.js'

const head = `
  import fs from 'node:fs'
  import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
  const file = '/dev/shm/posix-mmap-test-' + process.pid
  process.on('exit', () => fs.rmSync(file, { force: true }))
  const create = (pages) => { fs.writeFileSync(file, ''); fs.truncateSync(file, pages * pageSize) }
  // A full-period generator: every page once, in no order.
  const shuffled = function* (count) {
    for (let i = 0, page = 1; i < count; i++, page = (page * 5 + 12345) % count) yield page
  }
  const kernelMappings = () => fs.readFileSync('/proc/self/maps', 'utf8').split('\\n').length
`

it('stores into every page of a large read-only mapping', async () => {
  const seen = await runForJson(`${head}
    create(1 << 16)
    const mapping = mapFile(file)
    const view = mapping.bytes()
    view.fill(1)
    console.log(JSON.stringify({ kind: mapping.fault.kind, all: view.every((byte) => byte === 1),
      file: fs.readFileSync(file).every((byte) => byte === 0), few: kernelMappings() < 2000 }))`)
  expect(seen).toEqual({ kind: 'read-only', all: true, file: true, few: true })
})

it.each(['truncated', 'read-only'])('faults on 65,536 pages in random order: %s', async (kind) => {
  const seen = await runForJson(`${head}
    const pages = 1 << 16
    create(pages)
    const mapping = mapFile(file)
    if ('${kind}' === 'truncated') fs.truncateSync(file, 0)
    const view = mapping.bytes()
    let sum = 0
    for (const page of shuffled(pages)) {
      if ('${kind}' === 'truncated') sum += view[page * pageSize]
      else view[page * pageSize] = 1
    }
    for (let page = 0; page < pages; page++) sum += view[page * pageSize]
    console.log(JSON.stringify({ kind: mapping.fault.kind, sum, mappings: kernelMappings() < 30000 }))`)
  expect(seen).toEqual({ kind, sum: kind === 'truncated' ? 0 : 1 << 16, mappings: true })
})

it('faults in 20,000 mappings, each reported by its own', async () => {
  const seen = await runForJson(`${head}
    create(1)
    const fd = fs.openSync(file)
    const mappings = Array.from({ length: 20000 }, () => mapFile(fd))
    fs.truncateSync(file, 0)
    let wrong = 0
    for (const [index, mapping] of mappings.entries()) {
      if (index % 2 === 0 && mapping.bytes()[index % pageSize] !== 0) wrong++
    }
    for (const [index, mapping] of mappings.entries()) {
      const { fault } = mapping
      if (index % 2 === 0 ? fault?.offset !== index % pageSize : fault !== null) wrong++
      mapping.unmap()
    }
    console.log(JSON.stringify({ wrong }))`)
  expect(seen).toEqual({ wrong: 0 })
})

it('goes on when the process may have no more kernel mappings', async () => {
  const seen = await runForJson(`${head}
    create(64)
    const mapping = mapFile(file)
    const view = mapping.bytes()
    const limit = Number(fs.readFileSync('/proc/sys/vm/max_map_count', 'utf8'))
    const fillers = []
    let refused
    // Alternating protections, so that the kernel cannot merge neighbours.
    for (let i = 0; refused === undefined && i <= limit; i++) {
      try {
        const filler = mapAnonymous(pageSize)
        if (i % 2 === 0) filler.protect('read')
        fillers.push(filler)
      } catch (error) {
        refused = error
      }
    }
    fs.truncateSync(file, pageSize)
    const read = view[2 * pageSize]
    view[0] = 5
    console.log(JSON.stringify({ code: refused.code, told: /await|wait/.test(refused.message), read,
      stored: view[0], fault: mapping.fault.kind }))`)
  expect(seen).toEqual({ code: 'ENOMEM', told: true, read: 0, stored: 5, fault: 'truncated' })
})
