// @ts-check
// The two stores that the service may have. Each gives a Keyv, and a way to exclude the other workers from a
// key; nothing else of the service knows which one it is.

import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import KeyvRedis, { createClient } from '@keyv/redis'
import Keyv from 'keyv'
import { KeyvSharedMap } from 'posix-mmap/keyv'
import { SharedMap } from 'posix-mmap/shared'
import { locks } from 'posix-mmap/sync'

/**
 * @typedef {object} Store
 * @property {Keyv} cache
 * @property {<R>(key: string, body: () => Promise<R>) => Promise<R>} exclusively
 *
 * @typedef {'shared' | 'redis'} Kind
 */

const namespace = 'answers'
/** How long another worker waits for one that was killed, in milliseconds; Redis does not see that it has died. */
const leaseMilliseconds = 1000
const pollMilliseconds = 10

/**
 * The memory comes from the primary, by withShared().
 *
 * @param {string} service a name that no other service of this machine has
 * @returns {Store}
 */
function sharedStore(service) {
  const store = new KeyvSharedMap(SharedMap.inherited('cache'))
  return {
    cache: new Keyv({ store, namespace }),
    // A lock that a worker had who was killed is free at once.
    exclusively: (key, body) => locks.request(`${service} ${key}`, body),
  }
}

/**
 * @param {string} url
 * @returns {Store}
 */
function redisStore(url) {
  const client = createClient({ url })
  const store = new KeyvRedis(client)
  const cache = new Keyv({ store, namespace })
  cache.on('error', (error) => console.error(error))
  return {
    cache,
    async exclusively(key, body) {
      await store.getClient() // has connected then
      const name = `lock:${key}`
      const token = randomUUID()
      const settings = ['NX', 'PX', `${leaseMilliseconds}`]
      while ((await client.sendCommand(['SET', name, token, ...settings])) === null) {
        await delay(pollMilliseconds)
      }
      try {
        return await body()
      } finally {
        // The lease may be over, and the lock another worker's.
        await client.sendCommand(['EVAL', removeIfOwn, '1', name, token])
      }
    },
  }
}

const removeIfOwn =
  "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0"

/**
 * @param {Kind} kind
 * @param {string} where the url of the server, or the name of the service
 */
export function openStore(kind, where) {
  return kind === 'redis' ? redisStore(where) : sharedStore(where)
}
