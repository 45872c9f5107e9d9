// Counters to which several processes add lose no addition.

import { fork } from 'node:child_process'
import { SharedMemory, withShared } from 'posix-mmap'
import { expect, it } from 'vitest'
import { scratchDirectory } from '../support/files.js'
import { outputOf, programsIn } from '../support/programs.js'

const program = programsIn(scratchDirectory())
const processes = 8
const additions = 1_000_000

it.each(['Int32Array', 'BigInt64Array'] as const)(
  'are exact after 8 processes of 1,000,000 Atomics.add to one word of a %s',
  { timeout: 240_000 },
  async (type) => {
    const [one, View] = type === 'Int32Array' ? ['1', Int32Array] : ['1n', BigInt64Array]
    const adder = program(
      `adder-${type}.mjs`,
      `import { SharedMemory } from 'posix-mmap'
       const words = SharedMemory.inherited('words').view(${type})
       for (let i = 0; i < ${additions}; i++) Atomics.add(words, 0, ${one})
       Atomics.add(words, 1, ${one})
       process.disconnect()`,
    )
    using words = SharedMemory.create(2 * View.BYTES_PER_ELEMENT)
    const children = Array.from({ length: processes }, () =>
      fork(adder, [], withShared({ words }, { silent: true })),
    )
    await Promise.all(children.map(outputOf))
    expect(
      Array.from<number | bigint, number>(words.view(View as Int32ArrayConstructor), Number),
    ).toEqual([processes * additions, processes])
  },
)

it('are exact when each process opens them by a name', { timeout: 120_000 }, async () => {
  const adder = program(
    'named-adder.mjs',
    `import { SharedMemory } from 'posix-mmap'
     const counts = SharedMemory.open(process.argv[2]).view(Int32Array)
     for (let i = 0; i < 100_000; i++) {
       // A lock of one word, and a plain sum that this lock protects.
       while (Atomics.compareExchange(counts, 0, 0, 1) !== 0);
       counts[1]++
       Atomics.store(counts, 0, 0)
     }
     process.disconnect()`,
  )
  const name = `posix-mmap-counters-${process.pid}`
  using counts = SharedMemory.create(8, { name })
  try {
    const places = [name, `/${name}`, `/dev/shm/${name}`]
    const children = places.map((place) => fork(adder, [place], { silent: true }))
    await Promise.all(children.map(outputOf))
    expect(Array.from(counts.view(Int32Array))).toEqual([0, 300_000])
  } finally {
    SharedMemory.unlink(name)
  }
})
