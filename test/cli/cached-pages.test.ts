// What is in the page cache, by cachestat(2) and by mincore(2), which must agree.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { pageSize } from 'posix-mmap'
import { afterEach, describe, expect, it } from 'vitest'
import {
  byteCountOf,
  extentIn,
  forbidCachestat,
  lookAt,
  native,
  openCached,
  residencyOf,
  runsOf,
} from '../../dist/internals.js'
import {
  drop,
  jsonOf,
  mebibyte,
  pagesMayGo,
  posixMmap,
  residentPages,
  touch,
  vectorOf,
} from '../support/cli.js'
import { thrownBy } from '../support/errors.js'
import { noDisk, pattern, scratchDirectory, withDescriptor } from '../support/files.js'
import { whyNoFuse, withFuse } from '../support/fuse/fuse.js'
import { openDescriptors } from '../support/kernel-view.js'
import { run, runForJson } from '../support/processes.js'

const scratch = scratchDirectory()
const probe = scratch.file('probe', 'x')
const hasCachestat = withDescriptor(probe, 'r', (fd) => native.cachestat(fd, 0, 1)) >= 0
const noCachestat = 'needs cachestat(2), which is of Linux 6.5, and a TMPDIR where it is asked'
const disk = drop(probe)

afterEach(() => forbidCachestat(false))

function opened<R>(file: string, body: (open: ReturnType<typeof openCached>) => R): R {
  const open = openCached(file)
  try {
    return body(open)
  } finally {
    open.close()
  }
}

/** Both ways to find out, the one without cachestat(2) second. */
const ways = [false, true]

describe('a file that is in memory in part', pagesMayGo, () => {
  const size = 40 * mebibyte + 3 * pageSize + 77
  const content = pattern(size)
  const file = scratch.file('part', content)

  /** Pages here and there: single ones, at both ends, and a long range. */
  function prepare(): Uint8Array {
    fs.writeFileSync(file, content)
    drop(file)
    touch(file, 0, 1)
    touch(file, 7 * mebibyte + 5, 2 * mebibyte)
    touch(file, 20 * mebibyte, 1)
    touch(file, 33 * mebibyte, 5 * pageSize)
    touch(file, size - 1, 1)
    return vectorOf(file)
  }

  const ranges = [
    { start: 0, end: Number.POSITIVE_INFINITY },
    { start: 0, end: 1 },
    { start: 8 * mebibyte, end: 21 * mebibyte },
    { start: 7 * mebibyte + 1234, end: 33 * mebibyte + 4321 },
    { start: size - 10, end: size + 10 },
    { start: pageSize + 1, end: pageSize + 2 },
    { start: size, end: Number.POSITIVE_INFINITY },
  ]

  it.for(ways)(
    'has the same pages as in mincore(2), without cachestat: %s',
    (forbidden, { skip }) => {
      if (!disk) skip(noDisk)
      if (!forbidden && !hasCachestat) skip(noCachestat)
      const vector = prepare()
      forbidCachestat(forbidden)
      for (const range of ranges) {
        const { offset, length } = extentIn(size, range)
        const first = Math.floor(offset / pageSize)
        const end = length === 0 ? first : Math.ceil((offset + length) / pageSize)
        /** How many bytes of the range a page has. */
        const bytesIn = (page: number) =>
          Math.min((page + 1) * pageSize, offset + length) - Math.max(page * pageSize, offset)
        const resident = [...vector.keys()].filter(
          (page) => page >= first && page < end && vector[page] === 1,
        )
        const bytes = resident.reduce((sum, page) => sum + bytesIn(page), 0)
        for (const count of [1, 7, 64, 200, 10 ** 6]) {
          const found = opened(file, (open) => residencyOf(open, count, range))
          const pages = end - first
          const parts = Array.from({ length: Math.min(count, pages) }, (_, part) => {
            const bound = (at: number) => first + Math.floor((at * pages) / Math.min(count, pages))
            return resident.filter((page) => page >= bound(part) && page < bound(part + 1)).length
          })
          const expected = { size, offset, length, pageSize, pages, resident: resident.length }
          expect(found).toEqual({ ...expected, residentBytes: bytes, parts })
        }
        const runs = opened(file, (open) => runsOf(open, range)) ?? []
        expect(byteCountOf(runs)).toBe(bytes)
        const inRuns = (page: number) => {
          const at = Math.max(page * pageSize, offset)
          return runs.some((start, i) => i % 2 === 0 && start <= at && at < (runs[i + 1] ?? 0))
        }
        const pages = Array.from({ length: end - first }, (_, i) => first + i)
        expect(pages.filter(inRuns)).toEqual(resident)
      }
      expect(vectorOf(file)).toEqual(vector)
    },
  )
})

