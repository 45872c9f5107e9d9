// Buffers and functions of more than one realm, as Jest and node:vm have them.

import vm from 'node:vm'
import { MessageChannel, moveMessagePortToContext } from 'node:worker_threads'
import { SharedMemory } from 'posix-mmap'
import { expect, it } from 'vitest'
import { mayChange } from '../../dist/internals.js'
import { runForJson } from '../support/processes.js'

it.skipIf(process.versions['bun'] !== undefined)(
  'a SharedArrayBuffer that arrives in another realm is known to change',
  async () => {
    const memory = SharedMemory.create(1 << 16)
    const { port1, port2 } = new MessageChannel()
    const context = vm.createContext({})
    const port = moveMessagePortToContext(port2, context)
    const arrived = new Promise<SharedArrayBuffer>((resolve) => {
      Object.assign(port, { onmessage: ({ data }: { data: SharedArrayBuffer }) => resolve(data) })
      port.start()
    })
    port1.postMessage(new SharedArrayBuffer(1 << 16))
    const buffer = await arrived
    port1.close()
    expect(buffer instanceof SharedArrayBuffer).toBe(false)
    expect(mayChange(new Uint8Array(buffer))).toBe(true)
    expect(mayChange(new Uint8Array(1 << 16))).toBe(false)
    memory.unmap()
  },
)

it('transfer() is known in the realm that the buffers are of, when the package runs in another', async () => {
  const result = await runForJson(
    `
    import vm from 'node:vm'
    import fs from 'node:fs'
    import { createRequire } from 'node:module'
    const base = new URL('dist/', 'file://' + process.cwd() + '/')
    const names = ['process', 'console', 'Buffer', 'TextDecoder', 'TextEncoder', 'setImmediate', 'setTimeout', 'AbortSignal', 'URL',
      'performance', 'structuredClone', 'WebAssembly', 'ReadableStream', 'TransformStream', 'Response', 'Event', 'EventTarget']
    const context = vm.createContext(Object.fromEntries(names.map((name) => [name, globalThis[name]])))
    const modules = new Map()
    const load = async (name, from) => {
      const url = name.startsWith('.') ? new URL(name, from).href : name
      if (modules.has(url)) return modules.get(url)
      let module
      if (url.startsWith('file:')) {
        const initializeImportMeta = (meta) => { meta.url = url }
        module = new vm.SourceTextModule(fs.readFileSync(new URL(url), 'utf8'), { identifier: url, context, initializeImportMeta })
      } else {
        const found = url.startsWith('node:') ? await import(url) : { default: createRequire(base)(url) }
        module = new vm.SyntheticModule(Object.keys(found), function () {
          for (const key of Object.keys(found)) this.setExport(key, found[key])
        }, { identifier: url, context })
      }
      modules.set(url, module)
      return module
    }
    const before = ArrayBuffer.prototype.transfer
    const index = await load('./index.js', base)
    await index.link((name, { identifier }) => load(name, identifier))
    await index.evaluate()
    const { buffer } = index.namespace.mapAnonymous(100)
    console.log(JSON.stringify([buffer instanceof ArrayBuffer, before === undefined || ArrayBuffer.prototype.transfer !== before]))`,
    '--experimental-vm-modules',
    '--no-warnings',
  )
  expect(result).toEqual([true, true])
})
