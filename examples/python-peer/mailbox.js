// @ts-check
// A mailbox in shared memory, which holds one message in the layout of README.md.

import { setTimeout as delay } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

const mark = 0x50454552
const firstMailbox = 64
const headerBytes = 12

/** @param {number} size of each of the two mailboxes, in bytes */
export const byteLengthFor = (size) => firstMailbox + 2 * size

/**
 * Lays out the two mailboxes in a segment that no other process knows yet.
 *
 * @param {import('posix-mmap').SharedMemory} memory
 * @param {number} size
 */
export function createMailboxes(memory, size) {
  const header = memory.dataView(0, 8)
  header.setUint32(0, mark, true)
  header.setUint32(4, size, true)
  return {
    outbox: new Mailbox(memory, firstMailbox, size),
    inbox: new Mailbox(memory, firstMailbox + size, size),
  }
}

class Mailbox {
  /** @type {DataView} */
  #header
  /** @type {Uint8Array} */
  #body

  /**
   * @param {import('posix-mmap').SharedMemory} memory
   * @param {number} offset
   * @param {number} size
   */
  constructor(memory, offset, size) {
    this.#header = memory.dataView(offset, headerBytes)
    this.#body = memory.bytes(offset + headerBytes, size - headerBytes)
  }

  /**
   * @param {number} number
   * @param {Uint8Array} data
   */
  send(number, data) {
    this.#body.set(data)
    this.#header.setUint32(4, data.length, true)
    this.#header.setUint32(8, crc32(data, number), true)
    this.#header.setUint32(0, number, true)
  }

  /**
   * @param {number} number
   * @param {AbortSignal} signal
   */
  async receive(number, signal) {
    for (;;) {
      const length = this.#header.getUint32(4, true)
      if (this.#header.getUint32(0, true) === number && length <= this.#body.length) {
        // Copied first, so that the bytes that are checked are the bytes that are used.
        const data = this.#body.slice(0, length)
        if (crc32(data, number) === this.#header.getUint32(8, true)) return data
      }
      await delay(1, undefined, { signal })
    }
  }
}
