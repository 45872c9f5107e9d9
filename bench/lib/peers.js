// @ts-check
// Maps files in the way of the peers.

import { peer } from './unavailable.js'

const readable = 1
const shared = 1

/**
 * mmap(2) called through koffi. Nothing prevents the use of a view after munmap(), which is a
 * crash.
 */
export async function koffiMmap() {
  const koffi = await peer('koffi')
  const libc = koffi.load(null)
  const mmap = libc.func(
    'void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)',
  )
  const munmap = libc.func('int munmap(void *addr, size_t length)')
  return {
    /** @type {(fd: number, size: number) => unknown} */
    map: (fd, size) => mmap(null, size, readable, shared, fd, 0),
    /** @type {(address: unknown, size: number) => Uint8Array} */
    view: (address, size) => new Uint8Array(koffi.view(address, size)),
    /** @type {(address: unknown, size: number) => void} */
    munmap: (address, size) => munmap(address, size),
  }
}

/** @returns {Promise<(fd: number, size: number) => Buffer>} */
export async function mmapIo() {
  const io = await peer('@riaskov/mmap-io')
  return (fd, size) => io.map(size, io.PROT_READ, io.MAP_SHARED, fd)
}
