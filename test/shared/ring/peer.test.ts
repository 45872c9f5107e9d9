// A peer in another language, which has nothing but the layout that docs/shared-state.md describes.

import { spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { MessageRing } from 'posix-mmap/shared'
import { describe, expect, it } from 'vitest'
import { projectRoot, runCommand } from '../../support/processes.js'

const hasPython = spawnSync('python3', ['--version']).status === 0
// The words of the layout are atomic in Python, but in order only where the processor has them so.
const isOrdered = process.arch === 'x64'
const path = `${projectRoot}test/shared/ring/peer.py`

function startPeer(ring: MessageRing, ...args: string[]) {
  return runCommand('python3', path, `/proc/${process.pid}/fd/${ring.memory.fd}`, ...args)
}

/** With what it was before as well: Node 20 and 22 forget that when there are no bytes. */
function checksumOf(bytes: Uint8Array, before: number): number {
  return bytes.length === 0 ? before : crc32(bytes, before)
}

// Less than the messages have, so that the area is written over and over.
const capacity = 1 << 14
const count = 4000

describe.skipIf(!hasPython || !isOrdered)('a peer in Python', () => {
  it('receives what is sent', { timeout: 60_000 }, async () => {
    const ring = MessageRing.create(capacity)
    const peer = startPeer(ring, 'receive')
    let checksum = 0
    let passedOver = 0
    for (let number = 0; number < count; number++) {
      const message = randomBytes(randomInt(number % 8 === 0 ? 3000 : 100))
      checksum = checksumOf(message, checksum)
      if (number % 10 === 5 && ring.reserve(9)?.fill(255)) {
        ring.abort()
        passedOver++
      }
      await ring.send(message)
    }
    ring.close()
    expect(passedOver).toBeGreaterThan(0)
    const { stdout, stderr, code } = await peer
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    expect(stdout).toBe(`${count} ${checksum}\n`)
    ring[Symbol.dispose]()
  })

  it('sends what is received', { timeout: 60_000 }, async () => {
    const ring = MessageRing.create(capacity, { producers: 'single' })
    const peer = startPeer(ring, 'send', String(count), '7')
    let received = 0
    let checksum = 0
    for await (const message of ring) {
      checksum = checksumOf(message, checksum)
      if (++received === count) break
    }
    const { stdout, stderr, code } = await peer
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    expect(stdout).toBe(`${count} ${checksum}\n`)
    expect(ring.tryReceive()).toBeNull()
    // The peer left its side: another producer is let in.
    expect(ring.trySend('more')).toBe(true)
    ring[Symbol.dispose]()
  })
})
