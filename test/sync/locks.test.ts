// Locks by name, between processes that have nothing but the name in common.

import fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { locks, type NamedLock } from 'posix-mmap/sync'
import { describe, expect, it } from 'vitest'
import { invalidType, invalidValue, untyped } from '../support/errors.js'
import { startProcess, startThread, testMemory } from './support.js'

let counter = 0
const fresh = () => `posix-mmap-test-${process.pid}-${counter++}`
const quoted = JSON.stringify
const { memory } = testMemory()

const domException = (name: string) => expect.objectContaining({ name, constructor: DOMException })

/** A promise and what settles it. */
function gate(): { open: () => void; opened: Promise<void> } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** What is known of a name. */
async function about(name: string) {
  const { held, pending } = await locks.query()
  return {
    held: held.filter((info) => info.name === name),
    pending: pending.filter((info) => info.name === name),
  }
}

describe('request', () => {
  it('runs a function with the lock and gives what it returns', async () => {
    const name = fresh()
    const lock = { name, mode: 'exclusive' }
    expect(await locks.request(name, (given) => ({ ...given, more: 1 }))).toEqual({
      ...lock,
      more: 1,
    })
    expect(await locks.request(name, { mode: 'shared' }, async ({ mode }) => delay(1, mode))).toBe(
      'shared',
    )
    await expect(locks.request(name, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(locks.request(name, () => JSON.parse('no'))).rejects.toThrow(SyntaxError)
    expect(await about(name)).toEqual({ held: [], pending: [] })
  })

  it('grants in the order of the requests: many shared ones at once, an exclusive one alone', async () => {
    const name = fresh()
    const log: string[] = []
    const body = (label: string) => async () => {
      log.push(`${label} begins`)
      await delay(20)
      log.push(`${label} ends`)
    }
    await Promise.all([
      locks.request(name, { mode: 'shared' }, body('a')),
      locks.request(name, { mode: 'shared' }, body('b')),
      locks.request(name, body('c')),
      locks.request(name, { mode: 'shared' }, body('d')),
      locks.request(name, body('e')),
    ])
    expect(log).toEqual([
      'a begins',
      'b begins',
      'a ends',
      'b ends',
      ...['c', 'd', 'e'].flatMap((one) => [`${one} begins`, `${one} ends`]),
    ])
  })

  it('query() says who has what and who waits', async () => {
    const name = fresh()
    const { open, opened } = gate()
    const info = { name, mode: 'shared', pid: process.pid }
    const all = [
      locks.request(name, { mode: 'shared' }, () => opened),
      locks.request(name, () => {}),
      locks.request(name, { mode: 'shared' }, () => {}),
    ]
    await expect
      .poll(() => about(name))
      .toEqual({
        held: [info],
        pending: [{ ...info, mode: 'exclusive' }, info],
      })
    open()
    await Promise.all(all)
  })

  it('ifAvailable calls with null instead of waiting', async () => {
    const name = fresh()
    const ask = (mode: 'exclusive' | 'shared') =>
      locks.request(
        name,
        { mode, ifAvailable: true },
        (lock: NamedLock | null) => lock?.mode ?? null,
      )
    expect(await ask('exclusive')).toBe('exclusive')
    await locks.request(name, { mode: 'shared' }, async () => {
      expect([await ask('shared'), await ask('exclusive')]).toEqual(['shared', null])
    })
    expect(await locks.request(name, () => ask('shared'))).toBeNull()
  })

  it('waiting ends by a signal and by time, and leaves nothing', async () => {
    const name = fresh()
    await locks.request(name, async () => {
      const never = () => {
        throw new Error('never')
      }
      await expect(locks.request(name, { timeout: 30 }, never)).rejects.toThrow(
        domException('TimeoutError'),
      )
      const controller = new AbortController()
      const waiting = locks.request(name, { signal: controller.signal }, never)
      await delay(20)
      const before = performance.now()
      controller.abort('enough')
      await expect(waiting).rejects.toBe('enough')
      expect(performance.now() - before).toBeLessThan(200)
      await expect(
        locks.request(name, { signal: AbortSignal.abort('before') }, never),
      ).rejects.toBe('before')
      expect((await about(name)).pending).toEqual([])
    })
  })

  it('steal takes it from whoever holds it', async () => {
    const name = fresh()
    const { open, opened } = gate()
    const victim = locks.request(name, () => opened)
    await expect.poll(async () => (await about(name)).held.length).toBe(1)
    const waiting = locks.request(name, () => 'after')
    const stolen = expect(victim).rejects.toThrow(domException('AbortError'))
    expect(await locks.request(name, { steal: true }, () => 'mine')).toBe('mine')
    await stolen
    expect(await waiting).toBe('after')
    open()
    await expect.poll(() => about(name)).toEqual({ held: [], pending: [] })
  })

  it('refuses what cannot be', async () => {
    const never = () => {}
    await expect(locks.request(untyped(1), never)).rejects.toThrow(invalidType)
    await expect(locks.request('x', untyped(undefined))).rejects.toThrow(invalidType)
    await expect(locks.request('x', untyped({ mode: 'both' }), never)).rejects.toThrow(invalidValue)
    await expect(locks.request('x', untyped({ timeout: '1' }), never)).rejects.toThrow(invalidType)
    for (const options of [
      { steal: true, ifAvailable: true },
      { steal: true, mode: 'shared' },
      { steal: true, timeout: 5 },
      { ifAvailable: true, signal: new AbortController().signal },
    ]) {
      const asked = locks.request('x', untyped(options), never)
      await expect(asked).rejects.toThrow(domException('NotSupportedError'))
    }
  })

  it('names are any text, of any length, and different ones exclude nobody', async () => {
    const long = `${fresh()} ${'ä'.repeat(500)}`
    const names = ['', '-x', '\0', '💡', long, `${long}b`, `${long}c`]
    const ask = (index: number): Promise<number> =>
      index === names.length
        ? Promise.resolve(index)
        : locks.request(names[index] ?? '', () => ask(index + 1))
    expect(await ask(0)).toBe(names.length)
    const { held } = await locks.request(long, () => locks.query())
    expect(held.map((info) => info.name)).toContainEqual(expect.stringMatching(/ä…$/))
  })
})

describe('strangers', () => {
  it('exclude each other, processes as threads', { timeout: 120_000 }, async () => {
    const name = fresh()
    const file = `/dev/shm/${name}-count`
    fs.writeFileSync(file, '0')
    const body = `
      const fs = await import('node:fs')
      for (let i = 0; i < 50; i++) {
        await locks.request(${quoted(name)}, async () => {
          const count = Number(fs.readFileSync(${quoted(file)}, 'utf8'))
          await delay(1)
          fs.writeFileSync(${quoted(file)}, String(count + 1))
        })
      }
      say('done')`
    try {
      const all = [
        startProcess(body),
        startProcess(body),
        startProcess(body),
        startThread(body, memory),
      ]
      await Promise.all(all.map(({ said }) => said('done')))
      expect(fs.readFileSync(file, 'utf8')).toBe('200')
    } finally {
      fs.rmSync(file)
    }
  })

  it('a process that is killed has no lock any more, and waits for none', async () => {
    const name = fresh()
    const holding = (mode: string) =>
      startProcess(`locks.request(${quoted(name)}, { mode: '${mode}' }, () => { say('held'); return new Promise(() => {}) })
        process.stdin.resume()`)
    const holder = holding('exclusive')
    await holder.said('held')
    const waiter = holding('shared')
    await expect.poll(async () => (await about(name)).pending.length, { timeout: 20_000 }).toBe(1)
    const mine = locks.request(name, () => performance.now())
    waiter.child.kill('SIGKILL')
    await waiter.end
    const before = performance.now()
    holder.child.kill('SIGKILL')
    expect((await mine) - before).toBeLessThan(2000)
    expect(await about(name)).toEqual({ held: [], pending: [] })
  })

  it('a thread that is terminated has none either', async () => {
    const name = fresh()
    const { worker, said } = startThread(
      `await locks.request(${quoted(name)}, () => { say('held'); return new Promise(() => setInterval(() => {}, 1000)) })`,
      memory,
    )
    await said('held')
    expect(
      await locks.request(name, { ifAvailable: true }, (lock: NamedLock | null) => lock),
    ).toBeNull()
    await worker.terminate()
    expect(await locks.request(name, () => 'mine')).toBe('mine')
  })

  it('killed in the middle of anything, they block nobody', { timeout: 120_000 }, async () => {
    const name = fresh()
    const body = `
      say('there')
      for (let i = 0; ; i++) {
        await Promise.all([
          locks.request(${quoted(name)} + i % 3, () => {}),
          locks.request(${quoted(name)} + i % 3, { mode: 'shared' }, () => {}),
          locks.request(${quoted(name)}, { steal: i % 7 === 0 }, () => {}).catch(() => {}),
        ])
      }`
    for (let i = 0; i < 6; i++) {
      const processes = [startProcess(body), startProcess(body), startProcess(body)]
      await Promise.all(processes.map(({ said }) => said('there')))
      await delay(50 + 20 * i)
      for (const { child } of processes) child.kill('SIGKILL')
      await Promise.all(processes.map(({ end }) => end))
      for (const suffix of ['', '0', '1', '2']) {
        expect(await locks.request(name + suffix, { timeout: 20_000 }, () => 'mine')).toBe('mine')
      }
      const { held, pending } = await locks.query()
      const left = [...held, ...pending].filter((info) => info.name.startsWith(name))
      expect(left).toEqual([])
    }
  })

  it('a process that has nothing to wait for ends', async () => {
    const process = startProcess(`await locks.request(${quoted(fresh())}, () => 1); say('done')`)
    expect(await process.end).toBe(0)
  })

  it('10,000 names are held at once, and given back by kill -9', { timeout: 240_000 }, async () => {
    const name = fresh()
    const count = 10_000
    const holder = startProcess(`
      let held = 0
      for (let i = 0; i < ${count}; i++) {
        locks.request(${quoted(name)} + i, () => {
          if (++held === ${count}) say('held')
          return new Promise(() => {})
        })
      }
      process.stdin.resume()`)
    await holder.said('held')
    const mine = async () =>
      (await locks.query()).held.filter((info) => info.name.startsWith(name)).length
    expect(await mine()).toBe(count)
    expect(
      await locks.request(`${name}77`, { ifAvailable: true }, (lock: NamedLock | null) => lock),
    ).toBeNull()
    holder.child.kill('SIGKILL')
    await holder.end
    expect(await mine()).toBe(0)
    expect(await locks.request(`${name}77`, () => 'mine')).toBe('mine')
    // The dead are taken out when room is needed.
    await Promise.all(
      Array.from({ length: count }, (_, i) => locks.request(`${name} ${i}`, () => {})),
    )
  })
})
