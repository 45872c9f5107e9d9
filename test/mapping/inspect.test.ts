import fs from 'node:fs'
import { inspect } from 'node:util'
import { mapAnonymous, mapFile, pageSize, SharedMemory } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../support/files.js'

const scratch = scratchDirectory()

describe('util.inspect', () => {
  it('shows the properties of a mapping of a file', () => {
    const file = scratch.file('shown', pattern(2 * pageSize))
    const mapping = mapFile(file, { offset: pageSize })
    const shown = inspect(mapping, { breakLength: Infinity })
    expect(shown).toBe(
      `Mapping { path: '${file}', access: 'read', byteLength: ${pageSize}, ` +
        `fileOffset: ${pageSize}, protection: 'read', closed: false, fault: null }`,
    )
    fs.truncateSync(file, 0)
    expect(mapping.bytes()[0]).toBe(0)
    mapping.unmap()
    const after = inspect(mapping)
    expect(after).toContain('byteLength: 0')
    expect(after).toContain('closed: true')
    expect(after).toMatch(/fault: \{.*'truncated'/s)
  })

  it('shows the class and the name of shared memory, and no path if there is none', () => {
    const name = `/posix-mmap-inspect-${process.pid}`
    using memory = SharedMemory.create(10, { name })
    SharedMemory.unlink(name)
    expect(inspect(memory)).toMatch(/^SharedMemory \{/)
    expect(inspect(memory)).toContain(`name: '${name}'`)
    using anonymous = mapAnonymous(1)
    const shown = inspect(anonymous)
    for (const absent of ['path', 'name', 'fileOffset']) expect(shown).not.toContain(absent)
  })

  it('respects the depth that it is given', () => {
    using mapping = mapAnonymous(1)
    expect(inspect({ a: { b: { c: mapping } } }, { depth: 2 })).toContain('[Mapping]')
  })
})
