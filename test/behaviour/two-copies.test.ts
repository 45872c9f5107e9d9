// Two copies of the package in one process, each with its own addon: both have handlers for SIGSEGV and
// SIGBUS, and neither knows the pages of the other.

import fs from 'node:fs'
import path from 'node:path'
import { pageSize } from 'posix-mmap'
import { beforeAll, describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../support/files.js'
import { projectRoot, runForJson } from '../support/processes.js'

const scratch = scratchDirectory()

/** Where the copies are. */
let places: string[]

beforeAll(() => {
  places = ['one', 'two'].map((name) => {
    const root = path.join(scratch.directory, name)
    const copy = (part: string) =>
      fs.cpSync(path.join(projectRoot, part), path.join(root, part), { recursive: true })
    for (const part of ['dist', 'package.json', 'build/Release/posix_mmap.node']) copy(part)
    fs.mkdirSync(path.join(root, 'node_modules'))
    const loader = 'node_modules/node-gyp-build'
    fs.symlinkSync(path.join(projectRoot, loader), path.join(root, loader))
    return root
  })
})

/**
 * The start of a script: `A` has installed its handlers first, `B` over them; `torn(copy)` maps two
 * pages, with only the first left in the file; `outcome(body)` is what a body gave, or its error's kind.
 */
function bothCopies(): string {
  const [one, two] = places
  const file = scratch.file('torn', pattern(2 * pageSize))
  return `
    import fs from 'node:fs'
    const [A, B] = [await import('${one}/dist/index.js'), await import('${two}/dist/index.js')]
    const page = ${pageSize}
    A.mapAnonymous(page).unmap()
    B.mapAnonymous(page).unmap()
    let files = 0
    const whole = (copy, access) => {
      const name = '${file}' + files++
      fs.writeFileSync(name, fs.readFileSync('${file}'))
      return [copy.mapFile(name, { access }), name]
    }
    const torn = (copy, access = 'read') => {
      const [mapping, name] = whole(copy, access)
      fs.truncateSync(name, page)
      return mapping
    }
    const outcome = (body) => {
      try { return body() } catch (error) { return error.fault?.kind ?? error.code ?? String(error) }
    }
    const told = (mapping) => mapping.fault && [mapping.fault.kind, mapping.fault.offset >= page]
    const print = (value) => console.log(JSON.stringify(value))`
}

const lost = ['truncated', true]

// The copy whose memory it is, and the copy that is at work on it.
const pairs = ['A of A', 'B of B', 'A of B', 'B of A'] as const

describe.each(pairs)('%s', (pair) => {
  const [worker, , owner] = pair.split(' ')

  it('a look by a view', async () => {
    const seen = await runForJson(`${bothCopies()}
      const mapping = torn(${owner})
      print([mapping.bytes()[page + 1], told(mapping)])`)
    expect(seen).toEqual([0, lost])
  })

  it('a store where only reading is allowed, and an access where nothing is', async () => {
    const seen = await runForJson(`${bothCopies()}
      const [readOnly] = whole(${owner}, 'read')
      readOnly.bytes()[page] = 1
      const none = ${owner}.mapAnonymous(2 * page)
      none.protect('none')
      const byte = none.bytes()[page]
      print([told(readOnly), byte, told(none)])`)
    expect(seen).toEqual([['read-only', true], 0, ['no-access', true]])
  })

  it('a source of write(), a target of readInto()', async () => {
    const seen = await runForJson(`${bothCopies()}
      const source = torn(${owner})
      const [target] = whole(${worker}, 'read-write')
      const written = outcome(() => target.write(0, source.bytes(page - 10, 20)))
      const [from] = whole(${worker}, 'read')
      const [readOnly] = whole(${owner}, 'read')
      const into = outcome(() => from.readInto(readOnly.bytes(page, 20)))
      print([written === 20 || written === 'truncated', told(source), into === 20 || into === 'read-only', told(readOnly)])`)
    expect(seen).toEqual([true, lost, true, ['read-only', true]])
  })

  it('a needle and its haystack', async () => {
    const seen = await runForJson(`${bothCopies()}
      const needle = torn(${owner})
      const [hay] = whole(${worker}, 'read')
      const place = outcome(() => hay.indexOf(needle.bytes(page - 4, 8)))
      const [word] = whole(${owner}, 'read')
      const short = torn(${worker})
      const other = outcome(() => short.indexOf(word.bytes(page + 100, 8), page - 50))
      print([place === -1 || place === 'truncated', told(needle), other, short.fault?.kind ?? other])`)
    expect(seen).toEqual([true, lost, 'truncated', 'truncated'])
  })

  it('both at once: source and target are lost', async () => {
    const seen = await runForJson(`${bothCopies()}
      const source = torn(${owner})
      const target = torn(${worker}, 'read-write')
      const written = outcome(() => target.write(page - 10, source.bytes(page - 10, 20)))
      print([written])`)
    expect(seen).toEqual(['truncated'])
  })
})

it('each is told of its own faults, and none of the other', async () => {
  const seen = await runForJson(`${bothCopies()}
    const heard = []
    const open = (copy, name) => {
      const file = '${scratch.file('heard')}' + name
      fs.writeFileSync(file, Buffer.alloc(2 * page, 1))
      const mapping = copy.mapFile(file, { onFault: (fault) => heard.push(name + fault.kind) })
      fs.truncateSync(file, 0)
      return mapping
    }
    const mappings = [open(A, 'A '), open(B, 'B ')]
    for (const mapping of mappings) mapping.bytes()[page]
    while (heard.length < 2) await new Promise(setImmediate)
    await new Promise((resolve) => setTimeout(resolve, 20))
    print(heard.sort())`)
  expect(seen).toEqual(['A truncated', 'B truncated'])
})

it('a handle of one is refused by the other', async () => {
  const seen = await runForJson(`${bothCopies()}
    const mapping = A.mapAnonymous(page)
    print([outcome(() => B.Mapping.attach(mapping.share())), outcome(() => A.Mapping.attach(mapping.share()).byteLength) === page])`)
  expect(seen).toEqual(['ERR_INVALID_ARG_VALUE', true])
})

it('a fault that is nobody\u2019s ends the process, as it would without them', async () => {
  const seen = await runForJson(`${bothCopies()}
    const { spawnSync } = await import('node:child_process')
    const script = \`
      const [A, B] = [await import('${places[0]}/dist/index.js'), await import('${places[1]}/dist/index.js')]
      A.mapAnonymous(\${page}); B.mapAnonymous(\${page})
      process.kill(process.pid, 'SIGSEGV')
      await new Promise((resolve) => setTimeout(resolve, 5000))\`
    print(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal)`)
  expect(seen).toBe('SIGSEGV')
})

it('faults in threads of both, at the same time', async () => {
  const seen = await runForJson(`${bothCopies()}
    import { Worker } from 'node:worker_threads'
    // As text, since a thread has nothing of this scope.
    const body = (async () => {
      const { workerData, parentPort } = require('node:worker_threads')
      const fs = require('node:fs')
      const { mapFile, pageSize } = await import(workerData.place)
      let faults = 0
      for (let round = 0; round < 50; round++) {
        const file = workerData.file + round
        fs.writeFileSync(file, Buffer.alloc(4 * pageSize, 1))
        const mapping = mapFile(file)
        fs.truncateSync(file, pageSize)
        for (let at = 0; at < 4 * pageSize; at += pageSize) mapping.bytes()[at]
        faults += mapping.fault.count
        mapping.unmap()
        fs.unlinkSync(file)
      }
      parentPort.postMessage(faults)
    }).toString()
    const places = ['${places[0]}/dist/index.js', '${places[1]}/dist/index.js']
    const counts = await Promise.all([0, 1, 2, 3].map((i) => new Promise((resolve, reject) => {
      const workerData = { place: places[i % 2], file: '${scratch.file('thread')}' + i + '-' }
      const worker = new Worker('(' + body + ')()', { eval: true, execArgv: [], workerData })
      worker.once('message', resolve).once('error', reject)
    })))
    print(counts.every((count) => count >= 50))`)
  expect(seen).toBe(true)
})
