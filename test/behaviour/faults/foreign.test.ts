// Signals that are not about our memory go where they went before.

import { expect, it } from 'vitest'
import { run } from '../../support/processes.js'

const mapFirst = `
  import { mapAnonymous } from 'posix-mmap'
  const mapping = mapAnonymous(10)
  mapping.bytes()[0] = 1`

it.each(['SIGSEGV', 'SIGBUS'])('a %s that was sent still ends the process', async (name) => {
  const finished = await run(`${mapFirst}
    process.kill(process.pid, '${name}')
    setTimeout(() => {}, 5000)`)
  expect(finished).toMatchObject({ signal: name, stderr: '' })
})

it('WebAssembly traps are still exceptions', async ({ skip }) => {
  if (process.env['POSIX_MMAP_TEST_FLAGS']?.includes('jitless')) {
    console.log('not tested: V8 has no WebAssembly with --jitless')
    skip()
  }
  // (module (memory 1) (func (export "load") (param i32) (result i32) local.get 0 i32.load))
  const finished = await run(`${mapFirst}
    const bytes = Buffer.from('AGFzbQEAAAABBgFgAX8BfwMCAQAFAwEAAQcIAQRsb2FkAAAKCQEHACAAKAIACw==', 'base64')
    const { instance } = await WebAssembly.instantiate(bytes)
    try { instance.exports.load(1 << 30) } catch (error) { console.log(error.name) }
    mapping.protect('none')
    mapping.bytes()[0]
    try { instance.exports.load(1 << 30) } catch (error) { console.log(error.name, mapping.fault.kind) }`)
  expect(finished).toMatchObject({
    code: 0,
    signal: null,
    stdout: 'RuntimeError\nRuntimeError no-access\n',
  })
})

it('a stack overflow is still an exception', async () => {
  const finished = await run(`${mapFirst}
    const recurse = () => recurse() + 1
    try { recurse() } catch (error) { console.log(error.name) }`)
  expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'RangeError\n' })
})

it('data that is executed ends the process as before', async () => {
  const finished = await run(`
    import { mmap, Prot, MapFlags, addressOf } from 'posix-mmap/posix'
    const mapping = mmap({ length: 16, prot: Prot.READ | Prot.WRITE | Prot.EXEC,
      flags: MapFlags.PRIVATE | MapFlags.ANONYMOUS })
    console.log(mapping.protection)`)
  expect(finished).toMatchObject({ code: 0, signal: null, stdout: 'read-write\n' })
})
