// cachestat(2): how much of a file is in the page cache.
#pragma once

#include <cstdint>

namespace posix_mmap {

/// cachestat(2) — counts the pages in memory of bytes of a file, or -errno; -ENOSYS before Linux
/// 6.5, and -EPERM where a sandbox does not know the call. A length of 0 reaches to the end.
///
/// -EOPNOTSUPP on a file system that may keep the pages elsewhere, or that is not known: the call
/// counts those of the file that was opened, which on overlayfs, and for FUSE with passthrough,
/// never has any. mmap(2) and mincore(2) use the file below it.
int64_t count_cached(int fd, uint64_t offset, uint64_t length) noexcept;

/// The same of a file whose device is known.
int64_t count_cached(int fd, uint64_t device, uint64_t offset, uint64_t length) noexcept;

}  // namespace posix_mmap
