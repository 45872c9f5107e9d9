// @ts-check
// A write-ahead log: append() writes a record through the mapping, commit() waits until it is on the disk.
// Commits that wait at the same time share one flush.

import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { mapFile, pageSize } from 'posix-mmap'
import { recordLength, writeRecord } from './record.js'
import { recover } from './recovery.js'

const firstLength = 4 * pageSize

export class WriteAheadLog {
  /** How many flushes commits have waited for. */
  flushes = 0

  #mapping
  /** A view of the whole mapping, taken again after each resize(), which detaches it. */
  #bytes
  #end
  #sequence
  /** The last record that is known to be on the disk, and where it ends. */
  #durable
  /** @type {Promise<void> | undefined} */
  #flushing
  /** @type {unknown} */
  #failure

  /**
   * Opens a log, or makes one. Cuts off a record that a writer has left half written.
   *
   * @param {string} path
   */
  constructor(path) {
    this.#mapping = mapFile(path, { access: 'read-write', create: true })
    syncDirectory(dirname(path))
    const mapping = this.#mapping
    const { payloads, end } = mapping.checked(() => recover(mapping.asBuffer()))
    mapping.resize(end)
    mapping.flushSync()
    this.#bytes = mapping.asBuffer()
    this.#end = end
    this.#sequence = payloads.length
    this.#durable = { sequence: this.#sequence, end }
  }

  /** The number of the last record, 0 when there is none. */
  get sequence() {
    return this.#sequence
  }

  /**
   * Adds a record. It may still be lost until commit() has resolved.
   *
   * @param {Uint8Array} payload
   * @returns {number} the number of the record, from 1
   */
  append(payload) {
    this.#assertSound()
    const end = this.#end + recordLength(payload.length)
    if (end > this.#bytes.length) this.#grow(end)
    writeRecord(this.#bytes, this.#end, ++this.#sequence, payload)
    this.#end = end
    return this.#sequence
  }

  /** Resolves when all that was appended before the call is on the disk. */
  async commit() {
    const sequence = this.#sequence
    while (this.#durable.sequence < sequence) {
      this.#assertSound()
      this.#flushing ??= this.#flush()
      await this.#flushing
    }
  }

  /** Commits, and cuts off the room that no record has used. */
  async close() {
    await this.commit()
    this.#mapping.resize(this.#end)
    this.#mapping.unmap()
  }

  /** @param {number} end */
  #grow(end) {
    // On a full disk resize() throws ENOSPC. The new bytes are zeros, which mark the end of a log.
    this.#mapping.resize(Math.max(firstLength, 2 * this.#bytes.length, end))
    this.#bytes = this.#mapping.asBuffer()
  }

  async #flush() {
    const appended = { sequence: this.#sequence, end: this.#end }
    const offset = this.#durable.end
    try {
      await this.#mapping.flush({ offset, length: appended.end - offset })
      this.#mapping.check()
      this.#durable = appended
      this.flushes++
    } catch (error) {
      // The kernel reports a write error only once: another flush could succeed although data is
      // lost.
      this.#failure = error
      throw error
    } finally {
      this.#flushing = undefined
    }
  }

  #assertSound() {
    if (this.#failure !== undefined) throw this.#failure
  }
}

/**
 * Writes a directory to the disk: without that, a new file may be gone after a power cut.
 *
 * @param {string} directory
 */
function syncDirectory(directory) {
  const fd = openSync(directory, 'r')
  fsyncSync(fd)
  closeSync(fd)
}