describe('a sparse file of 3 TiB', () => {
  const size = 3 * 2 ** 40
  const file = scratch.hole('sparse', size)

  it('is looked at in few calls and small steps', pagesMayGo, ({ skip }) => {
    if (!hasCachestat) skip(noCachestat)
    touch(file, 2 ** 41, 1)
    const resident = opened(file, (open) => residencyOf(open, 64))?.resident ?? 0
    expect(resident).toBeGreaterThan(0)
    const original = native.cachestat
    let calls = 0
    let windows = 0
    let bytes = 0
    native.cachestat = (...range) => {
      calls++
      return original(...range)
    }
    try {
      const onWindow = (more: number) => {
        windows++
        bytes += more
      }
      const found = opened(file, (open) => residencyOf(open, 64, undefined, onWindow))
      expect(found?.parts).toEqual(Array.from({ length: 64 }, (_, i) => (i === 42 ? resident : 0)))
      // As many as windows of 16 GiB, and some to find the part.
      expect(calls).toBeGreaterThan(100)
      expect(calls).toBeLessThan(300)
      // The line of progress is drawn between two of them.
      expect(windows).toBeGreaterThan(100)
      expect(bytes).toBe(size)
      calls = 0
      expect(opened(file, (open) => byteCountOf(runsOf(open) ?? []))).toBe(resident * pageSize)
      expect(calls).toBeLessThan(300)
    } finally {
      native.cachestat = original
    }
  })

  it('is looked at in windows of 1 GiB without cachestat(2)', () => {
    forbidCachestat(true)
    const windows: number[] = []
    const range = { start: 2 ** 41 - 2 ** 35, end: 2 ** 41 + 2 ** 35 }
    opened(file, (open) => residencyOf(open, 64, range, (bytes) => windows.push(bytes)))
    expect(windows).toEqual(Array.from({ length: 64 }, () => 2 ** 30))
  })
})

it('each of many small files is looked at in one step, and nothing is mapped', async ({ skip }) => {
  if (!hasCachestat) skip(noCachestat)
  const files = Array.from({ length: 100 }, (_, i) =>
    scratch.file(`many-${i}`, pattern(1 + i * 200)),
  )
  const { code, stdout, stderr } = await run(`
    const { main, native } = await import('./dist/internals.js')
    const calls = {}
    for (const name of Object.keys(native)) {
      const call = native[name]
      if (typeof call !== 'function') continue
      native[name] = (...args) => { calls[name] = (calls[name] ?? 0) + 1; return call(...args) }
    }
    process.exitCode = await main(['residency', ...${JSON.stringify(files)}])
    console.error(JSON.stringify(calls))`)
  expect(code).toBe(0)
  expect(stdout).toContain('100 files: ')
  const { lookAtFile, fileSize = 0, cachestat = 0, ...others } = JSON.parse(stderr)
  expect({ lookAtFile, others }).toEqual({ lookAtFile: 100, others: {} })
  // None, unless the kernel has dropped pages of one meanwhile: only its parts are counted one by one.
  expect(fileSize).toBe(0)
  expect(cachestat).toBeLessThan(100)
})

describe('a file of somebody else', () => {
  it.for(ways)(
    'is EPERM if its residency is not reported, without cachestat: %s',
    async (forbidden, { skip }) => {
      if (process.getuid?.() !== 0) skip('needs root, to be somebody else')
      const answers = await runForJson(`
      const { forbidCachestat, openCached, residencyOf, runsOf } = await import('./dist/internals.js')
      process.setgroups([]); process.setgid(65534); process.setuid(65534)
      const open = openCached(${JSON.stringify(fs.realpathSync('/bin/sh'))})
      forbidCachestat(${forbidden})
      console.log(JSON.stringify([residencyOf(open, 5), runsOf(open)]))`)
      const [residency, runs] = answers as [object | null, number[] | null]
      // Before Linux 6.14 cachestat(2) answers everybody.
      if (forbidden || typeof residency !== 'object' || residency === null) {
        expect(answers).toEqual([null, null])
      } else expect(runs).not.toBeNull()
    },
  )
})

