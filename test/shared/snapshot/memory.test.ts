// How much memory a Snapshot takes: that of its slots, and after trim() that of what somebody needs.

import fs from 'node:fs'
import { Snapshot } from 'posix-mmap/shared'
import { expect, it } from 'vitest'
import { mappingClosed } from '../../support/errors.js'
import { runForJson } from '../../support/processes.js'

/** 1024 is the long form, in which a GiB is replaced. */
const mebibytes = Number(process.env['POSIX_MMAP_SOAK_MEBIBYTES'] ?? 16)
const size = mebibytes * 2 ** 20

/** In times of one snapshot. */
function taken(snapshot: Snapshot): number {
  return (fs.fstatSync(snapshot.memory.fd).blocks * 512) / size
}

it('that of one, when the others are not needed any more', { timeout: 240_000 }, () => {
  using snapshot = Snapshot.create(size)
  const publish = (number: number) => snapshot.publishWith(size, (bytes) => bytes.fill(number))
  for (let i = 1; i <= 6; i++) publish(i)
  expect(taken(snapshot)).toBeGreaterThan(3.9)
  snapshot.trim()
  expect(taken(snapshot)).toBeGreaterThan(0.99)
  expect(taken(snapshot)).toBeLessThan(1.02)
  snapshot.read((old) => {
    publish(7)
    publish(8)
    snapshot.trim()
    expect(taken(snapshot)).toBeLessThan(2.02)
    // What is held stays, to the last byte.
    expect([old[0], old[size - 1], old.length]).toEqual([6, 6, size])
  })
  snapshot.trim()
  expect(taken(snapshot)).toBeLessThan(1.02)
  snapshot.read((bytes, version) => {
    expect([bytes[0], bytes[size - 1], version]).toEqual([8, 8, 8])
  })
  publish(9)
  expect(snapshot.read((bytes) => [bytes[0], bytes[size >> 1]])).toEqual([9, 9])
})

it('trim() where there is nothing to give back, and where it cannot be', () => {
  const snapshot = Snapshot.create(1000)
  snapshot.trim()
  expect(snapshot.read(() => true)).toBeUndefined()
  snapshot.publish('text')
  snapshot.trim()
  expect(snapshot.copy()?.toString()).toBe('text')
  const within = () => snapshot.publishWith(1, () => snapshot.trim())
  expect(within).toThrow(expect.objectContaining({ code: 'EDEADLK' }))
  expect(snapshot.version).toBe(1)
  snapshot.dispose()
  expect(() => snapshot.trim()).toThrow(mappingClosed)
})

it('a file that was replaced takes none once its mapping is unmapped', {
  timeout: 240_000,
}, async () => {
  const script = `
    import fs from 'node:fs'
    import { setTimeout as delay } from 'node:timers/promises'
    import { mapLatest } from './dist/shared.js'
    const size = ${size}
    // In memory, so that the size of the disk does not matter.
    const directory = fs.mkdtempSync('/dev/shm/posix-mmap-replaced-')
    process.on('exit', () => fs.rmSync(directory, { recursive: true }))
    const file = directory + '/data'
    const part = Buffer.alloc(2 ** 20)
    const replace = (number) => {
      const fd = fs.openSync(file + '.new', 'w')
      for (let at = 0; at < size; at += part.length) fs.writeSync(fd, part.fill(number))
      fs.closeSync(fd)
      fs.renameSync(file + '.new', file)
    }
    const resident = () => {
      const maps = fs.readFileSync('/proc/self/smaps', 'utf8').split(/\\n(?=[0-9a-f]+-[0-9a-f]+ )/)
      const those = maps.filter((map) => map.includes(directory))
      return those.reduce((sum, map) => sum + 1024 * Number(/Rss: +(\\d+)/.exec(map)[1]), 0) / size
    }
    const readAll = (mapping) => mapping.indexOf(255)
    replace(1)
    const latest = mapLatest(file, { interval: 5, onChange: (current, version, previous) => previous.unmap() })
    readAll(latest.current)
    for (let number = 2; number <= 4; number++) {
      replace(number)
      while (latest.version < number) await delay(5)
      readAll(latest.current)
    }
    const [first] = latest.current.bytes(0, 1)
    console.log(JSON.stringify({ first, resident: resident() }))
    latest.close()`
  const { first, resident } = (await runForJson(script)) as Record<string, number>
  expect(first).toBe(4)
  expect(resident).toBeGreaterThan(0.99)
  expect(resident).toBeLessThan(1.02)
})
