// Pages that a file has and its file system cannot give: they are not "truncated", and the error
// says why.

import { pageSize } from 'posix-mmap'
import { describe, expect, it } from 'vitest'
import {
  printed,
  runOnFuse,
  runOnTmpfs,
  whyNoFuse,
  whyNoTmpfs,
} from '../../support/failing-files.js'
import { scratchDirectory } from '../../support/files.js'

const scratch = scratchDirectory()
const noFuse = await whyNoFuse()
const noTmpfs = await whyNoTmpfs('size=1m')
const quota = 'usrquota,usrquota_block_hardlimit=256k'
const noQuota = await whyNoTmpfs(quota)
const first = 4 * pageSize

/** A fault as it is thrown for the first page that fails. */
const inputError = {
  kind: 'unreadable',
  offset: first,
  count: 1,
  code: 'EIO',
  message: expect.stringContaining(
    `the file system could not provide the page (EIO) at offset ${first} of the mapping of '`,
  ),
}

// Each reads a page that is there, and then one that is not.
const operations: Record<string, string> = {
  read: 'mapping.read(first - 10, 20)',
  readInto: 'mapping.readInto(Buffer.alloc(20), first - 10)',
  text: 'mapping.text(first - 10, 20)',
  indexOf: 'mapping.indexOf(0)',
  lines: '[...mapping.lines()]',
  createReadStream: '{ for await (const _ of mapping.createReadStream({ highWaterMark: 1000 })); }',
  populate: 'await mapping.populate()',
  populateSync: 'mapping.populateSync()',
  lock: 'await mapping.lock()',
  lockSync: 'mapping.lockSync()',
  'mapFile with populate': 'mapFile(file, { populate: true })',
  'mapFile with lock': 'mapFile(file, { lock: true })',
}

/** The faults of all operations, each on a mapping of its own. */
const eachOperation = `
  const first = 4 * pageSize
  const faults = {}
  ${Object.entries(operations)
    .map(
      ([name, body]) => `{
    const mapping = mapFile(file)
    faults[${JSON.stringify(name)}] = await faultOf(async () => ${body.startsWith('{') ? body : `{ ${body} }`})
    mapping.unmap()
  }`,
    )
    .join('\n')}
  print(faults)`

describe('a page that its device or server fails to give', () => {
  it('is unreadable with the error of a read, however it was asked for', async ({ skip }) => {
    if (noFuse !== null) skip(noFuse)
    const faults = printed(await runOnFuse(scratch, '5', eachOperation))
    expect(faults).toEqual(
      Object.fromEntries(Object.keys(operations).map((name) => [name, inputError])),
    )
  })

  it.for([
    ['116', 'ESTALE'],
    ['110', 'ETIMEDOUT'],
  ] as const)('has the code of that error: %s, %s', async ([number, code], { skip }) => {
    if (noFuse !== null) skip(noFuse)
    const script = `
      const mapping = mapFile(file)
      print(await faultOf(() => mapping.read(4 * pageSize, 1)))`
    expect(printed(await runOnFuse(scratch, number, script))).toMatchObject({
      kind: 'unreadable',
      code,
    })
  })

  it('is ENOTCONN of a server that has gone', async ({ skip }) => {
    if (noFuse !== null) skip(noFuse)
    const script = `
      const mapping = mapFile(file)
      mapping.bytes()[4 * pageSize]
      print(mapping.fault)`
    expect(printed(await runOnFuse(scratch, 'gone', script))).toEqual({
      kind: 'unreadable',
      offset: first,
      count: 1,
      code: 'ENOTCONN',
    })
  })

  it('is told so everywhere: fault, check(), the listener, the channel, after unmap()', async ({
    skip,
  }) => {
    if (noFuse !== null) skip(noFuse)
    const script = `
      const heard = []
      channel('posix-mmap:fault').subscribe(({ fault, path }) => heard.push({ fault, path }))
      const mapping = mapFile(file, { onFault: (fault) => heard.push({ fault }) })
      const seen = [mapping.bytes()[3 * pageSize], mapping.bytes()[4 * pageSize + 7]]
      const { fault } = mapping
      const checked = await faultOf(() => mapping.check())
      while (heard.length < 2) await delay(5)
      mapping.unmap()
      print({ seen, fault, checked: checked.code, heard, late: mapping.fault, file })`
    const told = printed(await runOnFuse(scratch, '5', script)) as { file: string }
    const fault = { kind: 'unreadable', offset: first + 7, count: 1, code: 'EIO' }
    expect(told).toEqual({
      seen: [4, 0],
      fault,
      checked: 'EIO',
      heard: [{ fault, path: told.file }, { fault }],
      late: fault,
      file: told.file,
    })
  })
})

