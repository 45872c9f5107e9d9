// WebAssembly from a response, in a process that has mapped memory.

import fs from 'node:fs'
import { mapFile } from 'posix-mmap'
import { expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'

/** TypeScript declares it for browsers alone. */
interface Wasm {
  compileStreaming(source: unknown): Promise<object>
  instantiateStreaming(
    source: unknown,
    imports: object,
  ): Promise<{ module: object; instance: object }>
  Module: new (...args: never[]) => object
  Instance: new (...args: never[]) => object
}
const { WebAssembly } = globalThis as unknown as { WebAssembly: Wasm }

const scratch = scratchDirectory()
// A module with nothing in it.
const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
const mapping = mapFile(scratch.file('empty.wasm', Buffer.from(empty)))

const typed = { headers: { 'content-type': 'application/wasm' } }
const ofChunks = (...chunks: Uint8Array[]) => new Response(ReadableStream.from(chunks), typed)

it.each<[string, () => Response | Promise<Response>]>([
  ['a view of a mapping', () => ofChunks(mapping.bytes())],
  ['several of them', () => ofChunks(mapping.bytes(0, 3), mapping.bytes(3))],
  ['a promise', async () => ofChunks(mapping.bytes())],
  ['bytes of the program', () => new Response(empty, typed)],
])('compiles and instantiates %s', async (_name, source) => {
  expect(await WebAssembly.compileStreaming(source())).toBeInstanceOf(WebAssembly.Module)
  const { module, instance } = await WebAssembly.instantiateStreaming(source(), {})
  expect(module).toBeInstanceOf(WebAssembly.Module)
  expect(instance).toBeInstanceOf(WebAssembly.Instance)
})

it.each<[string, () => unknown]>([
  ['no response', () => 5],
  ['another type', () => new Response(empty)],
  ['an answer that is an error', () => new Response(empty, { status: 404, ...typed })],
  ['a promise that is rejected', () => Promise.reject(new TypeError('none'))],
])('refuses %s as Node does', async (_name, source) => {
  await expect(WebAssembly.compileStreaming(source() as Response)).rejects.toThrow(TypeError)
})

it('refuses a body that was read', async () => {
  const response = ofChunks(mapping.bytes())
  await response.arrayBuffer()
  await expect(WebAssembly.compileStreaming(response)).rejects.toThrow(TypeError)
  expect(fs.statSync(mapping.path ?? '').size).toBe(empty.length)
})
