// cachestat(2): how much of a file is in the page cache, without mapping it.

import { type FileIdentity, native, type Result } from '../native.js'
import { assertPermitted } from './permission.js'

let forbidden = false

/** For tests: as on a kernel without cachestat(2). */
export function forbidCachestat(wanted: boolean): void {
  forbidden = wanted
}

/**
 * cachestat(2) — counts the pages in memory of `length` bytes of a file from `offset`; a length of 0 reaches to the
 * end. It takes a time that grows with what is in memory, and not with the size of the file.
 *
 * @returns null where the kernel does not answer: before Linux 6.5, in sandboxes that do not know the
 *   call, for a file of hugetlbfs, since Linux 6.14 for a file that this process neither owns nor may write
 *   to, and on file systems such as overlayfs, whose files have their pages elsewhere
 */
export function countCached(fd: number, offset: number, length: number): number | null {
  const found = forbidden ? -1 : native.cachestat(fd, offset, length)
  return found < 0 ? null : found
}

const counted = new Float64Array(1)

/**
 * open(2), fstat(2), cachestat(2) or mincore(2), and close(2) — what can be known of a file without keeping
 * it open, in one step: for many small files, each step of JavaScript takes about as long as a system call.
 *
 * @param path without NUL
 * @param mostBytes of a file whose pages are counted
 * @param identity is told which file it is
 * @returns the size or a negative errno; `cached` is null where it was not found out
 */
export function lookAtFile(
  path: string,
  mostBytes: number,
  identity: FileIdentity,
): { size: Result; cached: number | null } {
  assertPermitted(path, 'fs.read')
  const size = native.lookAtFile(path, mostBytes, forbidden, identity, counted)
  const cached = counted[0] ?? -1
  return { size, cached: cached < 0 ? null : cached }
}
