// A participant of the test of histories: does operations one after the other, and prints when each
// began and ended and what it was about.
//   node test/shared/snapshot/history.js read|write PATH COUNT SEED

import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { SharedMemory } from '../../../dist/index.js'
import { Snapshot } from '../../../dist/shared.js'

const [role, path = '', count, seed] = isMainThread ? process.argv.slice(2) : workerData
const snapshot = Snapshot.attach(SharedMemory.open(path))
/** @type {[began: number, ended: number, version: number, content: number][]} */
const history = []
/** Of CLOCK_MONOTONIC, which all processes share; microseconds. */
const now = () => Number(process.hrtime.bigint()) / 1000

for (let i = 0; i < Number(count); i++) {
  const content = Number(seed) * 1e6 + i
  const began = now()
  if (role === 'write') {
    const bytes = new Uint8Array(Float64Array.of(content, content).buffer)
    const version = snapshot.publish(bytes, { timeout: 30_000 })
    history.push([began, now(), version, content])
  } else {
    const [version, first, second] = snapshot.read((bytes, version) => {
      const numbers = new Float64Array(bytes.slice().buffer)
      return [version, numbers[0] ?? 0, numbers[1] ?? 0]
    }) ?? [0, 0, 0]
    history.push([began, now(), version, first === second ? first : Number.NaN])
  }
  // For others, on a machine with few processors.
  const until = now() + 20
  while (now() < until);
}
if (isMainThread) process.stdout.write(JSON.stringify(history))
else parentPort?.postMessage(history)
