// posix_fadvise(2): advice for a file as a whole, where madvise(2) is for a mapping of it.

import { checked, constant, native } from '../native.js'

/**
 * posix_fadvise(2) with POSIX_FADV_DONTNEED — asks the kernel to take all of a file out of the page
 * cache. Pages that are dirty, mapped or locked stay, and so does everything on tmpfs.
 */
export function dropFromCache(fd: number, path: string): void {
  const advice = constant('POSIX_FADV_DONTNEED')
  checked(native.fileAdvice(fd, 0, 0, advice), 'posix_fadvise', path)
}
