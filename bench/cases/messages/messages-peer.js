// @ts-check
// The other processes of the case 'messages': they send, or they receive, when they are told to.
//
//   node messages-peer.js HOW COUNT BYTES, with what withShared() passes on

import { once } from 'node:events'
import { SharedMemory } from '../../../dist/index.js'
import { Broadcast, MessageRing } from '../../../dist/shared.js'

const [how = '', counted = '0', bytes = '0'] = process.argv.slice(2)
const count = Number(counted)
const content = new Uint8Array(Number(bytes)).fill(7)

/** Says that it is there, and waits until it is told to begin. */
async function begin() {
  process.send?.('ready')
  await once(process, 'message')
}

/**
 * Has as many messages on their way as the pipe takes, and no more.
 *
 * @param {unknown} message
 */
async function sendMessages(message) {
  const most = 256
  let sent = 0
  let pending = 0
  await new Promise((resolve) => {
    const more = () => {
      while (sent < count && pending < most) {
        sent++
        pending++
        process.send?.(message, undefined, {}, () => {
          pending--
          if (sent === count && pending === 0) resolve(undefined)
          else if (pending === most / 2) more()
        })
      }
    }
    more()
  })
}

/** @type {Record<string, () => Promise<void>>} */
const parts = {
  ring: async () => {
    const ring = MessageRing.inherited('ring')
    await begin()
    // As code on an event loop does: without waiting as long as there is room.
    for (let i = 0; i < count; i++) if (!ring.trySend(content)) await ring.send(content)
  },
  polling: async () => {
    const ring = MessageRing.inherited('ring')
    await begin()
    for (let i = 0; i < count; i++) while (!ring.trySend(content));
  },
  // Fills in the first and the last byte of a place that nobody uses, and sends where it is.
  lending: async () => {
    const ring = MessageRing.inherited('ring')
    const returned = MessageRing.inherited('returned')
    const payloads = SharedMemory.inherited('payloads').bytes()
    const length = Number(bytes)
    /** @type {number[]} */
    const places = []
    for (let offset = 0; offset < payloads.length; offset += length) places.push(offset)
    const loan = new Uint8Array(8)
    const numbers = new DataView(loan.buffer)
    numbers.setUint32(4, length, true)
    await begin()
    for (let i = 0; i < count; i++) {
      let offset = places.pop()
      if (offset === undefined) {
        const place = returned.tryReceive() ?? (await returned.receive())
        offset = new DataView(place.buffer, place.byteOffset).getUint32(0, true)
      }
      payloads[offset] = 7
      payloads[offset + length - 1] = 7
      numbers.setUint32(0, offset, true)
      if (!ring.trySend(loan)) await ring.send(loan)
    }
  },
  // Answers each message with the same.
  answering: async () => {
    const ring = MessageRing.inherited('ring')
    const answers = MessageRing.inherited('answers')
    await begin()
    for await (const message of ring) if (!answers.trySend(message)) await answers.send(message)
  },
  // The same, when it has seen the payload whose place the message says.
  borrowing: async () => {
    const ring = MessageRing.inherited('ring')
    const answers = MessageRing.inherited('answers')
    const payloads = SharedMemory.inherited('payloads').bytes()
    await begin()
    for await (const loan of ring) {
      const numbers = new DataView(loan.buffer, loan.byteOffset)
      const [offset, length] = [numbers.getUint32(0, true), numbers.getUint32(4, true)]
      if (payloads[offset] !== payloads[offset + length - 1]) throw new Error('not what was lent')
      if (!answers.trySend(loan)) await answers.send(loan)
    }
  },
  echo: async () => {
    let left = count
    await new Promise((resolve) => {
      process.on('message', () => {
        process.send?.('seen', undefined, {}, () => {
          if (--left === 0) resolve(undefined)
        })
      })
      process.send?.('ready')
    })
  },
  strings: async () => {
    const message = 'x'.repeat(Number(bytes))
    await begin()
    await sendMessages(message)
  },
  bytes: async () => {
    await begin()
    await sendMessages(content)
  },
  reader: async () => {
    const reader = Broadcast.inherited('broadcast').subscribe()
    await begin()
    let left = count
    for await (const message of reader) {
      if (message.length > 0 && --left === 0) break
    }
    process.send?.('done')
  },
  listener: async () => {
    process.send?.('ready')
    let left = count
    await new Promise((resolve) => {
      process.on('message', () => {
        if (--left === 0) resolve(undefined)
      })
    })
    process.send?.('done')
  },
}

await parts[how]?.()
process.disconnect()
