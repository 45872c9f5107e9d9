// posix_fadvise(2): advice for a file as a whole, where madvise(2) is for a mapping of it.

import { systemError } from './errors.js'
import { constant, native } from './native.js'

/**
 * posix_fadvise(2) with POSIX_FADV_DONTNEED — asks the kernel to take all of a file out of the page
 * cache. Pages that are dirty, mapped or locked stay, and so does everything on tmpfs.
 */
export function dropFromCache(fd: number, path: string): void {
  const result = native.fileAdvice(fd, 0, 0, constant('POSIX_FADV_DONTNEED'))
  if (result < 0) throw systemError(result, 'posix_fadvise', path)
}
