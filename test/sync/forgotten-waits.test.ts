// Waits whose object nobody refers to any more go on, and in the memory that they began in.

import { expect, it } from 'vitest'
import { projectRoot, runCommand } from '../support/processes.js'

it('a wait keeps what it waits with', { timeout: 240_000 }, async () => {
  const script = `${projectRoot}/test/sync/forgotten-waits.js`
  const { code, signal, stdout, stderr } = await runCommand(process.execPath, '--expose-gc', script)
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  const { given, changed } = JSON.parse(stdout)
  expect(changed).toEqual([])
  expect(given).toEqual({
    'Mutex.lock': true,
    'Mutex.withLock': 'body',
    'RwLock.lockShared': true,
    'RwLock.lockExclusive': true,
    'Semaphore.wait': true,
    'Barrier.arriveAndWait': true,
    'Condition.wait': true,
    'Condition.wait with a mutex in other memory': true,
    'MessageRing.receive': 'sent',
    'the iterator of a MessageRing': 'sent',
    'Subscription.receive': 'published',
    'the iterator of a Subscription': 'published',
    'SharedMap.getOrSet': 'filled',
    'Snapshot.changes': 1,
  })
})
