// Under Node's permission model nothing of the package opens, makes or removes what it forbids.

import fs from 'node:fs'
import path from 'node:path'
import { pageSize, SharedMemory } from 'posix-mmap'
import { afterAll, describe, expect, it } from 'vitest'
import { pattern, scratchDirectory } from '../support/files.js'
import { loading, runPermitted, whyNoPermissions } from '../support/permission.js'
import { projectRoot } from '../support/processes.js'

const scratch = scratchDirectory()
const file = scratch.file('file', pattern(2 * pageSize))
const name = `/posix-mmap-permission-${process.pid}`
SharedMemory.create(pageSize, { name })
const segment = `/dev/shm${name}`
const fresh = `${name}-new`

afterAll(() => {
  for (const each of [name, fresh]) fs.rmSync(`/dev/shm${each}`, { force: true })
})

/** What each of `bodies` throws, or what it gives. */
async function outcomes(bodies: string[], ...allowed: string[]): Promise<unknown[]> {
  const script = `
    import * as M from ${JSON.stringify(path.join(projectRoot, 'dist/index.js'))}
    import * as P from ${JSON.stringify(path.join(projectRoot, 'dist/posix.js'))}
    const outcome = (body) => {
      try { body(); return 'done' } catch (error) {
        const { code, permission, resource, message } = error
        return code === 'ERR_ACCESS_DENIED' ? { code, permission, resource } : { code, message }
      }
    }
    console.log(JSON.stringify([${bodies.map((body) => `outcome(() => ${body})`).join()}]))`
  const { code, signal, stdout, stderr } = await runPermitted(script, ...loading, ...allowed)
  if (code !== 0) throw new Error(`ended with ${signal ?? code}: ${stderr}`)
  return JSON.parse(stdout)
}

const denied = (permission: string, resource: string) => ({
  code: 'ERR_ACCESS_DENIED',
  permission,
  resource,
})
const [noRead, noWrite] = ['FileSystemRead', 'FileSystemWrite']

describe.skipIf(whyNoPermissions !== undefined)('the permission model', () => {
  const reading: [string, string][] = [
    [`M.mapFile('${file}')`, file],
    [`M.mapFile(Buffer.from('${file}'))`, file],
    [`M.mapFile(new URL('file://${file}'), { access: 'copy-on-write' })`, file],
    [`M.mapFile('${file}', { keepLocks: true })`, file],
    [`M.SharedMemory.open('${name}', { access: 'read' })`, segment],
    [`M.SharedMemory.open('${name.slice(1)}', { access: 'read' })`, segment],
    [`M.SharedMemory.open('${segment}', { access: 'read' })`, segment],
    [`P.shmOpen('${name}', 0)`, segment],
    [`P.shmOpen('//${name.slice(1)}', 0)`, segment],
  ]
  const writing: [string, string][] = [
    [`M.mapFile('${file}', { access: 'read-write' })`, file],
    [`M.mapFile('${file}', { access: 'read-write', keepLocks: true })`, file],
    [`M.mapFile('${file}-new', { access: 'read-write', create: true, size: 10 })`, `${file}-new`],
    [`M.SharedMemory.open('${name}')`, segment],
    [`M.SharedMemory.create(100, { name: '${fresh}' })`, `/dev/shm${fresh}`],
    [`M.SharedMemory.unlink('${name}')`, segment],
    [`P.shmUnlink('${name}')`, segment],
    [`P.shmUnlink('/${name}')`, segment],
    [`P.shmOpen('${name}', ${fs.constants.O_RDWR})`, segment],
    [`P.shmOpen('${fresh}', ${fs.constants.O_RDWR | fs.constants.O_CREAT})`, `/dev/shm${fresh}`],
  ]

  it('refuses to read what may not be read', async () => {
    const expected = reading.map(([, place]) => denied(noRead, place))
    expect(await outcomes(reading.map(([body]) => body))).toEqual(expected)
  })

  it('refuses to write, make and remove what may only be read, and nothing has changed', async () => {
    const expected = writing.map(([, place]) => denied(noWrite, place))
    const seen = await outcomes(
      writing.map(([body]) => body),
      `--allow-fs-read=${scratch.directory}/*`,
      '--allow-fs-read=/dev/shm/*',
    )
    expect(seen).toEqual(expected)
    expect(fs.existsSync(segment)).toBe(true)
    expect([`${file}-new`, `/dev/shm${fresh}`].filter((each) => fs.existsSync(each))).toEqual([])
  })

  it('allows what it was told to allow, and memory that has no name', async () => {
    const allowed = [
      `--allow-fs-read=${scratch.directory}/*`,
      `--allow-fs-write=${scratch.directory}/*`,
      '--allow-fs-read=/dev/shm/*',
      '--allow-fs-write=/dev/shm/*',
    ]
    const bodies = [
      `M.mapFile('${file}', { access: 'read-write' }).resize(${3 * pageSize})`,
      `M.mapFile('${file}', { keepLocks: true }).unmap()`,
      `M.SharedMemory.open('${name}').unmap()`,
      `M.SharedMemory.create(100, { name: '${fresh}' }).unmap()`,
      `M.SharedMemory.unlink('${fresh}')`,
      `M.SharedMemory.create(100).sealWrites()`,
      `M.mapAnonymous(100).lockSync()`,
      `M.limits()`,
    ]
    expect(await outcomes(bodies, ...allowed)).toEqual(bodies.map(() => 'done'))
    expect(await outcomes([`M.SharedMemory.create(100).sealWrites()`, `M.limits()`])).toEqual([
      'done',
      'done',
    ])
  })
})

describe.skipIf(whyNoPermissions !== undefined)('loading', () => {
  const script = `
    try {
      await import(${JSON.stringify(path.join(projectRoot, 'dist/index.js'))})
      console.log('{"code":"loaded"}')
    }
    catch ({ code, message, permission }) { console.log(JSON.stringify({ code, message, permission })) }`

  it('without --allow-addons says so', async () => {
    const { stdout } = await runPermitted(script, `--allow-fs-read=${projectRoot}/*`)
    expect(JSON.parse(stdout)).toMatchObject({
      code: 'ERR_DLOPEN_DISABLED',
      message: expect.stringContaining('--allow-addons'),
    })
  })

  it('without leave to read the binaries says so, or loads them as Node allows', async () => {
    const readable = ['dist/*', 'node_modules/*', 'package.json'].map(
      (part) => `--allow-fs-read=${path.join(projectRoot, part)}`,
    )
    const { stdout } = await runPermitted(script, '--allow-addons', ...readable)
    const { code, permission } = JSON.parse(stdout)
    // Node 20 does not ask for what require() loads.
    if (code !== 'loaded') expect([code, permission]).toEqual(['ERR_ACCESS_DENIED', noRead])
  })
})
