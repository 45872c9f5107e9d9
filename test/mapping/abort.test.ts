// An abort rejects at once, also while a disk or a server that does not answer keeps the thread.

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { type Fuse, whyNoFuse, withFuse } from '../support/fuse/fuse.js'
import { projectRoot, run } from '../support/processes.js'
import { finished } from '../support/programs.js'

const scratch = scratchDirectory()
const reason = whyNoFuse()

/**
 * The start of a script: `hanging()` maps the file; `aborted(start)` is what an abort rejects with, and
 * after how long. A read that one page asks for cannot be interrupted, even by SIGKILL; one that
 * read-ahead has begun can.
 */
const helpers = (file: string) => `
  import fs from 'node:fs'
  import { setTimeout as delay } from 'node:timers/promises'
  import { mapAnonymous, mapFile, pageSize } from 'posix-mmap'
  import { native } from './dist/internals.js'
  const hanging = (advice = 'random') => { const m = mapFile('${file}'); m.advise(advice); return m }
  const aborted = async (start) => {
    const controller = new AbortController()
    const promise = start(controller.signal).then(() => 'done', (error) => error.name)
    await delay(200)
    const since = performance.now()
    controller.abort()
    const name = await promise
    return [name, performance.now() - since]
  }
  const print = (value) => fs.writeSync(1, JSON.stringify(value))`

/** Runs a script while the disk does not answer; the disk answers when the script has printed. */
async function printed(body: string, { file, setMode }: Fuse): Promise<unknown> {
  const script = `${helpers(file)}\n${body}`
  const options = { cwd: projectRoot, timeout: 50_000 }
  const child = execFile(process.execPath, ['--input-type=module', '-e', script], options)
  const ended = finished(child)
  await Promise.race([once(child.stdout as Readable, 'data'), ended])
  await setMode('plain')
  const { code, signal, stdout, stderr } = await ended
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return JSON.parse(stdout)
}

describe('while the kernel waits for a disk', () => {
  it('populate(), lock() and readAsync() reject within 100 ms of the abort', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'hang', async (fuse) => {
      const seen = await printed(
        `
        const times = []
        times.push(await aborted((signal) => hanging().populate({ signal })))
        times.push(await aborted((signal) => hanging('normal').populate({ signal })))
        times.push(await aborted((signal) => hanging().lock({ signal })))
        times.push(await aborted((signal) => hanging().readAsync(3 * pageSize, 10, { signal })))
        times.push(await aborted((signal) => hanging('normal').readAsync(2 * pageSize - 5, 10, { signal })))
        print(times.map(([name, ms]) => [name, ms < 100]))
        process.exit(0)`,
        fuse,
      )
      expect(seen).toEqual(Array.from({ length: 5 }, () => ['AbortError', true]))
    })
  })

  it('one that waits for a thread rejects as well', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'hang', async (fuse) => {
      const seen = await printed(
        `
        const all = Array.from({ length: 20 }, () => aborted((signal) => hanging().populate({ signal })))
        print((await Promise.all(all)).every(([name, ms]) => name === 'AbortError' && ms < 200))
        process.exit(0)`,
        fuse,
      )
      expect(seen).toBe(true)
    })
  })

  it('other jobs go on while fifteen hang, and fs is not starved', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'hang', async (fuse) => {
      const seen = await printed(
        `
        const names = await Promise.all(Array.from({ length: 15 }, () => aborted((signal) => hanging().populate({ signal }))))
        const since = performance.now()
        await mapAnonymous(16 * pageSize).populate()
        const job = performance.now() - since
        await Promise.all(Array.from({ length: 8 }, () => fs.promises.readFile('/proc/self/stat')))
        print([names.every(([name]) => name === 'AbortError'), job < 5000])
        process.exit(0)`,
        fuse,
      )
      expect(seen).toEqual([true, true])
    })
  })

  it('four that nobody gives up do not stop a fifth', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'hang', async (fuse) => {
      const seen = await printed(
        `
        for (let i = 0; i < 4; i++) hanging().populate()
        await mapAnonymous(16 * pageSize).populate()
        print('done')
        process.exit(0)`,
        fuse,
      )
      expect(seen).toBe('done')
    })
  })

  it('the thread and the mapping are given back when it answers', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'hang', async (fuse) => {
      const seen = await printed(
        `
        const m = hanging()
        const [name] = await aborted((signal) => m.populate({ signal }))
        m.unmap()
        print([name, native.regionCounts()[0]])
        while (native.regionCounts()[0] > 0) await delay(10)
        await mapAnonymous(pageSize).populate()`,
        fuse,
      )
      expect(seen).toEqual(['AbortError', 1])
    })
  })

  it('a process can end, by itself and by process.exit()', async ({ skip }) => {
    if (reason !== undefined) skip(reason)
    await withFuse(scratch, 'hang', async ({ file }) => {
      for (const end of ['', 'process.exit(0)']) {
        const { code, signal, stdout } = await run(`${helpers(file)}
          const [name] = await aborted((signal) => hanging('normal').populate({ signal }))
          print(name)
          ${end}`)
        expect({ code, signal, stdout }).toEqual({ code: 0, signal: null, stdout: '"AbortError"' })
      }
    })
  })
})
