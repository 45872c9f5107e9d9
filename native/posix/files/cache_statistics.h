// cachestat(2): what the page cache knows of a file.
#pragma once

#include <cstdint>

namespace posix_mmap {

/// Pages of a range of a file, as the kernel's struct cachestat has them.
struct CacheStatistics {
  uint64_t cached;
  uint64_t dirty;
  uint64_t under_writeback;
  /// Pages that were in the cache once, as far as the kernel remembers.
  uint64_t evicted;
  /// Those of them whose return would mean that the cache is too small for what is read.
  uint64_t recently_evicted;
};

/// cachestat(2) — counts the pages of bytes of a file, 0 or -errno; -ENOSYS before Linux 6.5, and
/// -EPERM where a sandbox does not know the call. A length of 0 reaches to the end.
///
/// -EOPNOTSUPP on a file system that may keep the pages elsewhere, or that is not known: the call
/// counts those of the file that was opened, which on overlayfs, and for FUSE with passthrough,
/// never has any. mmap(2) and mincore(2) use the file below it.
int cache_statistics(int fd, uint64_t offset, uint64_t length,
                     CacheStatistics& statistics) noexcept;

/// The same of a file whose device is known.
int cache_statistics(int fd, uint64_t device, uint64_t offset, uint64_t length,
                     CacheStatistics& statistics) noexcept;

}  // namespace posix_mmap
