// ENOMEM and EAGAIN say which of their limits was reached. Each in a process of its own, since a limit is
// the process's.

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../support/processes.js'

const root = process.geteuid?.() === 0
const tools = ['prlimit', ...(root ? ['setpriv'] : [])]
const missing = tools.find((tool) => spawnSync(tool, ['--version']).error !== undefined)

/** Without CAP_IPC_LOCK, which knows no limit. */
const unprivileged = root ? ['setpriv', '--bounding-set=-ipc_lock', '--inh-caps=-ipc_lock'] : []

/** What each of `bodies` throws in a process with a limit, given to prlimit(1). */
function messages(limit: string, before: string, bodies: string[]): string[] {
  const script = `
    import { execFileSync } from 'node:child_process'
    import * as M from 'posix-mmap'
    import * as P from 'posix-mmap/posix'
    const { pageSize } = M
    const anonymous = P.MapFlags.PRIVATE | P.MapFlags.ANONYMOUS
    const readWrite = P.Prot.READ | P.Prot.WRITE
    const limitSelf = (limit) => execFileSync('prlimit', ['--pid', String(process.pid), limit])
    ${before}
    const outcome = async (body) => { try { await body(); return 'done' } catch ({ code, message }) { return code + '|' + message } }
    const all = []
    for (const body of [${bodies.map((body) => `() => ${body}`).join()}]) all.push(await outcome(body))
    console.log(JSON.stringify(all))`
  const [command = '', ...args] = [
    ...unprivileged,
    ...['prlimit', limit, process.execPath, '--input-type=module', '-e', script],
  ]
  const { status, signal, stdout, stderr } = spawnSync(command, args, {
    cwd: projectRoot,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`ended with ${signal ?? status}: ${stderr}`)
  return JSON.parse(stdout)
}

describe.skipIf(missing !== undefined)('the limit of locked bytes', () => {
  it('is named with its value and what is locked, by every way to lock', () => {
    const seen = messages(
      '--memlock=65536',
      'const held = M.mapAnonymous(pageSize); held.lockSync()',
      [
        'M.mapAnonymous(1 << 20).lockSync()',
        'M.mapAnonymous(1 << 20).lock()',
        'M.mapAnonymous(1 << 20, { lock: true })',
        'P.mlock(M.mapAnonymous(1 << 20))',
        'P.mmap({ length: 1 << 20, prot: readWrite, flags: anonymous | P.MapFlags.LOCKED })',
      ],
    )
    for (const message of seen) {
      expect(message).toMatch(/^(ENOMEM|EAGAIN)\|/)
      expect(message).toMatch(
        /RLIMIT_MEMLOCK lets this process lock 65536 bytes, of which \d{4,5} are/,
      )
      expect(message).not.toContain('collector')
    }
  })

  it('of 0 is named as well', () => {
    const [message] = messages('--memlock=0', '', ['M.mapAnonymous(pageSize).lockSync()'])
    expect(message).toMatch(/^(EPERM|ENOMEM)\|.*RLIMIT_MEMLOCK lets this process lock 0 bytes/)
  })
})

describe.skipIf(missing !== undefined)('other limits', () => {
  it('RLIMIT_AS is named', () => {
    const limit = `const size = Number(/VmSize:\\s+(\\d+)/.exec((await import('node:fs')).readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
      limitSelf('--as=' + (size + 2 ** 28))`
    const [message] = messages('--memlock=65536', limit, ['M.mapAnonymous(2 ** 30)'])
    expect(message).toMatch(/^ENOMEM\|.*RLIMIT_AS lets this process have \d+ bytes of addresses/)
  })

  it('RLIMIT_DATA is named', () => {
    const limit = `const size = Number(/VmData:\\s+(\\d+)/.exec((await import('node:fs')).readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
      limitSelf('--data=' + (size + 2 ** 28))`
    const [message] = messages('--memlock=65536', limit, ['M.mapAnonymous(2 ** 30)'])
    expect(message).toMatch(/^ENOMEM\|.*RLIMIT_DATA lets this process have \d+ bytes of private/)
  })

  it('memory itself is named where no limit is reached', () => {
    const seen = messages('--memlock=65536', '', [
      'M.mapAnonymous(2 ** 50)',
      'M.SharedMemory.create(2 ** 45)',
    ])
    expect(seen[0]).toMatch(/^ENOMEM\|.*no memory or addresses for it: \d+ bytes are available/)
    expect(seen[1]).toMatch(/^ENOMEM\|.*the machine has \d+ bytes of memory to spare/)
  })
})
