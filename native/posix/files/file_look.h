// What can be known of a file by its path, without keeping it open.
#pragma once

#include <cstdint>

#include "posix/files/file_identity.h"

namespace posix_mmap {

struct FileLook {
  FileIdentity identity;
  /// In bytes, or -errno; see file_size().
  int64_t size = 0;
  /// How many of its pages are in the page cache, or -errno where that is not found out; -EFBIG
  /// for a file larger than was asked for, and -EPERM if the kernel may call every page resident.
  int64_t cached = 0;
};

/// How a look finds out what is in the page cache.
enum class CacheQuestion {
  kStatistics,  ///< count_cached(), and a mapping where that has no answer
  kMapping,     ///< mincore(2)
};

/// open(2), fstat(2), cachestat(2) or mincore(2), and close(2) — 0, or the -errno of open(2). Pages
/// are counted only in a file of at most `most_bytes`, since that takes a time that grows with what
/// is cached; by a mapping, in one of at most 2,048 pages.
int look_at_file(const char* path, uint64_t most_bytes, CacheQuestion question,
                 FileLook& look) noexcept;

}  // namespace posix_mmap
