// @ts-check
// A worker that gets the table in the way that its argument names, and reads every page of it.

import { pageSize, SharedMemory } from '../../lib/package.js'
import { peer } from '../../lib/unavailable.js'

/** @type {Uint8Array | null} */
let table = null

/** @type {Record<string, (message: any) => Promise<Uint8Array> | Uint8Array>} */
const ways = {
  inherited: () => SharedMemory.inherited('table').bytes(),
  sent: (message) => message.table,
  'shm-typed-array': async ({ key }) => {
    const shm = await peer('shm-typed-array')
    return shm.get(key, 'Buffer')
  },
}

process.on('message', async (/** @type {any} */ message) => {
  if (message.open === true) table = (await ways[process.argv[2] ?? '']?.(message)) ?? null
  let sum = 0
  for (let at = 0; at < (table?.length ?? 0); at += pageSize) sum += table?.[at] ?? 0
  globalThis.gc?.()
  process.send?.(sum)
})
process.once('disconnect', () => process.exit())
