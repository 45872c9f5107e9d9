// The store for Keyv: Keyv's own suite for stores, and what that leaves out.

import { keyvApiTests, keyvNamespaceTest, keyvValueTests } from '@keyv/test-suite'
import Keyv from 'keyv'
import { KeyvSharedMap } from 'posix-mmap/keyv'
import { SharedMap } from 'posix-mmap/shared'
import * as vitest from 'vitest'
import { afterAll, expect, it } from 'vitest'

const map = SharedMap.create(1 << 22)
afterAll(() => map[Symbol.dispose]())
const store = () => new KeyvSharedMap(map)

// Its tests of iterators are for the stores that Keyv knows by name: to others it gives no iterator.
keyvApiTests(vitest, Keyv, store)
keyvNamespaceTest(vitest, Keyv, store)
keyvValueTests(vitest, Keyv, store)

it('gives the entries of a namespace', async () => {
  const keyv = new Keyv({ store: store(), namespace: 'listed' })
  await keyv.set('a', 1)
  await keyv.set('b', 2)
  const keys: string[] = []
  for await (const [key] of store().iterator('listed')) keys.push(key)
  expect(keys.sort()).toEqual(['listed:a', 'listed:b'])
})

it('keeps what Keyv does not serialize as it is', async () => {
  const keyv = new Keyv({ store: store(), serialize: undefined, deserialize: undefined } as object)
  const value = { a: [1, 2], when: new Date(0), big: 2n ** 70n }
  await keyv.set('plain', value)
  expect(await keyv.get('plain')).toEqual(value)
})

it('two of them are one cache, and clear() is of one namespace', async () => {
  const [one, other] = [1, 2].map(() => new Keyv({ store: store(), namespace: 'one' }))
  const another = new Keyv({ store: store(), namespace: 'another' })
  await one?.set('key', 1)
  await another.set('key', 2)
  expect(await other?.get('key')).toBe(1)
  await other?.clear()
  expect([await one?.get('key'), await another.get('key')]).toEqual([undefined, 2])
})

it('entries end with their time', async () => {
  const keyv = new Keyv({ store: store(), ttl: 20 })
  await keyv.set('short', 1)
  await expect.poll(() => keyv.get('short')).toBeUndefined()
  await store().set('own', 'x', 1)
  await expect.poll(() => map.get('own')).toBeUndefined()
})

it('is over a SharedMap, and takes times that are ones', async () => {
  expect(() => new KeyvSharedMap(new Map() as never)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
  )
  await expect(store().set('key', 1, -1)).rejects.toThrow(
    expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }),
  )
})
