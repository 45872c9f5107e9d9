// The example as its users run it, and its recovery byte by byte.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WriteAheadLog } from '../../examples/write-ahead-log/log.js'
import { recover, recoverFile } from '../../examples/write-ahead-log/recovery.js'
import { scratchDirectory } from '../support/files.js'

const scratch = scratchDirectory()
const main = fileURLToPath(new URL('../../examples/write-ahead-log/main.js', import.meta.url))

async function run(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const [code, signal] = await once(child, 'close')
  const [stdout, errors] = await output
  return { code, signal, lines: stdout.trimEnd().split('\n'), errors }
}

test('the demo passes', async () => {
  const { code, signal, lines, errors } = await run('--rounds', '4')
  expect({ code, signal, errors, last: lines.at(-1) }).toEqual({
    code: 0,
    signal: null,
    errors: '',
    last: expect.stringMatching(
      /^pass: \d+ acknowledged records found after 4 kills, no torn one$/,
    ),
  })
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('an unknown option makes it fail', async () => {
  const { code, lines } = await run('--rounds', 'many')
  expect(code).toBe(1)
  expect(lines.at(-1)).toMatch(/^fail: .*'many'/)
})

describe('recovery', () => {
  const payloads = ['first', 'the second one', ''].map((payload) => Buffer.from(payload))
  // A header has 16 bytes, and a payload is padded to a multiple of 8.
  const ends = [24, 56, 72]

  async function writtenLog(name: string): Promise<string> {
    const path = scratch.file(name)
    fs.rmSync(path, { force: true })
    const log = new WriteAheadLog(path)
    expect(payloads.map((payload) => log.append(payload))).toEqual([1, 2, 3])
    await log.close()
    return path
  }

  test('finds the records that were written', async () => {
    const path = await writtenLog('whole')
    expect(recoverFile(path)).toEqual({ payloads, offsets: [0, ...ends.slice(0, -1)], end: 72 })
  })

  test('of a log that was cut off anywhere finds the records before', async () => {
    const bytes = fs.readFileSync(await writtenLog('cut'))
    for (let length = 0; length <= bytes.length; length++) {
      const whole = ends.filter((end) => end <= length).length
      expect(recover(bytes.subarray(0, length)).payloads).toEqual(payloads.slice(0, whole))
    }
  })

  test('stops at a record if any of its bytes is wrong', async () => {
    const bytes = fs.readFileSync(await writtenLog('wrong'))
    for (let at = ends[0] ?? 0; at < 24 + 16 + 'the second one'.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(recover(damaged).payloads).toEqual(payloads.slice(0, 1))
    }
  })

  test('cuts off what follows, so that it never comes back', async () => {
    const path = await writtenLog('again')
    const bytes = fs.readFileSync(path)
    bytes[50] = 0
    fs.writeFileSync(path, bytes)
    const log = new WriteAheadLog(path)
    // As long as the torn record, so that the third would follow it if it was still there.
    expect(log.append(Buffer.from('another second'))).toBe(2)
    await log.close()
    const texts = recoverFile(path).payloads.map((payload) => payload.toString())
    expect(texts).toEqual(['first', 'another second'])
  })

  test('commits that wait at the same time share flushes', async () => {
    const log = new WriteAheadLog(scratch.file('group'))
    const commits = Array.from({ length: 100 }, () => {
      log.append(Buffer.from('x'))
      return log.commit()
    })
    await Promise.all(commits)
    // The first flush is under way when the other commits start.
    expect(log.flushes).toBe(2)
    await log.close()
  })
})
