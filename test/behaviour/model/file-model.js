// The model of a file: an array of bytes.

import { pageSize } from 'posix-mmap'

export class FileModel {
  size = 0
  /** Zero from `size` on. */
  bytes

  /** @param {number} capacity how large it may grow, in bytes */
  constructor(capacity) {
    this.bytes = new Uint8Array(capacity)
  }

  get capacity() {
    return this.bytes.length
  }

  /** How many pages the file has, in which an access does not fault. */
  get pages() {
    return Math.ceil(this.size / pageSize)
  }

  /** @param {number} size shorter or longer */
  truncate(size) {
    this.bytes.fill(0, size)
    this.size = size
  }

  /** fallocate(2): never shorter. @param {number} end */
  reserve(end) {
    this.size = Math.max(this.size, end)
  }

  /** pwrite(2). @param {number} offset @param {Uint8Array} source */
  write(offset, source) {
    if (source.length === 0) return
    this.bytes.set(source, offset)
    this.size = Math.max(this.size, offset + source.length)
  }

  /** Zeroes the part of a range that lies in the file. @param {number} start @param {number} end */
  zero(start, end) {
    this.bytes.fill(0, start, end)
  }

  /** The bytes of a page. @param {number} index */
  page(index) {
    return this.bytes.subarray(index * pageSize, (index + 1) * pageSize)
  }

  get content() {
    return this.bytes.subarray(0, this.size)
  }
}