describe('a file system that is full', () => {
  const sparse = `
    fs.writeFileSync(file, '')
    fs.truncateSync(file, 4 << 20)
    const mapping = mapFile(file, { access: 'read-write' })`

  it('is unreadable with ENOSPC, and flush says so', async ({ skip }) => {
    if (noTmpfs !== null) skip(noTmpfs)
    const script = `${sparse}
      mapping.bytes().fill(1)
      const flushed = [await faultOf(() => mapping.flushSync()), await faultOf(() => mapping.flush())]
      const kept = fs.readFileSync(file).filter((byte) => byte === 1).length
      print({ fault: mapping.fault, flushed, kept })`
    const { fault, flushed, kept } = printed(await runOnTmpfs(scratch, 'size=1m', script)) as {
      fault: unknown
      flushed: unknown[]
      kept: number
    }
    const full = { kind: 'unreadable', code: 'ENOSPC', offset: kept }
    expect(fault).toMatchObject(full)
    for (const each of flushed) expect(each).toMatchObject({ ...full, count: 1 })
    expect(kept).toBeLessThanOrEqual(1 << 20)
    expect(kept).toBeGreaterThan(0)
  })

  it('is so for write() and populate(), which store', async ({ skip }) => {
    if (noTmpfs !== null) skip(noTmpfs)
    const script = `${sparse}
      const faults = [
        await faultOf(() => mapping.populateSync({ write: true })),
        await faultOf(() => mapping.populate({ write: true })),
        await faultOf(() => mapping.write(2 << 20, Buffer.alloc(pageSize, 1))),
      ]
      print(faults)`
    const faults = printed(await runOnTmpfs(scratch, 'size=1m', script)) as unknown[]
    expect(faults).toHaveLength(3)
    for (const fault of faults) {
      expect(fault).toMatchObject({ kind: 'unreadable', code: 'ENOSPC' })
    }
  })

  it('has nothing to do with a file that was cut', async ({ skip }) => {
    if (noTmpfs !== null) skip(noTmpfs)
    const script = `${sparse}
      mapping.write(0, Buffer.alloc(2 * pageSize, 1))
      const full = codeOf(() => fs.writeFileSync(file + '2', Buffer.alloc(4 << 20)))
      fs.truncateSync(file, pageSize + 10)
      const faults = [
        await faultOf(() => mapping.read(0, 2 * pageSize)),
        await faultOf(() => mapping.read(3 * pageSize, 1)),
      ]
      print({ full, faults })`
    expect(printed(await runOnTmpfs(scratch, 'size=1m', script))).toMatchObject({
      full: 'ENOSPC',
      faults: [
        { kind: 'truncated', offset: pageSize + 10 },
        { kind: 'truncated', offset: 3 * pageSize },
      ],
    })
  })
})

describe('an owner whose quota is used up', () => {
  it('is unreadable with EDQUOT', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root, to mount a file system with quotas')
    if (noQuota !== null) skip(noQuota)
    const script = `
      fs.writeFileSync(file, '')
      fs.truncateSync(file, 1 << 20)
      fs.chownSync(file, 4242, 4242)
      const mapping = mapFile(file, { access: 'read-write' })
      mapping.bytes().fill(1)
      print(mapping.fault)`
    expect(printed(await runOnTmpfs(scratch, `size=8m,${quota}`, script))).toMatchObject({
      kind: 'unreadable',
      code: 'EDQUOT',
    })
  })
})
