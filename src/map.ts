// The functions that map.

import { mapAnonymousRegion } from './map/map-anonymous.js'
import { mapFileRegion } from './map/map-file.js'
import type { FileLike } from './map/open-file.js'
import type { MapAnonymousOptions, MapFileOptions } from './map/options.js'
import { createMapping, type Mapping } from './mapping.js'

/**
 * mmap(2) — maps a file, or part of it. A path is opened and closed again; a descriptor stays the
 * caller's. The mapping goes on when the file is closed, renamed or unlinked.
 *
 * @param file a path, a `file:` URL, a path as bytes, a descriptor or a FileHandle
 * @throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE · ERR_OUT_OF_RANGE when `offset` or `offset +
 *   length` lie past the end of the file · the errors of open(2), fstat(2), fallocate(2), mmap(2),
 *   madvise(2), mlock2(2) with `code`, `errno`, `syscall` and `path`: ENOENT, EACCES (write access
 *   to a read-only descriptor), EBADF, EISDIR, ENODEV (a pipe or a socket), ENOSPC, ENOMEM, …
 */
export function mapFile(file: FileLike, options?: MapFileOptions): Mapping {
  return createMapping(mapFileRegion(file, options))
}

/**
 * mmap(2) with MAP_PRIVATE and MAP_ANONYMOUS — maps zeroed memory that belongs to no file.
 *
 * @param byteLength in bytes
 * @throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE · ENOMEM, EAGAIN, EINVAL of mmap(2), madvise(2),
 *   mlock2(2)
 */
export function mapAnonymous(byteLength: number | bigint, options?: MapAnonymousOptions): Mapping {
  return createMapping(mapAnonymousRegion(byteLength, options))
}
