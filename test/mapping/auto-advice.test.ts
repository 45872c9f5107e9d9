// advice 'auto': a thread chooses the read-ahead.

import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
import { Madvise, madvise } from 'posix-mmap/posix'
import { describe, expect, it } from 'vitest'
import { drop } from '../support/cli.js'
import { invalidValue, mappingClosed, systemError, thrownBy, untyped } from '../support/errors.js'
import { noDisk, pattern, scratchDirectory } from '../support/files.js'
import { smapsOf } from '../support/kernel-view.js'
import { run, runForJson } from '../support/processes.js'

const scratch = scratchDirectory()
const disk = drop(scratch.file('probe', 'x'))
const content = pattern(3 * pageSize)

describe("advice 'auto'", () => {
  it('is for whole mappings of files', () => {
    using mapping = mapFile(scratch.file('whole', content), { advice: 'auto' })
    mapping.advise('auto')
    expect(thrownBy(() => mapping.advise('auto', 0))).toEqual(invalidValue)
    expect(thrownBy(() => mapping.advise('auto', undefined, 1))).toEqual(invalidValue)
    expect(mapping.read(0, 10).equals(content.subarray(0, 10))).toBe(true)
    using memory = mapAnonymous(pageSize)
    expect(thrownBy(() => memory.advise('auto'))).toEqual(systemError('EINVAL', 'madvise'))
    expect(thrownBy(() => mapAnonymous(1, { advice: untyped('auto') }))).toEqual(invalidValue)
    mapping.unmap()
    expect(thrownBy(() => mapping.advise('auto'))).toEqual(mappingClosed)
  })

  it('ends with another advice for read-ahead, and begins without one', () => {
    using mapping = mapFile(scratch.file('another', content), { advice: 'auto' })
    const flags = () => smapsOf(mapping).flags
    mapping.advise('random')
    expect(flags()).toContain('rr')
    mapping.advise('auto')
    expect(flags()).not.toContain('rr')
    mapping.advise('dontdump')
    madvise(mapping, Madvise.SEQUENTIAL)
    expect(flags()).toContain('sr')
    mapping.advise('auto')
    expect(flags()).not.toContain('sr')
  })

  it('goes with resize(), and keeps neither mapping, descriptor nor process', async () => {
    const file = scratch.file('goes', content)
    const finished = await run(
      `
      import fs from 'node:fs'
      import { setTimeout as delay } from 'node:timers/promises'
      import { mapFile, pageSize } from 'posix-mmap'
      import { native } from './dist/internals.js'
      const threads = () => fs.readdirSync('/proc/self/task').length
      const descriptors = () => fs.readdirSync('/proc/self/fd').length
      const counts = () => [threads(), descriptors(), native.regionCounts()[0]]
      const round = (advice) => {
        const mapping = mapFile('${file}', { access: 'read-write', advice })
        const during = threads()
        mapping.resize(5 * pageSize)
        mapping.bytes()[0] = 7
        mapping.resize(3 * pageSize)
        mapping.unmap()
        mapFile('${file}', { advice })
        return during
      }
      const collected = async (wanted) => {
        for (let i = 0; i < 200 && String(counts()) !== String(wanted); i++) { gc(); await delay(20) }
        return counts()
      }
      round() // Node starts threads of its own
      for (let i = 0; i < 20; i++) { gc(); await delay(10) }
      const before = counts()
      const started = round('auto') === before[0] + 1
      console.log(JSON.stringify({ started, before, after: await collected(before) }))
      mapFile('${file}', { advice: 'auto' })`,
      '--expose-gc',
    )
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
    const { started, before, after } = JSON.parse(finished.stdout)
    expect(started).toBe(true)
    expect(after).toEqual(before)
  })

  it('is random for what is read in no order and does not fit', async ({ skip }) => {
    if (!disk) skip(noDisk)
    const file = scratch.file('large', Buffer.alloc(32 << 20, 1))
    drop(file)
    const seen = await runForJson(`
      import fs from 'node:fs'
      import { mapFile, pageSize } from 'posix-mmap'
      import { native } from './dist/internals.js'
      const { POSIX_FADV_DONTNEED } = native.constants
      const fd = fs.openSync('${file}')
      const mapping = mapFile(fd, { advice: 'auto' })
      const bytes = mapping.bytes()
      const drop = () => {
        mapping.advise('pageout')
        native.fileAdvice(fd, 0, 0, POSIX_FADV_DONTNEED)
      }
      const isRandom = () => {
        const maps = fs.readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
        const area = maps.find((text) => text.includes('${file}'))
        return /^VmFlags:.* rr/m.test(area)
      }
      const pages = bytes.length / pageSize
      let sum = 0
      const scattered = () => {
        drop()
        for (let i = 0; i < 20; i++) sum += bytes[Math.floor(Math.random() * pages) * pageSize]
      }
      const until = (wanted, access) => {
        const end = Date.now() + 60_000
        while (isRandom() !== wanted && Date.now() < end) access()
        return isRandom() === wanted
      }
      const states = []
      scattered()
      states.push(isRandom()) // it fits
      let handle = 1
      while (native.address(handle) < 0n) handle++
      native.startAutoAdvice(handle, pageSize)
      states.push(until(true, scattered))
      mapping.advise('normal')
      for (let i = 0; i < 20; i++) scattered()
      states.push(isRandom())
      console.log(JSON.stringify(states))`)
    expect(seen).toEqual([false, true, false])
  })
})
