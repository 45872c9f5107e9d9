// Work that Node does in several steps on a view that goes between two of them: no signal, and no exception
// that nobody can catch. What ends in between has the bytes that were there, or zeros.

import { describe, expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { run, runCommand, runForJson } from '../support/processes.js'

const scratch = scratchDirectory()

/** `pipe` takes a part of what is written, and then says EAGAIN; `ended` is what became of the work. */
const start = `
  import fs from 'node:fs'
  import { execFileSync } from 'node:child_process'
  import { mapAnonymous } from 'posix-mmap'
  const path = '${scratch.directory}/fifo-' + process.pid
  execFileSync('mkfifo', [path])
  const pipe = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK)
  const mapping = mapAnonymous(4 << 20)
  const view = mapping.asBuffer()
  const told = (error) => console.log(JSON.stringify([error?.code ?? 'done', view.length]))`

describe('a view that unmap() takes from', () => {
  it.each([
    ['fs.writeFile', 'fs.writeFile(pipe, view, told)'],
    ['fs.appendFile', 'fs.appendFile(pipe, view, told)'],
    [
      'a write stream',
      'fs.createWriteStream(null, { fd: pipe }).on("error", () => {}).write(view, told)',
    ],
    [
      'a corked write stream',
      `const stream = fs.createWriteStream(null, { fd: pipe }).on('error', () => {})
       stream.cork(); stream.write(view); stream.write(view, told); stream.uncork()`,
    ],
  ])('%s is written as far as the pipe takes it', async (_name, work) => {
    const finished = await run(`${start}
      ${work}
      setImmediate(() => mapping.unmap())`)
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
    const [code, length] = JSON.parse(finished.stdout) as [string, number]
    expect(code).not.toBe('done')
    expect([0, 4 << 20]).toContain(length)
  })

  it.each(['readFile', 'promises.readFile'])(
    'fs.%s() with a buffer option ends well',
    async (name) => {
      const file = scratch.file(`large-${name}`, Buffer.alloc(4 << 20, 'x'))
      for (const turns of [1, 2, 3, 4, 6, 8]) {
        const call =
          name === 'readFile'
            ? `fs.readFile('${file}', { buffer: view }, told)`
            : `fs.promises.readFile('${file}', { buffer: view }).then(() => told(), told)`
        const finished = await run(`${start}
        ${call}
        let left = ${turns}
        const turn = () => { if (--left === 0) mapping.unmap(); else setImmediate(turn) }
        turn()`)
        expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
      }
    },
  )

  it('the first write stream of a CommonJS program is no exception', async () => {
    const script = start
      .replaceAll(/import (.*) from '(.*)'/g, "const $1 = require('$2')")
      .replace("require('posix-mmap')", "require('./dist/index.js')")
    const finished = await runCommand(
      process.execPath,
      ...['--no-warnings', '--input-type=commonjs', '--eval'],
      `${script}
      fs.createWriteStream(null, { fd: pipe }).on('error', () => {}).write(view, told)
      setImmediate(() => mapping.unmap())`,
    )
    expect(finished).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('has its usual end once the work is over', async () => {
    const file = scratch.file('written', '')
    const result = await runForJson(`${start}
      fs.writeFile('${file}', view.subarray(0, 100), () => {
        mapping.unmap()
        console.log(JSON.stringify([view.length, fs.statSync('${file}').size]))
      })`)
    expect(result).toEqual([0, 100])
  })
})

describe('a call that finds the stack used up', () => {
  const helpers = `
    import fs from 'node:fs'
    import { mapAnonymous, SharedMemory } from 'posix-mmap'
    const atTheEnd = (body) => {
      try { return atTheEnd(body) } catch (error) {
        if (!(error instanceof RangeError) || error.code !== undefined) throw error
        return body()
      }
    }
    const make = (create) => Array.from({ length: 300 }, () => { const mapping = create(); mapping.buffer; return mapping })
    const tried = (all, body) => {
      let next = 0
      try { atTheEnd(() => { const mapping = all[next++]; if (mapping) body(mapping) }) } catch {}
      return all
    }`

  it('unmap() is done by the next call', async () => {
    const result = await runForJson(`${helpers}
      const fds = () => fs.readdirSync('/proc/self/fd').length
      const maps = () => fs.readFileSync('/proc/self/maps', 'utf8').split('memfd:posix-mmap').length
      SharedMemory.create(100).unmap()
      const before = [fds(), maps()]
      const all = tried(make(() => SharedMemory.create(100)), (mapping) => mapping.unmap())
      for (const mapping of all) mapping.unmap()
      console.log(JSON.stringify([fds() - before[0], maps() - before[1]]))`)
    expect(result).toEqual([0, 0])
  })

  it('resize() has happened or has not', async () => {
    const result = await runForJson(`${helpers}
      const all = tried(make(() => mapAnonymous(8192)), (mapping) => mapping.resize(20_000))
      let wrong = 0
      for (const mapping of all) {
        const last = mapping.byteLength - 1
        mapping.write(last, 'x')
        if (mapping.bytes(last, 1)[0] !== 120) wrong++
        mapping.bytes()[5] = 66
        if (mapping.read(5, 1)[0] !== 66) wrong++
      }
      console.log(wrong)`)
    expect(result).toBe(0)
  })
})
