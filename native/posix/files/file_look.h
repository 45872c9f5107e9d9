// What can be known of a file by its path, without keeping it open.
#pragma once

#include <cstdint>

#include "posix/files/file_identity.h"

namespace posix_mmap {

struct FileLook {
  FileIdentity identity;
  /// In bytes, or -errno; see file_size().
  int64_t size = 0;
  /// How many of its pages are in the page cache, or -errno where the kernel does not say;
  /// -EFBIG for a file larger than was asked for.
  int64_t cached = 0;
};

/// open(2), fstat(2), cachestat(2) and close(2) — 0, or the -errno of open(2). The pages are
/// counted only in a file of at most `most_bytes`, since that takes a time that grows with what is
/// cached.
int look_at_file(const char* path, uint64_t most_bytes, FileLook& look) noexcept;

}  // namespace posix_mmap
