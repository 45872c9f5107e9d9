// posix_fadvise(2): advice about a file, where madvise(2) takes advice about a mapping.

import { checked, constant, native } from '../native.js'

/**
 * posix_fadvise(2) with POSIX_FADV_DONTNEED — asks the kernel to drop a file from the page cache.
 * Pages that are dirty, mapped or locked stay, and so does everything on tmpfs.
 */
export function dropFromCache(fd: number, path: string): void {
  const advice = constant('POSIX_FADV_DONTNEED')
  checked(native.fileAdvice(fd, 0, 0, advice), 'posix_fadvise', path)
}
