// posix_fadvise(2): advice about a file, where madvise(2) takes advice about a mapping.

import { checked, constant, native } from '../native.js'

/**
 * posix_fadvise(2) with POSIX_FADV_DONTNEED — asks the kernel to drop part of a file from the page cache,
 * of which it drops only whole pages; a length of 0 reaches to the end of the file. Pages that are dirty,
 * mapped or locked stay, and so does everything on tmpfs.
 */
export function dropFromCache(fd: number, offset: number, length: number, path: string): void {
  const advice = constant('POSIX_FADV_DONTNEED')
  checked(native.fileAdvice(fd, offset, length, advice), 'posix_fadvise', path)
}
