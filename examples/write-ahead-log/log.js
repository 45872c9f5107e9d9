// @ts-check
// A write-ahead log: append() writes a record through the mapping, commit() waits until the disk has
// it. Commits that wait at the same time share one flush.

import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { mapFile, pageSize } from 'posix-mmap'
import { recordLength, writeRecord } from './record.js'
import { recover } from './recovery.js'

const firstLength = 4 * pageSize

export class WriteAheadLog {
  /** How often the disk was waited for. */
  flushes = 0

  #mapping
  /** All of the mapping, taken again after each resize(). */
  #bytes
  #end
  #sequence
  /** The records up to here, and where they end, are on the disk. */
  #durable
  /** @type {Promise<void> | undefined} */
  #flushing
  /** @type {unknown} */
  #failure

  /**
   * Opens a log, or makes one. What a writer left half written is cut off.
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
   * Does not wait: the record may be lost until commit() has returned.
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

  /** Commits, and gives the room back that no record has taken. */
  async close() {
    await this.commit()
    this.#mapping.resize(this.#end)
    this.#mapping.unmap()
  }

  /** @param {number} end */
  #grow(end) {
    // A full disk is ENOSPC here. The new bytes are zeros, as the end of a log is.
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
      // The kernel tells of an error once: a second flush could succeed without the data.
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
 * A file that was made is there after a power cut only when its directory is on the disk.
 *
 * @param {string} directory
 */
function syncDirectory(directory) {
  const fd = openSync(directory, 'r')
  fsyncSync(fd)
  closeSync(fd)
}
