// getOrSet(): one filler for each key, whoever asks and whoever dies.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { SharedMemory, withShared } from 'posix-mmap'
import { SharedMap } from 'posix-mmap/shared'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { fillsOffset } from '../../../dist/internals.js'
import { scratchDirectory } from '../../support/files.js'
import { programsIn } from '../../support/programs.js'

const program = programsIn(scratchDirectory())
const map = SharedMap.create<unknown>(1 << 20)
const log = SharedMemory.create(4096)
const words = log.view(Int32Array)
const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  map[Symbol.dispose]()
})
afterEach(() => {
  map.clear()
  words.fill(0)
})

/** Runs a body in a process that has the map, `words`, `say`, and `heard` for a message. */
function start(body: string): { child: ChildProcess; said: (text: string) => Promise<void> } {
  const file = program(
    `child-${children.size}.mjs`,
    `import { once } from 'node:events'
     import { setTimeout as delay } from 'node:timers/promises'
     import { SharedMemory } from 'posix-mmap'
     import { SharedMap } from 'posix-mmap/shared'
     const map = SharedMap.inherited('map')
     const words = SharedMemory.inherited('log').view(Int32Array)
     const say = (text) => process.send(text)
     const heard = () => once(process, 'message')
     process.on('disconnect', () => process.exit())
     ${body}`,
  )
  const child = fork(file, [], withShared({ map: map.memory, log }))
  children.add(child)
  const heard: string[] = []
  child.on('message', (text) => heard.push(String(text)))
  const said = async (text: string) => {
    while (!heard.includes(text)) await once(child, 'message')
  }
  return { child, said }
}

describe('in one process', () => {
  it('fills once for many that ask', async () => {
    let fills = 0
    const fill = async (key: unknown) => {
      fills++
      await delay(30)
      return `value of ${key}`
    }
    const asked = Array.from({ length: 300 }, () => map.getOrSet('a', fill))
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['value of a']))
    expect(fills).toBe(1)
    expect(await map.getOrSet('a', fill)).toBe('value of a')
    expect(fills).toBe(1)
  })

  it('rejects only the one whose fill throws', async () => {
    const order: string[] = []
    const failing = map.getOrSet('a', async () => {
      order.push('first')
      await delay(20)
      throw new Error('first')
    })
    const next = map.getOrSet('a', async () => {
      order.push('second')
      return 2
    })
    const last = map.getOrSet('a', async () => {
      order.push('third')
      return 3
    })
    await expect(failing).rejects.toThrow('first')
    expect(await next).toBe(await last)
    expect(order.length).toBe(2)
    const sync = () => {
      throw new Error('at once')
    }
    await expect(map.getOrSet('b', sync)).rejects.toThrow('at once')
    expect(await map.getOrSet('b', () => 4)).toBe(4)
  })

  it('keeps what cannot be stored from blocking others', async () => {
    await expect(map.getOrSet('a', () => () => {})).rejects.toThrow(/could not be cloned/)
    expect(await map.getOrSet('a', () => 1)).toBe(1)
  })

  it('stops waiting by a signal, and others go on', async () => {
    let end: (value: number) => void = () => {}
    const first = map.getOrSet('a', () => new Promise<number>((resolve) => (end = resolve)))
    const controller = new AbortController()
    const impatient = map.getOrSet('a', () => 2, { signal: controller.signal })
    const patient = map.getOrSet('a', () => 3)
    await delay(10)
    controller.abort(new Error('enough'))
    await expect(impatient).rejects.toThrow('enough')
    end(1)
    expect(await first).toBe(1)
    expect(await patient).toBe(1)
  })

  it('fills one key while it fills another', async () => {
    const value = await map.getOrSet('outer', async () => {
      return `${await map.getOrSet('inner', () => 'x')}y`
    })
    expect(value).toBe('xy')
  })

  it('stores undefined, and with a time', async () => {
    let fills = 0
    const fill = () => {
      fills++
      return undefined
    }
    expect(await map.getOrSet('u', fill)).toBeUndefined()
    expect(await map.getOrSet('u', fill)).toBeUndefined()
    expect(fills).toBe(1)
    await map.getOrSet('t', fill, { ttl: 10 })
    await delay(30)
    await map.getOrSet('t', fill, { ttl: 10 })
    expect(fills).toBe(3)
  })

  it('fills more keys at once than there are places', async () => {
    let most = 0
    let now = 0
    const fill = async (key: unknown) => {
      most = Math.max(most, ++now)
      await delay(5)
      now--
      return key
    }
    const keys = Array.from({ length: 600 }, (_, i) => `key ${i}`)
    expect(await Promise.all(keys.map((key) => map.getOrSet(key, fill)))).toEqual(keys)
    expect(most).toBeLessThanOrEqual(255)
    expect(most).toBeGreaterThan(1)
  })

  it('refuses a table of fills that is something else', async () => {
    using other = SharedMap.create(1 << 16)
    other.memory.view(Int32Array)[fillsOffset / 4] = 77
    await expect(other.getOrSet('a', () => 1)).rejects.toMatchObject({ code: 'ERR_SHARED_LAYOUT' })
    other.set('a', 2)
    expect(other.get('a')).toBe(2)
  })
})

describe('among processes', () => {
  const asking = `
    say('ready')
    await heard()
    for (let i = 0; i < 40; i++) {
      const value = await map.getOrSet('key ' + i, async (key) => {
        Atomics.add(words, i, 1)
        await delay(5)
        return 'value of ' + key
      })
      if (value !== 'value of key ' + i) say('wrong')
    }
    say('done')`

  it('each key is filled once', async () => {
    const all = [start(asking), start(asking), start(asking), start(asking)]
    await Promise.all(all.map(({ said }) => said('ready')))
    for (const { child } of all) child.send('go')
    await Promise.all(all.map(({ said }) => said('done')))
    for (const { child } of all) child.disconnect()
    expect([...words.subarray(0, 40)]).toEqual(Array(40).fill(1))
  })

  it('a filler that dies is replaced by one of those who wait', async () => {
    const filling = (id: number) => `
      const value = await map.getOrSet('a', async () => {
        Atomics.add(words, 0, 1)
        say('filling')
        await heard()
        return ${id}
      })
      say('got ' + value)`
    const first = start(filling(1))
    await first.said('filling')
    const others = [start(filling(2)), start(filling(3))]
    const here = map.getOrSet('a', () => {
      Atomics.add(words, 0, 1)
      return 4
    })
    await delay(100)
    expect(words[0]).toBe(1)
    first.child.kill('SIGKILL')
    // Whoever it is.
    await Promise.race([here, ...others.map(({ said }) => said('filling'))])
    expect(words[0]).toBe(2)
    for (const { child } of others) child.send('go')
    const value = await here
    await Promise.all(others.map(({ said }) => said(`got ${value}`)))
    expect(words[0]).toBe(2)
    for (const { child } of others) child.disconnect()
  })

  it('a filler that was stopped is waited for', async () => {
    const first = start(`
      await map.getOrSet('a', async () => {
        say('filling')
        await heard()
        return 1
      })`)
    await first.said('filling')
    first.child.kill('SIGSTOP')
    let filled = false
    const waiting = map.getOrSet('a', () => {
      filled = true
      return 2
    })
    await delay(200)
    expect(filled).toBe(false)
    first.child.kill('SIGCONT')
    first.child.send('go')
    expect(await waiting).toBe(1)
    first.child.disconnect()
  })
})