/** Mounts an overlay over a directory for `body`; returns why there is none. */
function onOverlay(name: string, body: (directory: string) => void): string | undefined {
  const [lower = '', upper = '', work = '', merged = ''] = ['lower', 'upper', 'work', 'merged'].map(
    (layer) => path.join(scratch.directory, `${name}-${layer}`),
  )
  for (const directory of [lower, upper, work, merged]) fs.mkdirSync(directory, { recursive: true })
  fs.writeFileSync(path.join(lower, 'file'), pattern(5 * mebibyte))
  const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  const { status, stderr } = spawnSync('mount', ['-t', 'overlay', '-o', layers, 'overlay', merged])
  if (status !== 0) return `cannot mount an overlay: ${stderr}`
  try {
    body(merged)
  } finally {
    spawnSync('umount', [merged])
  }
  return undefined
}

it('overlayfs, whose files have their pages elsewhere, tells the truth', pagesMayGo, ({ skip }) => {
  if (!disk) skip(noDisk)
  const missing = onOverlay('overlay', (directory) => {
    const file = path.join(directory, 'file')
    drop(file)
    touch(file, mebibyte, 1)
    const vector = vectorOf(file)
    const resident = vector.reduce((sum, page) => sum + page, 0)
    expect(resident).toBeGreaterThan(0)
    expect(opened(file, (open) => residencyOf(open, 1))?.resident).toBe(resident)
    expect(opened(file, (open) => byteCountOf(runsOf(open) ?? []))).toBe(resident * pageSize)
    expect(lookAt(file).cached).toBe(resident)
    expect(vectorOf(file)).toEqual(vector)
  })
  if (missing !== undefined) skip(missing)
})

describe('a look at a file', () => {
  it.for(ways)(
    'counts its pages without keeping it open, without cachestat: %s',
    pagesMayGo,
    (forbidden, { skip }) => {
      if (!disk) skip(noDisk)
      const file = scratch.file('look', pattern(9 * pageSize + 1))
      forbidCachestat(forbidden)
      const before = openDescriptors()
      const look = lookAt(file)
      expect(openDescriptors()).toBe(before)
      expect({ size: look.size, cached: look.cached }).toEqual({
        size: 9 * pageSize + 1,
        cached: 10,
      })
      drop(file)
      expect(lookAt(file).cached).toBe(0)
      expect(residencyOf(look, 10)?.resident).toBe(10)
      expect(openDescriptors()).toBe(before)
      expect(residencyOf(look, 10, { start: 0, end: 1 })?.resident).toBe(0)
      expect(openDescriptors()).toBe(before + 1)
      look.close()
      expect(openDescriptors()).toBe(before)
    },
  )

  it.each(['/nothing-there', 'with\0nul', '/'])('at %j is the error of opening it', (place) => {
    const messageOf = (body: () => void) => (thrownBy(body) as Error).message
    expect(messageOf(() => lookAt(place))).toBe(messageOf(() => openCached(place)))
  })
})

it.for(['plain', 'direct'] as const)('FUSE, %s, is asked by mincore(2)', async (mode, { skip }) => {
  const missing = whyNoFuse()
  if (missing !== undefined) skip(missing)
  await withFuse(scratch, mode, async ({ file }) => {
    touch(file, 0, 256 * 1024)
    const [entry] = await jsonOf<{ pages: number; resident: number }>('residency', '--json', file)
    expect(entry).toMatchObject({ size: mebibyte, pages: mebibyte / pageSize })
    // What is read with FOPEN_DIRECT_IO is not kept; else the kernel may still be reading ahead.
    const least = mode === 'direct' ? 0 : (256 * 1024) / pageSize
    expect(entry?.resident).toBeGreaterThanOrEqual(least)
    expect(entry?.resident).toBeLessThanOrEqual(mode === 'direct' ? 0 : residentPages(file))
    expect((await posixMmap('warm', file)).code).toBe(0)
    expect(await posixMmap('residency', file)).toMatchObject({ code: 0, stderr: '' })
  })
})
