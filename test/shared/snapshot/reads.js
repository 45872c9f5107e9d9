// Very many reads of a Snapshot beside a writer that publishes without a pause.
//   node test/shared/snapshot/reads.js [reads] [whole|torn]
// prints what happened, as JSON. With 'torn' the writer also writes where readers are: the control.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { SharedMemory, withShared } from '../../../dist/index.js'
import { Snapshot } from '../../../dist/shared.js'

const bytes = 128
const last = bytes / 4 - 1

/** @param {Uint8Array} view */
const wordsOf = (view) => new Int32Array(view.buffer, view.byteOffset, bytes / 4)

/** @param {boolean} tears */
function write(tears) {
  const snapshot = Snapshot.inherited('snapshot')
  const go = SharedMemory.inherited('go').view(Int32Array)
  let number = 0
  const fill = (/** @type {Uint8Array} */ target) => {
    number = (number + 1) | 0
    wordsOf(target).fill(number)
  }
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
  while (Atomics.load(go, 0) === 0) {
    snapshot.publishWith(bytes, fill)
    if (tears) snapshot.read(fill)
  }
  process.exit()
}

/** @param {number} reads @param {boolean} tears */
async function run(reads, tears) {
  const snapshot = Snapshot.create(bytes)
  const go = SharedMemory.create(64)
  snapshot.publish(new Uint8Array(bytes))
  const args = ['write', tears ? 'torn' : 'whole']
  const shared = withShared({ snapshot: snapshot.memory, go })
  const child = fork(fileURLToPath(import.meta.url), args, shared)
  const ended = once(child, 'exit')
  await once(child, 'message')
  let mixed = 0
  let backwards = 0
  let before = 0
  const body = (/** @type {Uint8Array} */ view, /** @type {number} */ version) => {
    const words = wordsOf(view)
    // From the end, towards the writer.
    const first = words[last]
    for (let i = last - 1; i >= 0; i--) {
      if (words[i] !== first) {
        mixed++
        break
      }
    }
    if (version < before) backwards++
    before = version
  }
  const start = performance.now()
  const from = snapshot.version
  for (let i = 0; i < reads; i++) snapshot.read(body)
  const seconds = (performance.now() - start) / 1000
  const published = snapshot.version - from
  go.view(Int32Array)[0] = 1
  const [code, signal] = await ended
  return { reads, mixed, backwards, published, seconds, code, signal }
}

const [how = '1000000', mode] = process.argv.slice(2)
if (how === 'write') write(mode === 'torn')
else console.log(JSON.stringify(await run(Number(how), mode === 'torn')))
