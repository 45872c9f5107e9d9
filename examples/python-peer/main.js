// @ts-check
// Node and Python exchange messages in one named segment. Ends by itself; the last line says pass or fail,
// or skip where there is no python3.
//
//   node examples/python-peer/main.js

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { endianness } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { SharedMemory } from 'posix-mmap'
import { byteLengthFor, createMailboxes } from './mailbox.js'

const rounds = 50
const samplesPerRound = 2000
const mailboxSize = 1 << 15
const program = fileURLToPath(new URL('peer.py', import.meta.url))

/** @param {number} round */
function samplesOf(round) {
  return Float64Array.from({ length: samplesPerRound }, (_, i) => Math.sin(i * round) * round)
}

/** @param {Float64Array} samples */
function meanAndDeviation(samples) {
  const mean = samples.reduce((a, b) => a + b, 0) / samples.length
  const variance = samples.reduce((a, b) => a + (b - mean) ** 2, 0) / samples.length
  return [mean, Math.sqrt(variance)]
}

/** @param {SharedMemory} memory */
async function exchange(memory) {
  const { outbox, inbox } = createMailboxes(memory, mailboxSize)
  const peer = spawn('python3', [program, `/dev/shm${memory.name}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = text(peer.stdout)
  const gone = new AbortController()
  peer.once('exit', () => gone.abort(new Error('python3 ended too early')))
  try {
    for (let round = 1; round <= rounds; round++) {
      const samples = samplesOf(round)
      outbox.send(round, new Uint8Array(samples.buffer))
      const reply = new Float64Array((await inbox.receive(round, gone.signal)).buffer)
      const expected = meanAndDeviation(samples)
      if (!expected.every((value, i) => Math.abs(value - (reply[i] ?? NaN)) < 1e-9)) {
        throw new Error(`round ${round}: ${reply.join()} instead of ${expected.join()}`)
      }
    }
    const end = once(peer, 'exit')
    outbox.send(rounds + 1, new Uint8Array())
    const [code, signal] = await end
    if (code !== 0) throw new Error(`python3 ended with ${signal ?? code}`)
    console.log((await output).trim())
  } catch (error) {
    throw gone.signal.aborted ? gone.signal.reason : error
  } finally {
    peer.kill('SIGKILL')
  }
}

/** @returns {Promise<string>} the result in one line */
async function demo() {
  const name = `posix-mmap-python-${process.pid}`
  const memory = SharedMemory.create(byteLengthFor(mailboxSize), { name })
  try {
    await exchange(memory)
  } finally {
    SharedMemory.unlink(name)
    memory.unmap()
  }
  return `${rounds} messages of ${samplesPerRound} numbers to Python, ${rounds} answers right`
}

if (spawnSync('python3', ['--version']).error) {
  console.log('skip: there is no python3 here')
} else if (endianness() !== 'LE') {
  console.log('skip: the layout is little endian, and this machine is not')
} else {
  try {
    console.log(`\npass: ${await demo()}`)
  } catch (error) {
    console.log(`\nfail: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  }
}
